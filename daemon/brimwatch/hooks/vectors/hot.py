"""Which vectors stay in memory? Those that were found last, weighed by their priority.

Each use lifts a vector to the waterline plus its priority; the lowest one goes, its level becomes the new waterline,
so that what matters stays longer, and nothing stays for ever. Source: P. Cao and S. Irani, Cost-Aware WWW Proxy
Caching Algorithms, 1997 (GreedyDual).
"""

from __future__ import annotations

from brimwatch.hooks.sizes import estimate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ENTRY_BYTES = 250  # of the dict, the tuple and its numbers


class HotSet:
    """Rows (a vector and its weight) by key. At most `most` of them, and `most_bytes`. No locks here."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most, self.most_bytes = most, most_bytes
        self.bytes = 0
        self.hits = self.misses = 0
        self._waterline = 0.0
        self._rows: dict[str, tuple[float, int, Any, float]] = {}  # key to level, bytes, row, priority

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: str) -> Any:
        """The row, used now; None where it is not here. Counted."""
        found = self._rows.get(key)
        self.hits += found is not None
        self.misses += found is None
        if found is None:
            return None
        self._rows[key] = (self._waterline + found[3], *found[1:])
        return found[2]

    def put(self, key: str, row: Any, priority: float) -> None:
        """Keep it, unless it is too large."""
        self.discard(key)
        size = (estimate(row) or 0) + (estimate(key) or 0) + _ENTRY_BYTES
        if not self.most or size > self.most_bytes:
            return
        while len(self._rows) >= self.most or self.bytes + size > self.most_bytes:
            self._evict()
        self._rows[key] = (self._waterline + priority, size, row, priority)
        self.bytes += size

    def discard(self, key: str) -> None:
        """Forget one."""
        found = self._rows.pop(key, None)
        self.bytes -= 0 if found is None else found[1]

    def items(self) -> list[tuple[str, Any]]:
        """Key and row of all."""
        return [(key, found[2]) for key, found in self._rows.items()]

    def shrink(self, most_bytes: int) -> int:
        """Go down to so many bytes; returns those that went."""
        before = self.bytes
        while self.bytes > most_bytes:
            self._evict()
        return before - self.bytes

    def clear(self) -> None:
        """Forget all."""
        self._rows, self.bytes = {}, 0

    def _evict(self) -> None:
        key = min(self._rows, key=lambda one: self._rows[one][0])
        self._waterline = self._rows[key][0]
        self.discard(key)
