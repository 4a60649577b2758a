"""`modules`: which loaded modules may go? Those that the program named, if they are pure Python to the last one.

Measured: unloading numpy gave back 0.1 of 17 MB, and the next import failed. So no package goes that holds an
extension module, none that is being imported, and none that the program wants kept (`LazyModule(critical=True)`).
Memory comes back only where nothing else refers to it.
"""

from __future__ import annotations

import sys

from brimwatch.hooks.process import rss
from brimwatch.hooks.request import Request, Skip
from brimwatch.hooks.wire import UNSUPPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_PURE = (".py", ".pyc")
MOST = 256  # names


class Unloadable:
    """Names of modules that the program imports again when it needs them."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.kept: frozenset[str] = frozenset()  # never go, whoever else says that they may

    def add(self, *names: str) -> None:
        """These may go. Raises ValueError for what is no module's name."""
        for name in names:
            if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
                raise ValueError(f"hooks: found the module {name!r:.80}, wanted a dotted name")
        self.names = tuple(sorted({*self.names, *names}))[:MOST]

    def keep(self, name: str) -> None:
        """This one never goes, nor a package around it."""
        self.kept |= {name}

    def drop(self, _request: Request) -> int | None:
        """The hook: bytes by which the resident set fell. Raises Skip where nothing may go."""
        before = rss()
        dropped = [name for name in self.names if name in sys.modules and unload(name)]
        if not dropped:
            raise Skip(UNSUPPORTED, "no module that may go is loaded and pure Python")
        after = rss()
        return None if before is None or after is None else max(0, before - after)


UNLOADABLE = Unloadable()


def family_of(name: str) -> list[str]:
    """The loaded module of that name and all below it."""
    return [key for key in list(sys.modules) if key == name or key.startswith(name + ".")]


def must_stay(name: str) -> str | None:
    """Why a loaded module may not go; None where it may."""
    for key in family_of(name):
        module = sys.modules.get(key)
        if key in UNLOADABLE.kept:
            return f"{key} is critical"
        if module is None or not _may_go(module):
            return f"{key} is no pure Python module that is fully imported: unloading it would give nothing back"
    return None


def unload(name: str) -> bool:
    """Take a module and all below it out of `sys.modules`; False where one of them has to stay."""
    if must_stay(name) is not None:
        return False
    for key in family_of(name):
        module = sys.modules.pop(key, None)
        parent, _, last = key.rpartition(".")
        above = sys.modules.get(parent)
        if above is not None and above.__dict__.get(last) is module:
            del above.__dict__[last]
    return True


def _may_go(module: ModuleType) -> bool:
    spec = getattr(module, "__spec__", None)
    origin = getattr(spec, "origin", None)
    if spec is None or getattr(spec, "_initializing", False):
        return False
    return origin is None or origin.endswith(_PURE)  # a namespace package has none
