import math
import random
from collections.abc import Callable
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.core.forecast import Slope, slope, time_to_limit
from brimwatch.units import Bytes

MB = 1e6
HEADROOM = Bytes(100 * 10**6)
Shape = Callable[[float], float]


def points(shape: Shape, noise: float = 0.5, seed: int = 0, count: int = 200) -> list[tuple[float, float]]:
    """A minute of a shape in MB, with Gaussian noise in MB."""
    chance = random.Random(seed)
    times = [60.0 * index / count for index in range(count)]
    return [(time, MB * (shape(time) + chance.gauss(0, noise))) for time in times]


def sawtooth(period: float, start: float = 0.0, leak: float = 0.0) -> Shape:
    return lambda time: 100 + 50 * ((time + start) % period) / period + leak * time


def sawtooth_then_ramp(time: float) -> float:
    """Three teeth up to 150 MB in 40 s, then a ramp to 170 MB."""
    return sawtooth(40 / 3)(time) if time < 40 else 3.5 * time - 40


GROWS: dict[str, tuple[Shape, float, float, float]] = {  # shape, noise in MB, bytes per second, tolerance
    "a ramp": (lambda t: 100 + 10 * t, 0, 10 * MB, 1e-9),
    "a ramp in noise as large as half a second of it": (lambda t: 100 + 10 * t, 5, 10 * MB, 0.02),
    "a slow ramp in noise as large as five seconds of it": (lambda t: 100 + t, 5, MB, 0.15),
    "growth in small steps": (lambda t: 100 + 10 * int(t / 2), 0.5, 5 * MB, 0.05),
    "growth in large steps": (lambda t: 100 + 50 * int(t / 10), 0.5, 5 * MB, 0.2),
    "a leak below a quick sawtooth": (sawtooth(3, leak=2), 0.5, 2 * MB, 0.1),
    "growth that began halfway, at its own rate": (lambda t: 100 + 50 * max(0, t - 30), 0.5, 50 * MB, 0.05),
    "growth that began a third ago, at its own rate": (lambda t: 100 + 50 * max(0, t - 40), 0.5, 50 * MB, 0.05),
    "growth that leads beyond the sawtooth before it": (sawtooth_then_ramp, 0.1, 3.5 * MB, 0.05),
    "growth that has slowed down, at its new rate": (lambda t: min(10 * t, 240 + 2 * t), 0.5, 2 * MB, 0.1),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("shape", "noise", "rate", "tolerance"), GROWS.values(), ids=GROWS)
def test_growth_is_told(shape: Shape, noise: float, rate: float, tolerance: float, seed: int) -> None:
    fitted = slope(points(shape, noise, seed))
    assert fitted is not None
    assert pytest.approx(rate, rel=tolerance) == fitted.bytes_per_second
    assert 0 < fitted.low <= fitted.bytes_per_second <= fitted.high
    left = time_to_limit(fitted, HEADROOM)
    assert left is not None
    assert HEADROOM / fitted.bytes_per_second <= left * (1 + 1e-9)
    assert left <= HEADROOM / fitted.low * (1 + 1e-9)


FLAT: dict[str, tuple[Shape, float]] = {
    "flat, exactly": (lambda t: 100, 0),
    "flat in noise": (lambda t: 100, 5),
    "flat but for single pages": (lambda t: 100, 0.004),
    "falling": (lambda t: 900 - 10 * t, 5),
    "a quick sawtooth": (sawtooth(3), 0.5),
    "a sawtooth of a fifth of the window": (sawtooth(12), 0.5),
    "a sawtooth whose last tooth rises through the last third": (sawtooth(20.5), 0.5),
    "a last tooth a little higher than those before": (lambda t: sawtooth(20.5)(t) + 4 * (t > 41), 0.1),
    "a sawtooth of half the window": (sawtooth(30, start=10), 0.5),
    "a warm-up that ended halfway": (lambda t: 100 + 10 * min(t, 30), 0.5),
    "a warm-up that ended long ago": (lambda t: 100 + 50 * min(t, 6), 0.5),
    "a warm-up that flattens": (lambda t: 100 + 300 * (1 - math.exp(-t / 5)), 0.5),
    "one step halfway": (lambda t: 100 + 100 * (t > 30), 0.5),
    "one step just now": (lambda t: 100 + 100 * (t > 58), 0.5),
    "two steps": (lambda t: 100 + 50 * (t > 20) + 50 * (t > 40), 0.5),
    "growth too young to be told from a step": (lambda t: 100 + 50 * max(0, t - 57), 0.5),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("shape", "noise"), FLAT.values(), ids=FLAT)
def test_what_is_no_growth_has_no_time_to_the_limit(shape: Shape, noise: float, seed: int) -> None:
    fitted = slope(points(shape, noise, seed))
    assert fitted is not None
    assert time_to_limit(fitted, HEADROOM) is None


def test_one_outlier_changes_little() -> None:
    clean = points(lambda t: 100 + 10 * t, 0, count=24)
    for index in range(24):
        spoilt = list(clean)
        spoilt[index] = (clean[index][0], 1e12)
        fitted = slope(spoilt)
        assert fitted is not None
        assert pytest.approx(10 * MB, rel=1e-6) == fitted.bytes_per_second


