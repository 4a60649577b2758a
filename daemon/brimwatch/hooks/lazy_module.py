"""How is something large loaded when it is first used, and dropped when memory is short? `hooks.LazyModule`.

What gives memory back is an instance: a model, an index, a table. A pure Python module goes if nobody else holds it.
Extension modules stay: unloading numpy gave back 0.1 of 17 MB, and the next import failed.
`importlib.util.LazyLoader` puts the loading off as well, but changes the module in place and never lets go of it.
"""

from __future__ import annotations

import _thread
import sys
import time
from importlib import import_module

from brimwatch.hooks.arguments import check_function, check_seconds
from brimwatch.hooks.block import enrol
from brimwatch.hooks.following import rank
from brimwatch.hooks.modules import UNLOADABLE, family_of, must_stay, unload
from brimwatch.hooks.process import rss
from brimwatch.hooks.references import modules_held, object_held
from brimwatch.hooks.registry import MODULES, check_tier
from brimwatch.hooks.request import Skip
from brimwatch.hooks.wire import BUSY, CONDITION, UNSUPPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from brimwatch.hooks.request import Request

_NOTHING = object()  # what is held while nothing is loaded; None may well be what was loaded


class LazyModule:
    """Stands for a module, or for what `load()` returns, and loads it when an attribute is first asked for.

    From `tier` on it is dropped, unless it is `critical`, in use or held by somebody else; the next use loads it again.
    `idle`: from warning on it goes as well once nobody has used it for that many seconds. `with lazy as loaded:` holds
    it for as long as the block runs. `lazy.__lazy__` is its `Lazy`: all other names are those of what is loaded.
    `name` is its hook's, `lazy:` and the module if not said. Raises ValueError for arguments that cannot be; what an
    import or `load` raises reaches whoever asked for the attribute, and the next one tries again.
    """

    __slots__ = ("__lazy__", "__weakref__")
    __lazy__: Lazy

    def __init__(
        self,
        module: str,
        load: Callable[[], Any] | None = None,
        *,
        critical: bool = False,
        idle: float | None = None,
        tier: str = "emergency",
        name: str | None = None,
    ) -> None:
        lazy = Lazy(module, load, critical, idle, tier, time.monotonic)
        enrol(lazy, name or f"lazy:{module}", tier if idle is None else "warning", MODULES)
        object.__setattr__(self, "__lazy__", lazy)

    def __getattr__(self, name: str) -> Any:
        if name == "__lazy__":  # of a copy that was never made: copy and pickle ask it for its methods
            raise AttributeError(name)
        return getattr(self.__lazy__.get(), name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{self!r}: {name!r:.80} would be lost when it is dropped; set it in `load`")

    def __dir__(self) -> list[str]:
        return dir(self.__lazy__.get())

    def __enter__(self) -> Any:
        return self.__lazy__.hold()

    def __exit__(self, *_: object) -> None:
        self.__lazy__.let_go()

    def __repr__(self) -> str:
        return f"<LazyModule {self.__lazy__.module}, {'loaded' if self.__lazy__.loaded else 'not loaded'}>"


class Lazy:
    """What a `LazyModule` knows and does: `load_bytes`, `load_seconds`, `loads`, `unloads`, `failures`, `get`, `drop`.

    `load_bytes` is by how much the resident set of the process grew during the last load, None where it cannot be
    read. What other threads did meanwhile is in it, and so are modules that `load` imported: these stay.
    """

    def __init__(
        self,
        module: str,
        load: Callable[[], Any] | None,
        critical: bool,
        idle: float | None,
        tier: str,
        clock: Callable[[], float],
    ) -> None:
        if not isinstance(module, str) or (load is None and not all(part.isidentifier() for part in module.split("."))):
            raise ValueError(f"hooks.LazyModule: found the module {module!r:.80}, wanted a dotted name")
        check_function("hooks.LazyModule: load", load)
        if idle is not None:
            check_seconds("hooks.LazyModule: idle", idle, zero=True)
        check_tier(tier)
        self.module, self.name, self.critical, self.idle, self.tier = module, "", critical, idle, tier
        self.load_bytes: int | None = None
        self.load_seconds: float | None = None
        self.loads = self.unloads = self.failures = 0
        self._load, self._clock = load, clock
        self._value: Any = _NOTHING
        self._used = clock()
        self._lock = _thread.RLock()  # a signal handler, or what a collection ends, may ask while its thread drops it
        self._loading: int | None = None  # the thread that loads
        self._users: dict[int, int] = {}  # thread to how many `with` blocks it is in
        if critical and load is None:
            UNLOADABLE.keep(module)

    @property
    def loaded(self) -> bool:
        """Whether it is held now."""
        return self._value is not _NOTHING

    def get(self) -> Any:
        """What is loaded; loads it. One thread does, others wait."""
        value = self._value
        if value is _NOTHING:
            value = self._get_slowly(0)
        if self.idle is not None:
            self._used = self._clock()
        return value

    def hold(self) -> Any:
        """The same, and it is not dropped until this thread has called `let_go` as often."""
        return self._get_slowly(1)

    def let_go(self) -> None:
        """The end of a `hold`."""
        with self._lock:
            here = _thread.get_ident()
            thread = here if here in self._users else next(iter(self._users), here)  # begun on one, ended on another
            left = self._users.pop(thread, 0) - 1
            if left > 0:
                self._users[thread] = left
            self._used = self._clock()

    def drop(self) -> int | None:
        """Forget what is loaded, whatever the tier; returns the bytes by which the resident set fell.

        Raises Skip where it stays: it is not loaded, critical, in use, held by somebody else, or an extension module.
        """
        if self.critical:
            raise Skip(CONDITION, "it is critical")
        if not self._lock.acquire(False):
            raise Skip(BUSY, "it is being loaded")
        try:
            return self._drop()
        finally:
            self._lock.release()

    def shrink(self, request: Request) -> int | None:
        """The hook."""
        idle = self._clock() - self._used
        if rank(request.tier) < rank(self.tier) and not request.named and (self.idle is None or idle < self.idle):
            raise Skip(CONDITION, f"used {idle:.0f} s ago")
        return self.drop()

    def size_bytes(self) -> int | None:
        """Bytes that it holds: what loading it took; 0 while it is not loaded."""
        return self.load_bytes if self.loaded else 0

    def info(self) -> dict[str, Any]:
        """Figures for metrics."""
        found = {
            "loaded": int(self.loaded),
            "loads": self.loads,
            "unloads": self.unloads,
            "failures": self.failures,
            "users": sum(self._users.copy().values()),
            "critical": int(self.critical),
            "load_seconds": self.load_seconds,
            "load_bytes": self.load_bytes,
        }
        return {key: value for key, value in found.items() if value is not None}

    def after_fork(self, _intact: bool) -> None:
        """In a forked child: threads that were loading or using it are not there."""
        self._lock = _thread.RLock()  # a fork does not wait for it: it is held for as long as a load takes
        self._loading = None
        here = _thread.get_ident()
        self._users = {thread: count for thread, count in self._users.items() if thread == here}

    def _get_slowly(self, holds: int) -> Any:
        here = _thread.get_ident()
        if self._loading == here:
            raise RuntimeError(f"hooks.LazyModule: {self.module} asks for itself while it is loaded")
        made = None
        if self._load is None and not self.loaded:
            # Not under our lock: the import system has its own, and a module may ask for us while it is imported.
            made = self._made()
        with self._lock:
            if not self.loaded:
                self._loading = here
                try:
                    self._value, self.load_bytes, self.load_seconds = self._made() if made is None else made
                finally:
                    self._loading = None
                self.loads += 1
            self._used = self._clock()
            if holds:
                self._users[here] = self._users.get(here, 0) + holds
            return self._value

    def _made(self) -> tuple[Any, int | None, float]:
        before, began = rss(), time.perf_counter()
        try:
            value = import_module(self.module) if self._load is None else self._load()
        except BaseException:
            self.failures += 1
            raise
        seconds, after = time.perf_counter() - began, rss()
        return value, None if before is None or after is None else max(0, after - before), seconds

    def _drop(self) -> int | None:
        if not self.loaded:
            raise Skip(CONDITION, "it is not loaded")
        if self._users:
            raise Skip(BUSY, f"in use by {len(self._users)} threads")
        before = rss()
        why = self._forget_object() if self._load is not None else self._forget_module()
        if why is not None:
            raise why
        self.unloads += 1
        after = rss()
        return None if before is None or after is None else max(0, before - after)

    def _forget_object(self) -> Skip | None:
        box, self._value = [self._value], _NOTHING  # who asks from now on waits for our lock
        held = object_held(box)
        if held is False:
            return None
        self._value = box[0]
        return _held(held)

    def _forget_module(self) -> Skip | None:
        why = must_stay(self.module)
        if why is not None:
            return Skip(UNSUPPORTED, why)
        names = frozenset(family_of(self.module))
        self._value = _NOTHING
        held = modules_held(names) if names else False
        if held is False and (not names or unload(self.module)):
            return None
        self._value = sys.modules.get(self.module, _NOTHING)
        return _held(held)


def _held(held: bool | None) -> Skip:
    return Skip(BUSY, "somebody else holds it" if held else "whether somebody else holds it cannot be told")
