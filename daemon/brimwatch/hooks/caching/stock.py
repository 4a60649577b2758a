"""What does a cache of classes hold, and what makes room for what? No locks here: the cache has one."""

from __future__ import annotations

import math

from brimwatch.hooks.caching.shelf import Shelf, is_fresh
from brimwatch.hooks.caching.shrinking import shrink
from brimwatch.hooks.wire import TIERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

_SWEEP_GAP = 1.0  # seconds between two looks for what has expired
MISSING: Any = object()


class Stock:
    """Shelves, the most important first, and the emergency buffer. What leaves is handed out, to be freed elsewhere."""

    def __init__(
        self,
        budgets: dict[str, int],
        buffer: int,
        max_entries: int | None,
        sweep_share: float,
        clock: Callable[[], float],
    ) -> None:
        self.shelves = [Shelf(kind, budget) for kind, budget in budgets.items()]
        self.named = {shelf.name: shelf for shelf in self.shelves}
        self.buffer = Shelf("emergency", buffer)
        self.every = [*self.shelves, self.buffer]
        self.tier = TIERS[0]
        self.evicted = self.expired = self.refused = 0
        self._max_entries, self._clock = max_entries, clock
        self._sweep_at = self.budget() * sweep_share
        self._swept = -math.inf

    def __len__(self) -> int:
        return sum(len(shelf.entries) for shelf in self.every)

    def held(self) -> int:
        """Bytes."""
        return sum(shelf.bytes for shelf in self.every)

    def budget(self) -> int:
        """Bytes, of all classes and the buffer."""
        return sum(shelf.budget for shelf in self.every)

    def look(self, key: Hashable, dropped: list[Any]) -> Any:
        """The value, which is then the one used last; `MISSING` where there is none that is still good.

        What is not good any more is added to `dropped`.
        """
        for shelf in self.every:
            entry = shelf.entries.get(key)
            if entry is not None:
                if is_fresh(entry, self._clock()):
                    shelf.entries.move_to_end(key)
                    return entry[0]
                dropped.append(shelf.take(key))
                self.expired += 1
        return MISSING

    def has(self, key: Hashable) -> bool:
        """Whether it is there and still good; no use of it."""
        now = self._clock()
        return any(key in shelf.entries and is_fresh(shelf.entries[key], now) for shelf in self.every)

    def keys(self) -> list[Hashable]:
        """Of what is still good."""
        now = self._clock()
        return [key for shelf in self.every for key, entry in shelf.entries.items() if is_fresh(entry, now)]

    def take(self, key: Hashable) -> list[Any]:
        """Take it out of wherever it lies; returns what was there."""
        return [entry for entry in (shelf.take(key) for shelf in self.every) if entry is not None]

    def take_all(self) -> list[Any]:
        """Empty everything."""
        return [shelf.take_all() for shelf in self.every]

    def store(
        self, key: Hashable, value: Any, size: int | None, shelf: Shelf, lifetime: float, dropped: list[Any]
    ) -> bool:
        """Keep it; False, and counted, where that cannot be. What had to go is added to `dropped`."""
        now = self._clock()
        dropped += self.take(key)
        shelf = self._open(shelf)
        if size is None or size > shelf.budget or not self._make_room(shelf, size, now, dropped):
            self.refused += 1
            return False
        shelf.put(key, (value, size, now, lifetime))
        return True

    def shrink(self, tier: str, needed: int | None) -> list[Any]:
        """Give back for a tier; returns what went."""
        goal = None if needed is None else self.held() - needed
        dropped = self._sweep(self._clock())
        taken = shrink(self.shelves, self.buffer, tier, goal)
        self.evicted += len(taken)
        return [*dropped, *taken]

    def enter(self, tier: str) -> list[Any]:
        """Another tier holds. What was kept in an emergency is not kept beyond it."""
        was, self.tier = self.tier, tier
        return self.buffer.take_all() if was == "emergency" != tier else []

    def _open(self, shelf: Shelf) -> Shelf:
        """Where a value goes now: in an emergency into the buffer, but for the first of several classes."""
        protected = shelf is self.shelves[0] and len(self.shelves) > 1
        return self.buffer if self.tier == "emergency" and not protected else shelf

    def _make_room(self, shelf: Shelf, size: int, now: float, dropped: list[Any]) -> bool:
        full = self._max_entries is not None and len(self) >= self._max_entries
        if (full or self.held() + size > self._sweep_at) and not 0 <= now - self._swept < _SWEEP_GAP:
            dropped += self._sweep(now)
            full = full and len(self) >= (self._max_entries or 0)
        if full:
            # Nothing gives way to what matters less than itself.
            victims = [one for one in self.every[self.every.index(shelf) :] if one.entries]
            if not victims:
                return False
            self._evict(victims[-1], dropped)
        while shelf.bytes + size > shelf.budget:
            self._evict(shelf, dropped)
        return True

    def _evict(self, shelf: Shelf, dropped: list[Any]) -> None:
        dropped.append(shelf.take_oldest())
        self.evicted += 1

    def _sweep(self, now: float) -> list[Any]:
        self._swept = now
        gone = [entry for shelf in self.every for entry in shelf.take_expired(now)]
        self.expired += len(gone)
        return gone
