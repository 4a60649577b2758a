"""Which version is this? Imports nothing, because an application's hooks pass through here."""

from __future__ import annotations

__version__ = "0.1.0"
