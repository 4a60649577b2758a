"""How does a cache stay within so many bytes, and lose first what matters least? `hooks.PriorityCache`.

See docs/blocks/priority-cache.md, which also says why this is not cachetools.
"""

from __future__ import annotations

import _thread
import math
import operator
import time

from brimwatch.hooks.arguments import check_count, check_function, check_seconds
from brimwatch.hooks.block import enrol, hold, leave, still_needed
from brimwatch.hooks.caching.flight import Flight
from brimwatch.hooks.caching.shelf import ENTRY_BYTES
from brimwatch.hooks.caching.stock import MISSING, Stock
from brimwatch.hooks.settings import SETTINGS
from brimwatch.hooks.sizes import estimate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping
    from typing import Any

    from brimwatch.hooks.caching.shelf import Shelf
    from brimwatch.hooks.request import Request

SHARES = {"critical": 0.4, "important": 0.3, "general": 0.2}  # of the whole; the emergency buffer has the last tenth
_ONE_CACHE = 8  # a cache without budgets takes this part of `cache_max_size_mb`: 5 MB at standard


class PriorityCache:
    """A cache of classes, each with a budget in bytes, the most important one first.

    `budgets`: class to bytes (0: the class keeps nothing); without it critical, important and general, 2, 1.5 and 1 MB
    at level standard. `emergency_bytes`: what may be cached in an emergency beside the first class; a tenth of the
    whole without budgets, else 0. `ttl`: seconds; `max_entries`: of all classes. `sizeof(value)`: bytes, where the
    estimate of sizes.py will not do. `clock`: seconds; should it jump back, what was stored meanwhile is lost.
    Raises ValueError for what cannot be.
    """

    def __init__(
        self,
        budgets: Mapping[str, int] | None = None,
        *,
        ttl: float | None = None,
        max_entries: int | None = None,
        emergency_bytes: int | None = None,
        sizeof: Callable[[Any], int] | None = None,
        name: str = "cache",
        group: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        chosen, buffer = _checked(budgets, emergency_bytes)
        self._ttl = math.inf if ttl is None else check_seconds("PriorityCache: ttl", ttl)
        if max_entries is not None:
            check_count("PriorityCache: max_entries", max_entries)
        check_function("PriorityCache: sizeof", sizeof)
        sweep_share = min(1.0, SETTINGS.values["cleanup_threshold_mb"] / SETTINGS.values["cache_max_size_mb"])
        self._stock = Stock(chosen, buffer, max_entries, sweep_share, clock)
        self._sizeof = sizeof
        self._flights: dict[Hashable, Flight] = {}
        self._hits = self._misses = 0
        self.lock = _thread.RLock()
        self.name = name
        enrol(self, name, group=group)

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The value, or `default` where there is none that is still good. TypeError for a key without a hash."""
        dropped: list[Any] = []  # freed when this returns: what a stranger's __del__ does, it does without our lock
        with self.lock:
            value = self._stock.look(key, dropped)
            if value is MISSING:
                self._misses += 1
                return default
            self._hits += 1
            return value

    def set(self, key: Hashable, value: Any, priority: str | None = None, ttl: float | None = None) -> bool:
        """Keep it in the class `priority` (the least important one if not said), for `ttl` seconds.

        False where it is not kept: its size cannot be known, it is larger than the budget, or there is no room that
        it may take. What was kept under the key before is gone in any case. Raises ValueError for another class.
        """
        shelf, lifetime, size = self._shelf(priority), self._lifetime(ttl), self._measure(key, value)
        dropped: list[Any] = []
        with self.lock:
            self._outdate(key)
            return self._stock.store(key, value, size, shelf, lifetime, dropped)

    def get_or_compute(
        self, key: Hashable, compute: Callable[[], Any], priority: str | None = None, ttl: float | None = None
    ) -> Any:
        """The value, else what `compute()` returns, which is kept. Of several threads one computes, the others wait.

        What `compute` raises is raised here; one of those who wait tries next. Not for coroutines.
        """
        shelf, lifetime = self._shelf(priority), self._lifetime(ttl)
        dropped: list[Any] = []
        while True:
            with self.lock:
                value = self._stock.look(key, dropped)
                if value is not MISSING:
                    self._hits += 1
                    return value
                flight = self._flights.get(key)
                if flight is None:
                    ours = self._flights[key] = Flight()
                    self._misses += 1
            if flight is None:
                return self._fly(ours, key, compute, shelf, lifetime)
            if flight.is_ours:
                return compute()
            flight.wait()
            if flight.worked:
                with self.lock:
                    self._hits += 1
                return flight.value

    def delete(self, key: Hashable) -> bool:
        """Forget it; False where there was nothing."""
        with self.lock:
            self._outdate(key)
            taken = self._stock.take(key)
        return bool(taken)

    def clear(self) -> int:
        """Forget everything; returns the bytes that were held."""
        with self.lock:
            held = self._stock.held()
            taken = self._stock.take_all()
            for key in list(self._flights):
                self._outdate(key)
        del taken
        return held

    def close(self) -> None:
        """Forget everything, and be asked no more."""
        leave(self)
        self.clear()

    def keys(self) -> list[Hashable]:
        """The keys of now, the most important class first; what happens to the cache meanwhile does not matter."""
        with self.lock:
            return self._stock.keys()

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._stock)

    def __contains__(self, key: Hashable) -> bool:
        with self.lock:
            return self._stock.has(key)

    def stats(self) -> dict[str, Any]:
        """Counts since the start, and what each class holds."""
        with self.lock:
            stock = self._stock
            return {
                "hits": self._hits,
                "misses": self._misses,
                "hit_ratio": self.hit_ratio(),
                "evicted": stock.evicted,
                "expired": stock.expired,
                "refused": stock.refused,
                "entries": len(stock),
                "bytes": stock.held(),
                "budget_bytes": stock.budget(),
                "classes": {
                    shelf.name: {"entries": len(shelf.entries), "bytes": shelf.bytes, "budget_bytes": shelf.budget}
                    for shelf in stock.every
                },
            }

    # What every block has, see block.py.

    def size_bytes(self) -> int:
        """Bytes of all entries, their keys and places included."""
        return self._stock.held()

    def hit_ratio(self) -> float | None:
        """Share of look-ups that found something; None before the first."""
        calls = self._hits + self._misses
        return self._hits / calls if calls else None

    def info(self) -> dict[str, float]:
        """Entries, the budget, and how many were evicted, expired and refused so far."""
        counts = self.stats()
        return {key: counts[key] for key in ("entries", "budget_bytes", "evicted", "expired", "refused")}

    def shrink(self, request: Request) -> int:
        """Give back by tier, the least important class first."""
        needed = still_needed(request)
        lock = hold(self, request)
        try:
            before = self._stock.held()
            dropped = self._stock.shrink(request.tier, needed)
            freed = before - self._stock.held()
        finally:
            lock.release()
        del dropped
        return freed

    def tier_changed(self, tier: str) -> None:
        """In an emergency new values go to the buffer; it is emptied when that is over."""
        with self.lock:
            dropped = self._stock.enter(tier)
        del dropped

    def after_fork(self, intact: bool) -> None:
        """The child has a copy of its own, and nobody who computes for it."""
        self._flights = {}
        if not intact:
            self._stock.take_all()

    def _fly(self, flight: Flight, key: Hashable, compute: Callable[[], Any], shelf: Shelf, lifetime: float) -> Any:
        """Compute, keep the result unless the key was changed meanwhile, let the others go on."""
        value, size, worked = None, None, False
        dropped: list[Any] = []
        try:
            value = compute()
            size = self._measure(key, value)
            worked = True
        finally:
            try:
                with self.lock:
                    if self._flights.get(key) is flight:
                        del self._flights[key]
                        if worked:
                            self._stock.store(key, value, size, shelf, lifetime, dropped)
            finally:
                flight.land(worked, value)
        return value

    def _outdate(self, key: Hashable) -> None:
        """What is being computed for this key was asked for before the key changed: it is not to be kept."""
        self._flights.pop(key, None)

    def _measure(self, key: Hashable, value: Any) -> int | None:
        """Bytes of an entry, None where they cannot be known. Runs functions of the program: not under the lock."""
        try:
            size = estimate(value) if self._sizeof is None else operator.index(self._sizeof(value))
        except Exception:  # noqa: BLE001 - a stranger's function, of a stranger's value
            return None
        beside = estimate(key)
        return None if size is None or size < 0 or beside is None else size + beside + ENTRY_BYTES

    def _shelf(self, priority: str | None) -> Shelf:
        shelf = self._stock.shelves[-1] if priority is None else self._stock.named.get(priority)
        if shelf is None:
            known = ", ".join(self._stock.named)
            raise ValueError(f"PriorityCache: found the priority {priority!r:.80}, wanted one of {known}")
        return shelf

    def _lifetime(self, ttl: float | None) -> float:
        return self._ttl if ttl is None else check_seconds("PriorityCache: ttl", ttl)


def _checked(budgets: Mapping[str, int] | None, emergency: int | None) -> tuple[dict[str, int], int]:
    """Budgets by class, and that of the buffer."""
    if budgets is None:
        whole = int(SETTINGS.values["cache_max_size_mb"] * 1e6) // _ONE_CACHE
        chosen = {kind: int(whole * share) for kind, share in SHARES.items()}
        buffer = whole // 10
    else:
        chosen, buffer = dict(budgets), 0
    if not chosen or "emergency" in chosen or not all(isinstance(kind, str) for kind in chosen):
        raise ValueError(f"PriorityCache: found the budgets {chosen!r:.80}, wanted names of classes, none 'emergency'")
    for kind, budget in chosen.items():
        check_count(f"PriorityCache: budget of {kind:.40}", budget)
    return chosen, buffer if emergency is None else check_count("PriorityCache: emergency_bytes", emergency)
