"""What lies in one class of a cache? Entries in the order of their last use, and the bytes that they hold.

No locks here: the cache has one.
"""

from __future__ import annotations

from collections import OrderedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

# What an entry takes beside its key and value: its place in the order, the tuple, size and time. Measured: 193 to 261.
ENTRY_BYTES = 260


class Shelf:
    """One class. An entry is (value, bytes, when it was stored, how long it is good for)."""

    __slots__ = ("budget", "bytes", "entries", "name")

    def __init__(self, name: str, budget: int) -> None:
        self.name, self.budget = name, budget
        self.bytes = 0
        self.entries: OrderedDict[Hashable, tuple[Any, int, float, float]] = OrderedDict()

    def put(self, key: Hashable, entry: tuple[Any, int, float, float]) -> None:
        """Lay it in as the one used last; there has to be room, and no entry of that key."""
        self.entries[key] = entry
        self.bytes += entry[1]

    def take(self, key: Hashable) -> tuple[Any, int, float, float] | None:
        """Take it out; None where there is none."""
        entry = self.entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry[1]
        return entry

    def take_oldest(self) -> tuple[Any, int, float, float]:
        """Take out what was used least recently. Raises KeyError where the shelf is empty."""
        _, entry = self.entries.popitem(last=False)
        self.bytes -= entry[1]
        return entry

    def take_all(self) -> list[Any]:
        """Empty it; returns the entries, to be dropped where no lock is held."""
        taken: list[Any] = list(self.entries.values())
        self.entries.clear()
        self.bytes = 0
        return taken

    def take_expired(self, now: float) -> list[Any]:
        """Take out what is not good any more; returns the entries."""
        gone = [key for key, entry in self.entries.items() if not is_fresh(entry, now)]
        return [self.take(key) for key in gone]


def is_fresh(entry: tuple[Any, int, float, float], now: float) -> bool:
    """Whether it may still be handed out. What was stored in the future was stored before the clock jumped back."""
    return 0 <= now - entry[2] < entry[3]
