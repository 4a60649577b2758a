"""What did a subject hold in the last minutes? A bounded ring of compact rows that forgets detail before peaks.

One flat array of numbers, no object for a row: 100 targets at one look a second hold 2 MB in 200
objects. Near a tier looks are 2 ms apart: where the ring is full, what is older keeps of each slot
of time (five seconds) only its lowest and its highest row, so that floors and peaks stay. The newest rows
stay as they were looked at. The same looks always leave the same rows.

Does *not* cover the samples themselves, with all that was read: those are recorded (`brimwatch record`).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from brimwatch.model import Sample
from brimwatch.quantity import Quantity
from brimwatch.units import Bytes, Seconds

SPAN = Seconds(300.0)
CAPACITY = 512  # rows: 33 kB of numbers
_OVERDUE = 1.1  # spans: how old the oldest row may become before those that are too old are dropped in one go
_ABSENT = math.nan


class Row(NamedTuple):
    """One look: bytes, bytes per second, seconds; `at` is monotonic. What was not measured is None."""

    at: float
    rss: Bytes | None = None
    swap: Bytes | None = None
    working_set: Bytes | None = None
    limit: Bytes | None = None
    headroom: Bytes | None = None
    growth: float | None = None
    time_to_limit: Seconds | None = None  # infinite where nothing grows


_WIDTH = len(Row._fields)


class History:
    """The rows of the last `span` seconds, at most `capacity` of them, in the order of their looks."""

    __slots__ = ("_capacity", "_cells", "_span")

    def __init__(self, capacity: int = CAPACITY, span: float = SPAN) -> None:
        self._capacity = max(16, capacity)
        self._span = span
        self._cells = array("d")

    def __len__(self) -> int:
        return len(self._cells) // _WIDTH

    def add(self, sample: Sample) -> None:
        """Keep a look. One that is not later than the last kept one is left out: time on this clock only rises."""
        cells = self._cells
        at = sample.at
        if cells and at <= cells[-_WIDTH]:
            return
        readings = sample.readings
        cells.extend(
            (
                at,
                _value(readings.get(Quantity.RSS)),
                _value(readings.get(Quantity.SWAP)),
                _value(readings.get(Quantity.WORKING_SET)),
                _ABSENT if sample.limit is None else sample.limit.bytes,
                _ABSENT if sample.headroom is None else sample.headroom,
                _value(readings.get(Quantity.GROWTH)),
                _value(readings.get(Quantity.TIME_TO_LIMIT)),
            )
        )
        if at - cells[0] > self._span * _OVERDUE:
            del cells[: self._first(at - self._span) * _WIDTH]
        if len(cells) > self._capacity * _WIDTH:
            self._thin()

    def rows(self, since: float = -math.inf) -> list[Row]:
        """What is kept from `since` (monotonic seconds) on, oldest first; never older than the span."""
        if not self._cells:
            return []
        start = self._first(max(since, self._cells[-_WIDTH] - self._span))
        return [self._row(index) for index in range(start, len(self))]

    def _first(self, since: float) -> int:
        """The place of the first row that is not before `since`. Raises nothing: the end where there is none."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._cells[middle * _WIDTH] < since:
                low = middle + 1
            else:
                high = middle
        return low

    def _row(self, index: int) -> Row:
        at, *values = self._cells[index * _WIDTH : (index + 1) * _WIDTH]
        rss, swap, working_set, limit, headroom, growth, left = (
            None if math.isnan(value) else value for value in values
        )
        return Row(
            at,
            _whole(rss),
            _whole(swap),
            _whole(working_set),
            _whole(limit),
            _whole(headroom),
            growth,
            None if left is None else Seconds(left),
        )

    def _thin(self) -> None:
        """Of all but the newest half keep each slot's lowest and highest row: three quarters of the room at most."""
        first, newest = self._first(self._cells[-_WIDTH] - self._span), len(self) - self._capacity // 2
        slot = self._span / (self._capacity // 8 - 1)
        kept = array("d")
        for index in self._extremes(first, newest, slot):
            kept.extend(self._cells[index * _WIDTH : (index + 1) * _WIDTH])
        kept.extend(self._cells[max(first, newest) * _WIDTH :])
        self._cells = kept

    def _extremes(self, start: int, end: int, slot: float) -> Iterator[int]:
        """The places of the lowest and the highest row of each slot from `start` to before `end`, in order."""
        current, low, high = -1, 0, 0
        for index in range(start, end):
            number = int(self._cells[index * _WIDTH] // slot)
            if number != current:
                if current != -1:
                    yield from sorted({low, high})
                current, low, high = number, index, index
            elif self._held(index) > self._held(high):
                high = index
            elif self._held(index) < self._held(low):
                low = index
        if current != -1:
            yield from sorted({low, high})

    def _held(self, index: int) -> float:
        """What a row is high or low by: RSS + swap; without those the working set."""
        _, rss, swap, working_set = self._cells[index * _WIDTH : index * _WIDTH + 4]
        if math.isnan(rss):
            return 0.0 if math.isnan(working_set) else working_set
        return rss if math.isnan(swap) else rss + swap


def _value(reading: tuple[float, float, float] | None) -> float:
    return _ABSENT if reading is None else reading[0]


def _whole(value: float | None) -> Bytes | None:
    return None if value is None or math.isinf(value) else Bytes(int(value))
