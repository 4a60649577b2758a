"""How fast does a value grow, over minutes and over seconds?

Points are thinned by time, so that a look every 2 ms near a tier does not push out what happened a minute ago. Two
windows are fitted: one of up to five minutes, and a short one that sees growth which has just begun, or just ended.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left

from brimwatch.core.forecast import NEW_HEIGHT, Slope, slope, time_to_limit
from brimwatch.units import Bytes

LONG, SHORT = 300.0, 15.0  # seconds
LONG_POINTS, SHORT_POINTS = 40, 24
YOUNGEST = 5.0  # seconds that must have been seen for any growth to be told
YOUTH = 60.0  # seconds in which growth is a warm-up, until it has filled
WARMED_UP = 0.75  # of the limit: what a program fills at its start is no trend
REST = 5.0  # seconds between two fits where no policy asks for growth
STEP = 0.01  # seconds: over less, one batch of the kernel's counters looks like a flood
KEPT = 30.0  # seconds in each of the three slots of the fastest growth
_STILL = Slope(0.0, 0.0, 0.0)


class Ring:
    """At most `capacity` points of the last `span` seconds, about evenly apart."""

    __slots__ = ("_capacity", "_gap", "_level", "_span", "_times", "_values")

    def __init__(self, capacity: int, span: float) -> None:
        self._capacity = capacity
        self._span = span
        self._gap = 0.0
        self._level = True  # all values are the same one
        self._times = array("d")
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._times)

    def add(self, at: float, value: float) -> None:
        """Take a point, unless the last one is too near in time."""
        times = self._times
        if times and at - times[-1] < self._gap:
            return
        times.append(at)
        values = self._values
        values.append(value)
        if self._level and value != values[0]:
            self._level = False
        if len(times) > self._capacity or times[0] < at - 2 * self._span:
            self._thin(at)

    def points(self, now: float) -> list[tuple[float, float]]:
        """What is kept of the last `span` seconds, oldest first."""
        since = now - self._span
        return [(time, value) for time, value in zip(self._times, self._values, strict=True) if time >= since]

    def oldest(self, now: float) -> float | None:
        """When the first of those points was taken; None where there is none."""
        times = self._times
        first = bisect_left(times, now - self._span)
        return times[first] if first < len(times) else None

    def rests_at(self, value: float) -> bool:
        """Whether every value kept is this one."""
        return self._level and bool(self._values) and self._values[0] == value

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value kept. Raises ValueError while there is none."""
        return min(self._values), max(self._values)

    def _thin(self, now: float) -> None:
        """Forget what is too old; where that makes no room, keep every other point and take fewer from now on."""
        old = 0
        for time in self._times:
            if time >= now - self._span:
                break
            old += 1
        del self._times[:old], self._values[:old]
        self._level = self._level or len(set(self._values)) < 2
        if len(self._times) > self._capacity * 3 // 4:
            self._times, self._values = self._times[::-2][::-1], self._values[::-2][::-1]
            self._gap = 0.9 * (self._times[-1] - self._times[0]) / (len(self._times) - 1)


class Crests:
    """The greatest value of each quarter of a minute: what thinning leaves out, and a new height is measured by."""

    __slots__ = ("_greatest", "_slot")

    def __init__(self) -> None:
        self._greatest = array("d", [float("-inf")]) * int(LONG / SHORT)
        self._slot = 0

    def add(self, at: float, value: float) -> None:
        """Take a point."""
        greatest, slot = self._greatest, int(at / SHORT)
        if slot != self._slot:
            passed = min(max(slot - self._slot, 0), len(greatest))
            self._greatest = greatest = array("d", [float("-inf")]) * passed + greatest[: len(greatest) - passed]
            self._slot = slot
        if value > greatest[0]:
            greatest[0] = value

    @property
    def older(self) -> float:
        """The greatest value up to five minutes ago but for the last 15 to 30 seconds."""
        return max(self._greatest[2:])


