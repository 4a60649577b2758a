"""How does a program give memory back when it is asked? `from brimwatch import hooks`, then `hooks.install()`.

Standard library only, Python 3.9 and newer; imports nothing else of the package. See docs/hooks.md.
"""

from __future__ import annotations

from brimwatch.hooks.api import (
    asgi,
    clear,
    configure,
    install,
    may_go,
    off,
    on,
    on_tier,
    reclaim,
    register,
    status,
    uninstall,
    wsgi,
)
from brimwatch.hooks.request import Request, Skip

__all__ = [
    "Request",
    "Skip",
    "asgi",
    "clear",
    "configure",
    "install",
    "may_go",
    "off",
    "on",
    "on_tier",
    "reclaim",
    "register",
    "status",
    "uninstall",
    "wsgi",
]
