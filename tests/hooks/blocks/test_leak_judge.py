"""Is a leak told from a sawtooth and from a step? Counts and times are made up: the judge is pure."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brimwatch.hooks.leak_judge import MOST_FLOORS, MOST_SERIES, Judge

LOOKS, WINDOWS, LEAST, GAP = 6, 4, 100, 60.0
OFFSET = st.integers(0, 1_000_000)


def judged(
    count: Callable[[int], float], looks: int = LOOKS * 10, gap: Callable[[int], float] = lambda _: 1.0
) -> Judge:
    """A judge that has looked at one count so often, by default once a second."""
    judge, now = Judge(LOOKS, WINDOWS, LEAST, GAP), 0.0
    for look in range(looks):
        now += gap(look)
        judge.look(now, {"order": count(look)})
    return judge


@settings(max_examples=50)
@given(OFFSET, st.lists(st.integers(10, 30), min_size=60, max_size=60))
def test_what_grows_at_every_look_is_named_with_its_rate(offset: int, steps: list[int]) -> None:
    (growth,) = judged(lambda look: offset + sum(steps[:look])).growing()
    assert (growth.name, growth.windows) == ("order", 10)
    assert 10 <= growth.per_second <= 30
    assert growth.confidence > 0.99


@settings(max_examples=50)
@given(OFFSET, st.integers(1, 1000), st.floats(2, LOOKS), st.floats(0, 1))
def test_a_sawtooth_whose_period_fits_into_a_window_is_silent(
    offset: int, height: int, period: float, phase: float
) -> None:
    for looks in range(LOOKS, LOOKS * 30, LOOKS):
        judge = judged(lambda look: offset + int(height * math.fmod(look + phase * period, period)), looks)
        assert judge.growing() == []


@settings(max_examples=50)
@given(OFFSET, st.integers(1, 10**9), st.integers(0, LOOKS * 10), st.integers(1, LOOKS))
def test_one_step_is_silent_however_high(offset: int, height: int, at: int, lasts: int) -> None:
    def ramp(look: int) -> float:
        return offset + height * min(1.0, max(0.0, (look - at) / lasts))

    for looks in range(LOOKS, LOOKS * 12, LOOKS):
        assert judged(ramp, looks).growing() == []


@settings(max_examples=50)
@given(st.lists(st.integers(0, 50), min_size=60, max_size=120))
def test_noise_without_a_trend_never_grows_by_what_counts(counts: list[int]) -> None:
    assert judged(lambda look: counts[look], len(counts)).growing() == []


def test_a_leak_below_a_sawtooth_is_named_once_it_has_outgrown_its_steps() -> None:
    def both(look: int) -> float:
        return 40 * look + 100 * (look % 5)

    assert [growth.name for growth in judged(both).growing()] == ["order"]


@pytest.mark.parametrize(
    ("looks", "named"),
    [
        pytest.param(LOOKS * 4 - 1, 0, id="before the fourth window closes nothing is said"),
        pytest.param(LOOKS * 4, 1, id="with the fourth rising floor it is"),
    ],
)
def test_it_takes_as_many_windows_as_were_asked_for(looks: int, named: int) -> None:
    assert len(judged(lambda look: 20 * look, looks).growing()) == named


def test_what_has_stopped_growing_is_not_named_any_more() -> None:
    assert judged(lambda look: 20 * min(look, LOOKS * 5)).growing() == []


def test_growth_of_less_than_counts_is_not_named() -> None:
    assert judged(lambda look: look, LOOKS * 10).growing() == []


def test_a_clock_that_goes_back_makes_it_forget_everything() -> None:
    judge = judged(lambda look: 20 * look, gap=lambda look: -5000.0 if look == LOOKS * 9 else 1.0)
    assert judge.growing() == []
    assert len(judge.series["order"].floors) == 1


def test_a_clock_that_stands_still_or_leaps_makes_no_rate_of_it() -> None:
    assert judged(lambda look: 20 * look, gap=lambda _: 0.0).growing() == []
    leaping = judged(lambda look: 20 * look, gap=lambda look: 1e9 if look == LOOKS * 5 + 2 else 1.0)
    assert [growth.seconds > 1e9 for growth in leaping.growing()] == [True]


def test_a_process_that_was_suspended_begins_its_window_anew() -> None:
    judge = judged(lambda look: 20 * look, LOOKS * 2, gap=lambda look: GAP + 1 if look == LOOKS + 3 else 1.0)
    assert len(judge.series["order"].floors) == 1


def test_what_is_remembered_is_bounded() -> None:
    judge = Judge(2, 3, LEAST, GAP)
    for now in range(100):
        judge.look(now, {f"type-{number}": number for number in range(MOST_SERIES + 500)})
    assert len(judge.series) == MOST_SERIES
    assert all(len(series.floors) == MOST_FLOORS for series in judge.series.values())
    assert "type-0" not in judge.series


def test_level_series_are_forgotten_and_those_that_rise_are_evidence() -> None:
    judge = Judge(LOOKS, WINDOWS, LEAST, GAP)
    for now in range(LOOKS * 5):
        judge.look(now, {"level": 500, "order": 20 * now})
    assert (judge.forget_level(), list(judge.series)) == (1, ["order"])
    assert [growth.name for growth in judge.growing()] == ["order"]


def test_a_type_that_vanishes_counts_as_none_of_it() -> None:
    judge = Judge(LOOKS, WINDOWS, LEAST, GAP)
    for now in range(LOOKS * 6):
        judge.look(now, {"order": 20 * now} if now % LOOKS else {})
    assert judge.growing() == []