class Window:
    """The growth of one value. Times are monotonic seconds, growth is bytes per second."""

    __slots__ = (
        "_base_at", "_base_value", "_crests", "_first_at", "_interval", "_last", "_long", "_long_at", "_long_slope",
        "_peaks", "_short", "_slot_at", "fitted_at", "period", "slope",
    )  # fmt: skip

    def __init__(self, wanted: bool, interval: float = 1.0) -> None:
        self._interval = interval
        self.want(wanted)
        self._long = Ring(LONG_POINTS, max(LONG, 30 * interval))
        self._short = Ring(SHORT_POINTS, max(SHORT, 15 * interval))
        self._crests = Crests()
        self._last = (0.0, 0.0)
        self._first_at: float | None = None
        self._long_at = self.fitted_at = float("-inf")
        self._long_slope: Slope | None = None
        self.slope: Slope | None = None
        self._base_at = float("-inf")
        self._base_value = 0.0
        self._slot_at = float("inf")
        self._peaks = (0.0, 0.0, 0.0)

    def want(self, wanted: bool) -> None:
        """Whether a policy asks for the growth: then it is fitted once an interval. `period` is in seconds."""
        self.period = self._interval if wanted else max(self._interval, REST)

    def add(self, at: float, value: float) -> None:
        """Take a point, and fit anew where the last fit is old enough."""
        self._last = (at, value)
        if self._first_at is None:
            self._first_at = at
        self._long.add(at, value)
        self._short.add(at, value)
        self._crests.add(at, value)
        if at - self._base_at >= STEP:
            self._note_growth(at, value)
        if at - self.fitted_at >= self.period:
            self._fit(at)

    def time_to_limit(self, room: Bytes, limit: Bytes) -> float | None:
        """Seconds until `room` of a limit is used up; infinity where nothing leads there, None while that is unknown.

        In its first minute a program that fills less than three quarters of its limit may only be starting up.
        """
        if self.slope is None or self._first_at is None:
            return None
        left = time_to_limit(self.slope, room)
        if left is None:
            return math.inf
        young = self.fitted_at - self._first_at < YOUTH
        return None if young and room > (1 - WARMED_UP) * limit else left

    def glance(self, at: float, value: float) -> None:
        """Take a point for the fastest growth alone: it is too soon after the last one to say more."""
        if at - self._base_at >= STEP:
            self._note_growth(at, value)

    def fastest(self, now: float) -> float:
        """The fastest growth between two looks in the last 60 to 90 seconds; 0 where nothing grew."""
        while now - self._slot_at >= KEPT:
            if now - self._slot_at >= 3 * KEPT:
                self._peaks, self._slot_at = (0.0, 0.0, 0.0), now
                break
            self._peaks = (0.0, *self._peaks[:2])
            self._slot_at += KEPT
        return max(self._peaks)

    def _note_growth(self, at: float, value: float) -> None:
        growth = (value - self._base_value) / (at - self._base_at)  # 0 for the first point, an infinity after nothing
        self._base_at, self._base_value = at, value
        if self._slot_at > at:
            self._slot_at = at
        if growth > 0.0:
            self.fastest(at)
            self._peaks = (max(growth, self._peaks[0]), *self._peaks[1:])

    def _fit(self, now: float) -> None:
        self.fitted_at = now
        oldest = self._long.oldest(now)
        seen = 0.0 if oldest is None else now - oldest
        if seen < YOUNGEST:
            return
        if self._long.rests_at(self._last[1]):
            self.slope = self._long_slope = _STILL
            return
        points = self._with_last(self._long, now)
        least, _ = self._long.range
        if self._long_slope is None or now - self._long_at >= min(LONG, seen) / 24:
            self._long_slope, self._long_at = slope(points), now
        self.slope = self._long_slope
        if self._long_slope is not None and seen > 2 * SHORT:
            self._weigh(self._long_slope, least, now)

    def _weigh(self, whole: Slope, least: float, now: float) -> None:
        """Believe the short window where it contradicts the long one: growth ended, or leads to new heights."""
        latest = slope(self._with_last(self._short, now))
        if latest is None:
            return
        older = self._crests.older
        new_height = self._last[1] > older + NEW_HEIGHT * (older - least)
        quickened = latest.low > whole.bytes_per_second and new_height
        if quickened or latest.high < whole.bytes_per_second:
            self.slope = latest

    def _with_last(self, ring: Ring, now: float) -> list[tuple[float, float]]:
        points = ring.points(now)
        if not points or points[-1] != self._last:
            points.append(self._last)
        return points
