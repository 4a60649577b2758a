"""How large may the next batch be? As memory allows, down to none at all, and back. `hooks.AdaptiveBatcher`."""

from __future__ import annotations

import _thread
import gc
import sys
import threading
import time
from itertools import islice

from brimwatch.hooks import api
from brimwatch.hooks.amounts import amount
from brimwatch.hooks.arguments import check_count, check_seconds
from brimwatch.hooks.block import enrol
from brimwatch.hooks.following import tier as current_tier
from brimwatch.hooks.forking import FORKING
from brimwatch.hooks.guarding import MemoryRefused
from brimwatch.hooks.headroom import headroom
from brimwatch.hooks.process import rss
from brimwatch.hooks.registry import DEFAULT
from brimwatch.hooks.settings import MOST_ITEMS, SETTINGS
from brimwatch.hooks.wire import TIERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

POLL = 0.25  # seconds between two looks while nothing may pass
FRESH = 0.25  # seconds for which a look at the headroom is good: it reads a dozen files
ROOMY = 0.5  # of what the process has: with more than that left, batches may be twice as large


class AdaptiveBatcher:
    """Cuts any iterable into lists, whose length follows memory: `for batch in batcher(items)`.

    Without `steps`: `size` items (the setting `streaming_batch_size` if not said), twice as many while more is left
    than is resident, half at warning, 1 at critical, none in an emergency; `tiers` changes these. `steps`: pairs of
    bytes and items, `[("1GB", 5), ("1.5GB", 1)]` is 5 below 1 GB resident, 1 below 1.5 GB and none from there on;
    `tiers` may add to them, and the smaller one counts. Where none may pass it asks the hooks once for memory, then
    waits, up to `deadline` seconds: then MemoryRefused is raised, and nothing has been taken from the iterable. Between
    batches `cleanup()` runs, a young collection if not said, None for nothing. `measure`: resident bytes or None;
    `clock`: seconds that only grow. Raises ValueError for arguments that cannot be.
    """

    def __init__(
        self,
        size: int | None = None,
        *,
        steps: Sequence[tuple[int | str, int]] | None = None,
        tiers: Mapping[str, int] | None = None,
        cleanup: Callable[[], Any] | str | None = "gc",
        deadline: float = 30.0,
        name: str = "batcher",
        clock: Callable[[], float] = time.monotonic,
        measure: Callable[[], int | None] = rss,
    ) -> None:
        where = "hooks.AdaptiveBatcher"
        self._size = _items(int(SETTINGS.values["streaming_batch_size"]) if size is None else size, where, 1)
        self._steps = None if steps is None else _steps(steps, where)
        self._tiers = {"warning": max(1, self._size // 2), "critical": 1, "emergency": 0} if steps is None else {}
        for tier, items in (tiers or {}).items():
            if tier not in TIERS:
                raise ValueError(f"{where}: found the tier {tier!r:.80}, wanted one of {', '.join(TIERS)}")
            self._tiers[tier] = _items(items, where)
        if cleanup not in (None, "gc") and not callable(cleanup):
            raise ValueError(f"{where}: found cleanup={cleanup!r:.80}, wanted a function, None or 'gc'")
        check_seconds(f"{where}: deadline", deadline, zero=True)
        self._cleanup, self._deadline, self._clock, self._measure = cleanup, deadline, clock, measure
        self.lock = _thread.RLock()
        self._changed = threading.Event()
        self.items = self.batches = self.waits = self.cleanups = 0
        self.waited_seconds = 0.0
        self._headroom: tuple[float, tuple[int, str] | None] | None = None
        self.last: int | None = None  # items that were allowed when it was last asked
        self.name = name
        # `cleanup` is the program's: it runs where the program has said.
        enrol(self, name, order=DEFAULT, run_on=None)

    def __call__(self, items: Iterable[Any]) -> Iterator[list[Any]]:
        """The batches, in order, all of them lists of at least one. Several threads may share one iterator."""
        return _Batches(self, iter(items))

    def allowed(self) -> int:
        """How many items may pass now; 0: none."""
        resident, tier = self._measure(), current_tier() or TIERS[0]
        found = self._tiers.get(tier)
        if self._steps is not None:
            step = self._step(resident)
            found = step if found is None else min(found, step)
        elif found is None:
            found = 2 * self._size if self._is_roomy(resident) else self._size
        self.last = found
        return found

    def await_allowed(self) -> int:
        """The same, but waits while it is 0. Raises MemoryRefused when that takes longer than the deadline."""
        allowed = self.allowed()
        if allowed:
            return allowed
        began = last = self._clock()
        waited = 0.0
        self._count(waits=1)
        self._clean()
        api.reclaim("critical", reason="batcher")
        while not (allowed := self.allowed()) and waited < self._deadline:
            self._changed.wait(min(POLL, self._deadline - waited))
            self._changed.clear()
            now = self._clock()
            waited += max(0.0, now - last) or POLL  # put back, the clock tells nothing: a look took about that long
            last = now
        self._count(waited_seconds=max(0.0, self._clock() - began))
        if not allowed:
            resident = self._measure()
            raise MemoryRefused(self.name, 1, 0, f"steps, after {waited:.1f} s with {resident} bytes resident")
        return allowed

    def between(self, passed: int) -> None:
        """A batch was handed out."""
        self._count(items=passed, batches=1)

    def _clean(self) -> None:
        if self._cleanup == "gc":
            gc.collect(0)
        elif callable(self._cleanup):
            self._cleanup()
        self._count(cleanups=self._cleanup is not None)

    def shrink(self, _request: Any) -> None:
        """The hook: it holds nothing between batches but what can be collected."""
        self._clean()

    def tier_changed(self, _tier: str) -> None:
        """The tier has changed: who waits looks again."""
        self._changed.set()

    def size_bytes(self) -> int:
        """Bytes of the batcher itself: a batch belongs to who asked for it."""
        return sys.getsizeof(self) + sys.getsizeof(self.__dict__)

    def info(self) -> dict[str, float]:
        """Figures for metrics."""
        found: dict[str, float | None] = {
            "items": self.items,
            "batches": self.batches,
            "size": self.last,
            "waits": self.waits,
            "waited_seconds": self.waited_seconds,
            "cleanups": self.cleanups,
        }
        return {key: value for key, value in found.items() if value is not None}

    def after_fork(self, _intact: bool) -> None:
        """In a forked child: who waits is not there."""
        self._changed = threading.Event()

    def _step(self, resident: int | None) -> int:
        """What cannot be measured is no reason to stop: then the smallest step that lets something pass."""
        steps = self._steps or ()
        if resident is None:
            return min(items for _, items in steps if items)
        return next((items for below, items in steps if resident < below), 0)

    def _is_roomy(self, resident: int | None) -> bool:
        now = self._clock()
        seen = self._headroom
        if seen is None or not 0 <= now - seen[0] < FRESH:
            self._headroom = seen = (now, headroom())
        left = seen[1]
        return left is not None and resident is not None and left[0] > (left[0] + resident) * ROOMY

    def _count(self, **more: float) -> None:
        with self.lock:
            for key, number in more.items():
                setattr(self, key, getattr(self, key) + number)


class _Batches:
    """One iterable on its way through."""

    def __init__(self, batcher: AdaptiveBatcher, items: Iterator[Any]) -> None:
        self._batcher, self._items = batcher, items
        self._lock = _thread.RLock()
        self._first = True
        FORKING.mind(self)

    def __iter__(self) -> _Batches:
        return self

    def __next__(self) -> list[Any]:
        with self._lock:
            if not self._first:
                self._batcher._clean()
            self._first = False
            batch = list(islice(self._items, self._batcher.await_allowed()))
        if not batch:
            raise StopIteration
        self._batcher.between(len(batch))
        return batch

    def after_fork(self, _intact: bool) -> None:
        """In a forked child: who held the lock, perhaps for as long as a wait takes, is not there."""
        self._lock = _thread.RLock()


def _items(value: object, where: str, least: int = 0) -> int:
    return check_count(f"{where}: items", value, least, MOST_ITEMS)


def _steps(steps: Sequence[tuple[int | str, int]], where: str) -> tuple[tuple[int, int], ...]:
    found = tuple((amount(below, where), _items(items, where)) for below, items in steps)
    sizes = [below for below, _ in found]
    if sizes != sorted(set(sizes)) or not any(items for _, items in found):
        wanted = "pairs of bytes and items, the bytes ascending, and items in one of them"
        raise ValueError(f"{where}: found steps={steps!r:.80}, wanted {wanted}")
    return found
