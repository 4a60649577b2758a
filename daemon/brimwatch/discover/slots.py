"""Which small number does a member carry in the metrics, and when may another one carry it?

A PID as a label would make a new series with each restart; a number used again at once would join two processes into
one line.
"""

from __future__ import annotations

import heapq

from brimwatch.units import Seconds

SLOTS = 64  # most members of one target that have a number, and so series of their own
QUARANTINE = Seconds(300.0)  # how long a number rests, so that Prometheus has marked the old series stale


class Slots:
    """The numbers of one target. Pure: `now` is monotonic seconds and never goes back."""

    __slots__ = ("_most", "_next", "_ready", "_rest", "_resting", "_taken")

    def __init__(self, most: int = SLOTS, quarantine: Seconds = QUARANTINE) -> None:
        self._most = most
        self._rest = quarantine
        self._next = 0  # every number from here on has never been used
        self._taken: set[int] = set()
        self._ready: list[int] = []  # heap of used numbers that may be used again
        self._resting: list[tuple[float, int]] = []  # heap of (free from, number)

    def take(self, now: float) -> int | None:
        """The lowest free number, or None where all are taken or rest."""
        while self._resting and self._resting[0][0] <= now:
            heapq.heappush(self._ready, heapq.heappop(self._resting)[1])
        if self._ready:
            slot = heapq.heappop(self._ready)
        elif self._next < self._most:
            slot = self._next
            self._next += 1
        else:
            return None
        self._taken.add(slot)
        return slot

    def give_back(self, slot: int, now: float) -> None:
        """The member is gone: its number rests. Raises KeyError where nobody has it."""
        self._taken.remove(slot)
        heapq.heappush(self._resting, (now + self._rest, slot))
