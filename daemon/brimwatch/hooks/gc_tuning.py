"""`tune_gc`: how often should Python look for cycles? Less often while there is memory, as before once there is not.

A collection of the youngest generation is due when that many more objects were made than freed; its cost is in what
survives. What start-up made is frozen: it is looked at no more. Source: the documentation of gc, gc.set_threshold.
"""

from __future__ import annotations

import _thread
import gc
import sys

from brimwatch.hooks.block import enrol, leave
from brimwatch.hooks.collect import HERITAGE, is_frozen
from brimwatch.hooks.following import tier as current_tier
from brimwatch.hooks.settings import LEVELS, SETTINGS
from brimwatch.hooks.wire import TIERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Thresholds = tuple[int, int, int]

NAME = "gc-tuning"
STRICT = (700, 10, 10)  # what CPython had as its default up to 3.12
# Level to thresholds. Measured by tests/bench/gc_tuning.py; docs/blocks/tune-gc.md has the figures.
BY_LEVEL = {"basic": (5_000, 10, 10), "standard": (2_000, 10, 10), "aggressive": STRICT}
_MOST = 2**31 - 1  # a C int


class Tuning:
    """The thresholds in force, and those of before. One in a process: `tune_gc` changes it."""

    def __init__(self) -> None:
        self.lock = _thread.RLock()  # a signal handler, or what a collection ends, may call us again
        self.name = NAME
        self.previous: Thresholds | None = None  # None: not tuned
        self.wanted: Thresholds = STRICT
        self.why = ""  # why nothing could be tuned
        self._set: Sequence[int] = ()  # what we have set last
        self._froze = self._follows = False
        self._began: list[int] = []

    def tune(self, wanted: Thresholds, freeze: bool, follow_tier: bool) -> None:
        """Set thresholds and, if asked to, freeze what is there."""
        if not hasattr(gc, "set_threshold") or not hasattr(gc, "freeze"):
            self.why = f"{sys.implementation.name} has no thresholds to set"
            return
        with self.lock:
            first = self.previous is None
            if self.previous is None:
                self.previous = gc.get_threshold()
            self.wanted = wanted
            self._put(wanted)
        if freeze:
            self._freeze()
        if first:
            self._began = _collections()
        self._follows = follow_tier
        self.tier_changed(current_tier() or TIERS[0])

    def tier_changed(self, tier: str) -> None:
        """At critical and above as often as `STRICT`, or more often if that was asked for; below as asked for."""
        strict = tier in TIERS[2:]
        with self.lock:
            if self._follows and self.previous is not None and gc.get_threshold() == self._set:
                self._put(min(self.wanted, STRICT) if strict else self.wanted)

    follow = tier_changed

    def undo(self) -> bool:
        """Set the thresholds of before, and let frozen objects be looked at again; False where nothing was tuned.

        What the program has set or frozen itself in the meantime stays.
        """
        leave(self)
        with self.lock:
            tuned = self.previous is not None
            if self.previous is not None and gc.get_threshold() == self._set:
                self._put(self.previous)
            self.previous = None
            if self._froze:
                gc.unfreeze()
                self._froze = False
        return tuned

    def size_bytes(self) -> int:
        """Bytes of its own: it holds nothing for the program."""
        return sys.getsizeof(self) + sys.getsizeof(self.__dict__)

    def info(self) -> dict[str, int]:
        """Thresholds now and before, collections since, objects frozen."""
        if self.previous is None:
            return {}
        done = [now - then for now, then in zip(_collections(), self._began)]
        return {
            "threshold": gc.get_threshold()[0],
            "previous_threshold": self.previous[0],
            "enabled": int(gc.isenabled()),
            "frozen_objects": gc.get_freeze_count(),
            "collections": sum(done),
            "full_collections": done[-1] if done else 0,
        }

    def after_fork(self, _intact: bool) -> None:
        """In the child: the thresholds are inherited, and hold on."""

    def _put(self, thresholds: Sequence[int]) -> None:
        gc.set_threshold(*thresholds)
        self._set = gc.get_threshold()  # an interpreter may keep some of them only

    def _freeze(self) -> None:
        own = not is_frozen()
        # Garbage would be frozen as well; in a child, looking for it would copy what is shared with the parent.
        if not HERITAGE.would_unshare:
            gc.collect()
        gc.freeze()
        with self.lock:
            self._froze = self._froze or own


_TUNING = Tuning()


def tune_gc(
    thresholds: Sequence[int] | None = None,
    *,
    level: str | None = None,
    freeze: bool = True,
    follow_tier: bool = True,
) -> Tuning:
    """Set how often cycles are looked for; call it when start-up is done. `undo()` on the result takes it back.

    `thresholds`: three counts as for gc.set_threshold, the first above 0. Without them those of `level`, without that
    of the level in `hooks.configure`. `freeze`: collect once, then freeze what is there. `follow_tier`: at critical
    and above at least as often as (700, 10, 10). Called again it changes what is given, and `undo()` still goes back
    to before the first call. Raises ValueError for thresholds or a level that cannot be.
    """
    wanted = _thresholds(level) if thresholds is None else _checked(thresholds)
    enrol(_TUNING, NAME)
    _TUNING.tune(wanted, freeze, follow_tier)
    return _TUNING


def _thresholds(level: str | None) -> Thresholds:
    chosen = SETTINGS.level if level is None else level
    if chosen not in LEVELS:
        raise ValueError(f"hooks.tune_gc: found the level {chosen!r:.80}, wanted one of {', '.join(LEVELS)}")
    return BY_LEVEL[chosen]


def _checked(thresholds: Any) -> Thresholds:
    found = tuple(thresholds) if isinstance(thresholds, (list, tuple)) else ()
    counts = all(isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _MOST for count in found)
    if len(found) != len(STRICT) or not counts or found[0] == 0:
        wanted = "three counts as for gc.set_threshold, the first above 0 (0 would switch the collector off)"
        raise ValueError(f"hooks.tune_gc: found {thresholds!r:.80}, wanted {wanted}")
    return found[0], found[1], found[2]


def _collections() -> list[int]:
    return [generation["collections"] for generation in gc.get_stats()]
