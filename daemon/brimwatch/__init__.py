"""Which version is this? Imports nothing, because an application's hooks pass through here."""

__version__ = "0.1.0"
