"""What may a hook be called? For who reads a configuration, without the rest of the client."""

from __future__ import annotations

from brimwatch.hooks.wire import is_name


def is_hook_name(text: str) -> bool:
    """Whether an agent can have a hook of this name: 1 to 64 letters, digits and `_.-:` of ASCII."""
    return is_name(text)