TOO_FEW: dict[str, list[tuple[float, float]]] = {
    "nothing": [],
    "one point": [(0, 1)],
    "two points": [(0, 1), (1, 2)],
    "three points": [(0, 1), (1, 2), (2, 3)],
    "many points of one time": [(5, value) for value in range(100)],
    "many points of three times": [(value % 3, value) for value in range(100)],
    "a moment": [(value * 1e-4, value) for value in range(10)],
    "points beyond any clock or memory": [(0, 1), (1, 2), (2, 3), (3, 1e300), (-1e308, 4), (1e308, 5)],
    "points that are no numbers": [(0, 1), (1, 2), (2, 3), (3, math.nan), (math.inf, 4), (4, -math.inf)],
}


@pytest.mark.parametrize("few", TOO_FEW.values(), ids=TOO_FEW)
def test_too_few_points_tell_nothing(few: list[tuple[float, float]]) -> None:
    assert slope(few) is None


def test_four_points_on_a_line_are_enough() -> None:
    assert Slope(2.0, 2.0, 2.0) == slope([(time, 2.0 * time) for time in range(4)])


def test_four_points_that_once_fall_are_no_growth() -> None:
    fitted = slope([(0, 0.0), (1, 100.0), (2, 90.0), (3, 300.0)])
    assert fitted is not None
    assert time_to_limit(fitted, HEADROOM) is None


def test_the_order_of_points_does_not_matter() -> None:
    ordered = points(lambda t: 100 + 3 * t, 2)
    shuffled = random.Random(1).sample(ordered, len(ordered))
    assert slope(ordered) == slope(shuffled)


def test_of_points_at_one_time_the_median_counts() -> None:
    twice = [(time, value) for time in range(10) for value in (time * 5.0, time * 5.0, 1e9)]
    assert Slope(5.0, 5.0, 5.0) == slope([(float(time), value) for time, value in twice])


def test_few_even_points_give_the_median_of_all_pairs() -> None:
    chance = random.Random(3)
    some = [(float(time), 7 * time + chance.gauss(0, 2)) for time in range(11)]
    slopes = [(b - a) / (end - start) for start, a in some for end, b in some if end > start]
    fitted = slope(some)
    assert fitted is not None
    assert median(slopes) == fitted.bytes_per_second


# Sen's interval for so few points, the quartiles from 11 on: which of the ordered slopes is the lower bound.
RANKS = {4: 0, 5: 0, 6: 2, 8: 6, 9: 8}


@pytest.mark.parametrize(("count", "rank"), RANKS.items())
def test_bounds_are_the_wider_of_sens_interval_and_the_quartiles(count: int, rank: int) -> None:
    some = [(float(time), float(time**3)) for time in range(count)]
    slopes = sorted((b - a) / (end - start) for start, a in some for end, b in some if end > start)
    assert Slope(median(slopes), slopes[rank], slopes[-1 - rank]) == slope(some)


def test_where_the_clock_starts_does_not_matter() -> None:
    late = [(time + 2.0**20, value) for time, value in points(lambda t: 100 + 50 * max(0, t - 40), 0)]
    early = [(time - 2.0**20, value) for time, value in late]
    fitted = slope(late)
    assert fitted is not None
    assert pytest.approx(fitted) == slope(early)


def test_a_window_of_any_size_is_looked_at_as_a_whole() -> None:
    many = points(lambda t: 100 + 10 * t, 1, count=20_000)
    fitted = slope(many)
    assert fitted is not None
    assert pytest.approx(10 * MB, rel=0.02) == fitted.bytes_per_second


TIMES = {
    "headroom over the growth": (Slope(10.0, 10.0, 10.0), 1000, 100.0),
    "between the lower bound of the growth and itself: late rather than false": (Slope(8.0, 2.0, 20.0), 1000, 250.0),
    "at the limit there is no time left": (Slope(10.0, 10.0, 10.0), 0, 0.0),
    "nor beyond it": (Slope(10.0, 10.0, 10.0), -5, 0.0),
    "growth that may be none has no time": (Slope(10.0, 0.0, 20.0), 1000, None),
    "growth that may be negative has no time": (Slope(10.0, -1.0, 20.0), 1000, None),
    "a lower bound of next to nothing has no time": (Slope(10.0, 0.9, 20.0), 1000, None),
    "falling has no time": (Slope(-10.0, -12.0, -8.0), 1000, None),
    "an unknown slope has no time": (None, 1000, None),
    "an unknown headroom has no time": (Slope(10.0, 10.0, 10.0), None, None),
}


@pytest.mark.parametrize(("fitted", "headroom", "expected"), TIMES.values(), ids=TIMES)
def test_time_to_limit(fitted: Slope | None, headroom: int | None, expected: float | None) -> None:
    assert expected == time_to_limit(fitted, None if headroom is None else Bytes(headroom))


@given(st.lists(st.tuples(st.floats(), st.floats()) | st.tuples(st.floats(0, 1e6), st.floats(0, 1e13)), max_size=100))
def test_bounds_hold_the_slope_whatever_the_points(some: list[tuple[float, float]]) -> None:
    fitted = slope(some)
    if fitted is not None:
        assert fitted.low <= fitted.bytes_per_second <= fitted.high


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=30))
def test_no_points_raise(some: list[tuple[float, float]]) -> None:
    time = time_to_limit(slope(some), HEADROOM)
    assert time is None or time >= 0
