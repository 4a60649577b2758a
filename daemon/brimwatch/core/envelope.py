"""Between which floor and which peak did a value move, over any length of time, in little memory?

Time is cut into slots, each of which keeps its lowest and its highest point. When there are too many slots, they become
twice as long, two by two: a day costs no more than an hour, and no peak is lost.
"""

from __future__ import annotations

from typing import NamedTuple

_FIRST_SLOT = 0.25  # seconds


class Slot(NamedTuple):
    """The lowest and the highest point of a slot, with their times."""

    number: int
    low: float
    low_at: float
    high: float
    high_at: float


class Envelope:
    """One value over time. `looks`: how many points went in; `first` and `last`: their times, monotonic seconds."""

    def __init__(self, most: int = 2048) -> None:
        self.looks = 0
        self.first = self.last = 0.0
        self._most = max(2, most)
        self._width = _FIRST_SLOT
        self._slots: list[Slot] = []

    def add(self, at: float, value: float) -> None:
        """Take a point. One that is earlier than the last is left out."""
        if self.looks and at < self.last:
            return
        if not self.looks:
            self.first = at
        self.looks += 1
        self.last = at
        self._put(Slot(int(at // self._width), value, at, value, at))
        while len(self._slots) > self._most:
            self._widen()

    @property
    def span(self) -> float:
        """Seconds from the first to the last point."""
        return self.last - self.first

    def points(self) -> list[tuple[float, float]]:
        """(time, value) of every floor and every peak, in order of time."""
        found: list[tuple[float, float]] = []
        for slot in self._slots:
            pair = sorted({(slot.low_at, slot.low), (slot.high_at, slot.high)})
            found.extend(pair)
        return found

    def coarse(self, count: int) -> list[Slot]:
        """At most `count` slots of equal length over the whole span; those without a point are left out."""
        width = self.span / count or _FIRST_SLOT
        joined: dict[int, Slot] = {}
        for at, value in self.points():
            number = min(count - 1, int((at - self.first) / width))
            point = Slot(number, value, at, value, at)
            joined[number] = _join(joined[number], point) if number in joined else point
        return sorted(joined.values())

    def _put(self, slot: Slot) -> None:
        if self._slots and self._slots[-1].number == slot.number:
            self._slots[-1] = _join(self._slots[-1], slot)
        else:
            self._slots.append(slot)

    def _widen(self) -> None:
        old, self._slots = self._slots, []
        self._width *= 2
        for slot in old:
            self._put(slot._replace(number=slot.number // 2))


def _join(one: Slot, other: Slot) -> Slot:
    low = min(one, other, key=lambda slot: slot.low)
    high = max(one, other, key=lambda slot: slot.high)
    return Slot(one.number, low.low, low.low_at, high.high, high.high_at)
