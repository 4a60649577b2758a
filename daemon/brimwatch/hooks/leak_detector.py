"""`LeakDetector`: which type grows without end, how fast, and where is it made? Looks now and then, and says so.

A thread of its own counts the objects of each type (`leak_look`), `leak_judge` tells a leak from a sawtooth. What is
not tracked by Python's collector (bytes, arrays, memory of C libraries) is seen in the resident set alone.
"""

from __future__ import annotations

import gc
import random
import sys
import threading
import time

from brimwatch.hooks.arguments import check_function, check_number
from brimwatch.hooks.block import enrol, leave
from brimwatch.hooks.collect import HERITAGE
from brimwatch.hooks.leak_judge import Growth, Judge
from brimwatch.hooks.leak_look import last_of, mean_size, named, places, tracked_types
from brimwatch.hooks.process import rss
from brimwatch.hooks.registry import DEFAULT, check_name
from brimwatch.hooks.request import Request, Skip
from brimwatch.hooks.thread import start_thread
from brimwatch.hooks.wire import CONDITION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

RESIDENT = "resident set"  # the name of what grows without a type that explains it
MOST_BLOCKS = 2_000_000  # above, a look would take more than 0.1 s: then only the resident set is watched
SHARE = 0.002  # of one core, at most: looks become rarer
MOST_LEAKS = 8  # types that are looked at closely
_LEAST_BYTES = 1_000_000  # growth of the resident set that is worth a word
_JITTER = 0.25  # looks at even intervals would take a sawtooth of the same period for a slow rise
_MOST_SECONDS = 86_400.0


class Leak:
    """What grows: `name` is a type's, or `resident set`; `objects` how many more there are, None for the latter.

    `bytes_per_hour` is an estimate (None where it has none), `where` the lines that made most of the last ones,
    `confidence` from 0 to 1.
    """

    __slots__ = ("bytes_per_hour", "confidence", "name", "objects", "seconds", "where")

    def __init__(self, growth: Growth, size: float | None, where: list[str]) -> None:
        self.name = growth.name
        self.objects = None if growth.name == RESIDENT else int(growth.grown)
        self.seconds = growth.seconds
        self.bytes_per_hour = None if size is None else growth.per_second * 3600 * size
        self.confidence = growth.confidence
        self.where = where

    def __str__(self) -> str:
        much = "" if self.objects is None else f"{self.objects} more in {self.seconds:.0f} s, "
        size = "size unknown" if self.bytes_per_hour is None else f"{self.bytes_per_hour / 1e6:.1f} MB an hour"
        where = f", made at {', '.join(self.where)}" if self.where else ""
        return f"{self.name}: {much}{size}, confidence {self.confidence:.2f}{where}"


