"""What were the last five minutes of a subject? Its looks as rows of numbers, thinned the further back they lie."""

from __future__ import annotations

import math
from array import array
from typing import NamedTuple

from brimwatch.model import Sample
from brimwatch.quantity import Quantity

SPAN = 300.0  # seconds
MOST = 600  # rows: one each half second, or the last second look by look and what was before it ever coarser
APART = 0.005  # seconds: looks nearer than that share a row
_COARSER = 1 / 30  # of its age a row may be apart from the next: 0.3 s ten seconds ago, 10 s five minutes ago
_NOTHING = math.nan


class Row(NamedTuple):
    """One look: monotonic seconds, bytes, bytes per second, seconds. None where it was not measured."""

    at: float
    rss: float | None = None
    swap: float | None = None
    working_set: float | None = None
    limit: float | None = None
    headroom: float | None = None
    growth: float | None = None
    time_to_limit: float | None = None


_WIDTH = len(Row._fields)
_READ = (Quantity.RSS, Quantity.SWAP, Quantity.WORKING_SET)
_FORECAST = (Quantity.GROWTH, Quantity.TIME_TO_LIMIT)


class History:
    """At most `MOST` rows in one array of numbers: 38 kB at most, and one object for the collector to walk."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers = array("d")

    def __len__(self) -> int:
        return len(self._numbers) // _WIDTH

    def add(self, sample: Sample) -> None:
        """Keep one look; looks come in the order of their time."""
        numbers = self._numbers
        if numbers and sample.at - numbers[-_WIDTH] < APART:
            del numbers[-_WIDTH:]
        limit, headroom = sample.limit, sample.headroom
        numbers.append(sample.at)
        numbers.extend([_number(sample.value(quantity)) for quantity in _READ])
        numbers.append(_NOTHING if limit is None else limit.bytes)
        numbers.append(_number(headroom))
        numbers.extend([_number(sample.value(quantity)) for quantity in _FORECAST])
        if len(numbers) > MOST * _WIDTH:
            self._thin(sample.at - SPAN)

    def rows(self, since: float = -math.inf) -> list[Row]:
        """The rows from `since` (monotonic seconds) on, oldest first."""
        numbers = self._numbers
        starts = range(0, len(numbers), _WIDTH)
        return [_row(numbers[start : start + _WIDTH]) for start in starts if numbers[start] >= since]

    def _thin(self, since: float) -> None:
        """Forget what is too old; where that makes no room, rows lie the further apart the older they are."""
        numbers = self._numbers
        old = 0
        while numbers[old] < since:
            old += _WIDTH
        del numbers[:old]
        if len(numbers) <= MOST * _WIDTH * 3 // 4:
            return
        now = kept_at = numbers[-_WIDTH]
        kept = [len(numbers) - _WIDTH]
        for start in range(len(numbers) - 2 * _WIDTH, 0, -_WIDTH):
            # Without this row, how long would the gap be? Any two gaps left are longer together: 490 rows at most.
            if kept_at - numbers[start - _WIDTH] > (now - numbers[start]) * _COARSER:
                kept.append(start)
                kept_at = numbers[start]
        kept.append(0)
        fewer = array("d")
        for start in reversed(kept):
            fewer.extend(numbers[start : start + _WIDTH])
        self._numbers = fewer


def _number(value: float | None) -> float:
    return _NOTHING if value is None else value


def _row(numbers: array[float]) -> Row:
    values = [None if math.isnan(number) else number for number in numbers[1:]]
    return Row(numbers[0], *values)
