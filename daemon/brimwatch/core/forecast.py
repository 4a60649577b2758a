"""How fast does memory grow, how sure is that, and when does it reach the limit?

The slope is the median of the slopes between all pairs of points (Theil 1950, Sen 1968): one outlier or one step does
not move it. Its bounds are the wider of the pairwise quartiles and Sen's 95 % interval, which is wide for a handful of
points. A window that holds two stories is told by its last third: growth that has ended is over, and growth that has
just begun counts once it leads beyond everything before, so that the rise of a sawtooth is none.

Cost: at most 480 points are thinned to 24 for each of two fits; 0.1 ms for 60 points, 0.25 ms at most (measured, Python
3.11). The answer changes little before a 24th of the window has passed: that is how often to ask. Growth after a rest
shows once it fills a fifth of the window.

Does not cover: which points make a window (`sample.window`), or the rise of a sawtooth longer than its window.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from brimwatch.units import Bytes, Seconds

_POINTS = 24  # 276 pairs
_FEWEST = 4  # with fewer, Sen's interval holds every slope there is
_LONGEST = 480  # points looked at before thinning
_SHORTEST = 0.001  # seconds: a window below it is one moment
_FARTHEST = 1e18  # no clock and no memory goes beyond; up to there no difference and no slope overflows
_Z = 1.96  # two-sided 95 %
NEW_HEIGHT = 0.35  # of the range seen before: a batch job may be a third larger than all before it, and is no leak
_CREDIBLE = 0.1  # of the slope: a lower bound nearer to 0 is a step or a warm-up that flattens


class Slope(NamedTuple):
    """A growth in bytes per second, and the bounds it is within as far as the points can tell."""

    bytes_per_second: float
    low: float
    high: float


_Points = list[tuple[float, float]]


def median(values: Iterable[float]) -> float:
    """The middle value. Not `statistics.median`: its import alone costs the daemon 600 objects."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def slope(points: Sequence[tuple[float, float]]) -> Slope | None:
    """The growth of (seconds, bytes) points in any order; None where there are too few to say anything.

    Points that are no numbers, or beyond any clock or memory, are left out; of points at one time the median counts.
    """
    some = points[:: math.ceil(len(points) / _LONGEST) or 1]
    kept = sorted(point for point in some if abs(point[0]) < _FARTHEST and abs(point[1]) < _FARTHEST)
    if not kept:
        return None
    whole = _thinned(kept)
    fitted = _fit(whole)
    if fitted is None:
        return None
    since = kept[-1][0] - (kept[-1][0] - kept[0][0]) / 3
    recent = _fit(_thinned([point for point in kept if point[0] >= since]))
    if recent is None:
        return fitted
    slowed = recent.high < fitted.bytes_per_second
    quickened = recent.low > fitted.bytes_per_second and _at_new_height(whole, since)
    return recent if slowed or quickened else fitted


def time_to_limit(slope: Slope | None, headroom: Bytes | None) -> Seconds | None:
    """Seconds until `headroom` bytes are used up, at a growth between its lower bound and itself: late, not false.

    The geometric mean of the two: on recorded leaks it is off by a median of 28 %, the bound alone by 44 %
    (`make bench ARGS=forecast`).

    None where growth cannot be told from none. Whoever puts this into a Sample: a slope that is known and leads to no
    limit is a measurement, `Reading(math.inf, ...)`; it clears a tier that a forecast entered, and absence would not.
    """
    if slope is None or headroom is None or slope.low <= 0 or slope.low < _CREDIBLE * slope.bytes_per_second:
        return None
    return Seconds(max(0, headroom) / math.sqrt(slope.low * slope.bytes_per_second))


def _thinned(points: _Points) -> _Points:
    """At most `_POINTS` points, evenly in time: the medians of time slots. Expects sorted points."""
    start, span = points[0][0], points[-1][0] - points[0][0]
    if span < _SHORTEST:
        return points[:1]
    slots: dict[int, _Points] = {}
    for point in points:
        slots.setdefault(min(_POINTS - 1, int((point[0] - start) / span * _POINTS)), []).append(point)
    return [(median(time for time, _ in slot), median(value for _, value in slot)) for slot in slots.values()]


def _fit(points: _Points) -> Slope | None:
    count = len(points)
    if count < _FEWEST:
        return None
    slopes = sorted(
        (later - earlier) / (end - start)
        for index, (start, earlier) in enumerate(points)
        for end, later in points[index + 1 :]
    )
    pairs = len(slopes)
    interval = _Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, min(pairs // 4, int((pairs - interval) / 2)))
    return Slope(median(slopes), slopes[low], slopes[pairs - 1 - low])


def _at_new_height(points: _Points, since: float) -> bool:
    """Whether the newest point is beyond all that were there before `since`, and not by chance."""
    older = [value for time, value in points if time < since]
    return points[-1][1] > max(older) + NEW_HEIGHT * (max(older) - min(older))