class LeakDetector:
    """Watches from now on, every `interval` seconds; a leak is told after `windows` windows whose floors rise.

    `window`: seconds; what comes and goes within one is no leak. `least`: objects by which a type has to grow.
    `on_leak(leak)`: called once for each name, on our thread. `start=False`: looks are taken by `look()` alone. Raises
    ValueError for what cannot be.
    """

    def __init__(
        self,
        *,
        interval: float = 60.0,
        window: float = 1800.0,
        windows: int = 4,
        least: int = 100,
        on_leak: Callable[[Leak], Any] | None = None,
        name: str = "leaks",
        start: bool = True,
    ) -> None:
        check_name(name)
        check_number("hooks.LeakDetector: interval", interval, 0.01, _MOST_SECONDS)
        check_number("hooks.LeakDetector: window", window, 3 * interval, 24 * _MOST_SECONDS)
        check_number("hooks.LeakDetector: windows", windows, 3, 20)
        check_number("hooks.LeakDetector: least", least, 1, 1e9)
        check_function("hooks.LeakDetector: on_leak", on_leak)
        self.name, self._interval, self._on_leak = name, interval, on_leak
        self._shape = (round(window / interval), int(windows), 2 * window)
        self._least = least
        self.faults = 0  # looks and callbacks that raised
        self.missing = ""  # why types are not counted now
        self.seconds = 0.0  # that the last look took
        self.looks = 0
        self._running = False
        self._found: list[Leak] = []
        self.after_fork(True)
        enrol(self, name, "emergency", DEFAULT)
        if start:
            self.start()

    def start(self) -> None:
        """Look from now on, on a thread of our own."""
        with self._lock:
            if not self._running:
                self._running = True
                self._begin()

    def close(self) -> None:
        """Look no more, and report nothing."""
        self._running = False
        self._stop.set()
        leave(self)

    def look(self) -> bool:
        """Take one look now; True when it closed a window. The program stands still for 0.1 us an object."""
        with self._lock:
            began = time.monotonic()
            counts, types = self._count()
            resident = rss()
            types_closed = self._judges[0].look(began, counts) if not self.missing else False
            closed = self._judges[1].look(began, {} if resident is None else {RESIDENT: resident})
            if types_closed or closed:
                self._found = self._judged(types)
            self.seconds = time.monotonic() - began
            self.looks += 1
            found = list(self._found)
        self._tell(found)
        return types_closed or closed

    def report(self) -> list[Leak]:
        """What grew when the last window closed, the fastest first; the resident set comes last."""
        return list(self._found)

    def size_bytes(self) -> int:
        """Bytes of our tables, estimated."""
        series = [one for judge in self._judges for one in list(judge.series.values())]
        return sum(sys.getsizeof(one) + 150 * len(one.floors) for one in series)

    def info(self) -> dict[str, float]:
        """How many leaks, their rate, and what looking costs."""
        rates = [leak.bytes_per_hour for leak in self._found if leak.bytes_per_hour is not None]
        return {
            "leaks": len(self._found),
            "bytes_per_hour": sum(rates),
            "confidence": max((leak.confidence for leak in self._found), default=0.0),
            "looks": self.looks,
            "look_seconds": self.seconds,
            "types": len(self._judges[0].series),
            "faults": self.faults,
        }

    def shrink(self, _request: Request) -> int:
        """The hook: forgets what shows no growth; the bytes of it. What grows is evidence, and stays."""
        with self._lock:
            before = self.size_bytes()
            forgotten = sum(judge.forget_level() for judge in self._judges)
        if not forgotten:
            raise Skip(CONDITION, "nothing is remembered but what grows")
        return max(0, before - self.size_bytes())

    def after_fork(self, _intact: bool) -> None:
        """In the child: a process of its own, with a thread of its own if the parent had one."""
        self._lock = threading.RLock()
        self._stop = threading.Event()
        looks, windows, longest_gap = self._shape
        self._judges = [Judge(looks, windows, least, longest_gap) for least in (self._least, _LEAST_BYTES)]
        self._found = []
        self._told: set[str] = set()  # names of which on_leak has heard
        self._full = _full_collections()  # when the last window closed
        if self._running:
            self._begin()

    def _begin(self) -> None:
        self._stop = stop = threading.Event()
        self._running = start_thread(lambda: self._run(stop), "brimwatch-leaks")

    def _run(self, stop: threading.Event) -> None:
        chance = random.Random()  # noqa: S311 - of ours: the program may have seeded its own
        while not stop.wait(self._pause(chance.uniform(1 - _JITTER, 1 + _JITTER))):
            try:
                self.look()
            except BaseException:  # noqa: BLE001 - also sys.exit() in on_leak: counted, shown in info
                self.faults += 1

    def _pause(self, jitter: float) -> float:
        return max(self._interval * jitter, self.seconds / SHARE if self.looks else 0.0)

    def _count(self) -> tuple[dict[str, int], dict[str, type]]:
        blocks = sys.getallocatedblocks() if hasattr(sys, "getallocatedblocks") else 0
        self.missing = ""
        if HERITAGE.would_unshare:
            self.missing = "forked without gc.freeze(): to look at objects would copy what is shared with the parent"
        elif blocks > MOST_BLOCKS:
            self.missing = f"{blocks} blocks: to count them would hold up the program"
        return ({}, {}) if self.missing else named(tracked_types())

    def _judged(self, types: dict[str, type]) -> list[Leak]:
        growing = [] if self.missing else self._lasting(self._judges[0].growing())
        leaks = [self._leak(growth, types.get(growth.name)) for growth in growing[:MOST_LEAKS]]
        leaks.sort(key=lambda leak: -(leak.bytes_per_hour or 0))
        leaks += [Leak(growth, 1.0, []) for growth in self._judges[1].growing()]
        self._told &= {leak.name for leak in leaks}
        return leaks

    def _leak(self, growth: Growth, found: type | None) -> Leak:
        objects = [] if found is None else last_of(found)
        return Leak(growth, mean_size(objects), places(objects))

    def _lasting(self, growing: list[Growth]) -> list[Growth]:
        """Without what is but cycles that wait for a full collection: one is made, unless the program made one."""
        full, self._full = self._full, _full_collections()
        if not growing or self._full > full:
            return growing
        gc.collect()
        self._full = _full_collections()
        counts = named(tracked_types())[0]
        return [one for one in growing if counts.get(one.name, 0) >= one.floor - one.grown / 2]

    def _tell(self, found: list[Leak]) -> None:
        for leak in found:
            if leak.name not in self._told:
                self._told.add(leak.name)
                self._call(leak)

    def _call(self, leak: Leak) -> None:
        try:
            if self._on_leak is not None:
                self._on_leak(leak)
        except Exception:  # noqa: BLE001 - a stranger's callback
            self.faults += 1


def _full_collections() -> int:
    return int(gc.get_stats()[-1]["collections"]) if hasattr(gc, "get_stats") else 0
