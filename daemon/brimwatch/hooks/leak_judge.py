"""Does a count grow without end, or does it only go up and down? Its floors tell: the least of each window of looks.

A sawtooth of a period that fits into a window has level floors, a step raises one of them, a leak raises each. Pure:
times and counts are arguments.
"""

from __future__ import annotations

import heapq
import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_SERIES = 1024
MOST_FLOORS = 24
_ALIASED = 2  # a sawtooth is met at another height in each window, by at most one step between two looks


class Growth:
    """Something whose floor rises: to what, by how much, in how many seconds, over so many windows."""

    __slots__ = ("floor", "grown", "name", "seconds", "windows")

    def __init__(self, name: str, floor: float, grown: float, seconds: float, windows: int) -> None:
        self.name, self.floor, self.grown, self.seconds, self.windows = name, floor, grown, seconds, windows

    @property
    def per_second(self) -> float:
        """The mean rate."""
        return self.grown / self.seconds

    @property
    def confidence(self) -> float:
        """1 - 1/n!: by chance, n floors without a trend stand in rising order once in n! times."""
        return 1 - 1 / math.factorial(self.windows)


class Series:
    """The floors of one count, and the steepest step between two looks in each window."""

    __slots__ = ("floors", "last", "low", "step", "steps")

    def __init__(self) -> None:
        self.floors: list[tuple[float, float]] = []  # time, floor
        self.steps: list[float] = []
        self.void()

    def void(self) -> None:
        """Begin the window anew."""
        self.low: float | None = None
        self.last: float | None = None
        self.step = 0.0

    def look(self, count: float) -> None:
        """One look at the count."""
        if self.last is not None:
            self.step = max(self.step, count - self.last)
        self.low = count if self.low is None else min(self.low, count)
        self.last = count

    def close(self, now: float) -> None:
        """The window is over."""
        if self.low is not None:
            self.floors = [*self.floors, (now, self.low)][-MOST_FLOORS:]
            self.steps = [*self.steps, self.step][-MOST_FLOORS:]
        self.low, self.step = None, 0.0

    def rising(self) -> int:
        """How many of the last floors are each above the one before."""
        count = min(1, len(self.floors))
        while count < len(self.floors) and self.floors[-count][1] > self.floors[-count - 1][1]:
            count += 1
        return count

    def growth(self, name: str, windows: int, least: float) -> Growth | None:
        """What grows: at least `windows` rising floors, at least `least`, and more than a sawtooth could feign."""
        count = self.rising()
        if count < windows:
            return None
        grown = self.floors[-1][1] - self.floors[-count][1]
        seconds = self.floors[-1][0] - self.floors[-count][0]
        feigned = _ALIASED * max(self.steps[-count:])
        if grown < least or grown <= feigned or seconds <= 0:
            return None
        return Growth(name, self.floors[-1][1], grown, seconds, count)


class Judge:
    """Looks at named counts; `looks` make a window, and `windows` rising floors a leak."""

    def __init__(self, looks: int, windows: int, least: float, longest_gap: float) -> None:
        self._looks, self._windows, self._least, self._longest_gap = looks, windows, least, longest_gap
        self.series: dict[str, Series] = {}
        self._in_window = 0
        self._last: float | None = None

    def look(self, now: float, counts: Mapping[str, float]) -> bool:
        """Take one look; True when it closed a window.

        A clock that goes back voids everything, a gap (the process was suspended) the window under way.
        """
        if self._last is not None and now <= self._last:
            self.series, self._in_window = {}, 0
        elif self._last is not None and now - self._last > self._longest_gap:
            self._in_window = 0
            for series in self.series.values():
                series.void()
        self._last = now
        for name in self.series.keys() | counts.keys():
            self.series.setdefault(name, Series()).look(counts.get(name, 0))
        self._in_window += 1
        if self._in_window < self._looks:
            return False
        self._in_window = 0
        for series in self.series.values():
            series.close(now)
        self._bound()
        return True

    def growing(self) -> list[Growth]:
        """What grows, what grew most first."""
        found = [series.growth(name, self._windows, self._least) for name, series in self.series.items()]
        return sorted((growth for growth in found if growth is not None), key=lambda growth: -growth.grown)

    def forget_level(self) -> int:
        """Forget what shows no growth so far; how many series that were."""
        before = len(self.series)
        self.series = {name: series for name, series in self.series.items() if series.rising() > 1}
        return before - len(self.series)

    def _bound(self) -> None:
        if len(self.series) > MOST_SERIES:
            kept = heapq.nlargest(MOST_SERIES, self.series.items(), key=lambda item: item[1].last or 0)
            self.series = dict(kept)
