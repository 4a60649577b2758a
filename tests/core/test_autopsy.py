"""Which threshold would have caught it? On histories of known shape."""

import math

import pytest
from tests.core.traces import LIMIT, MB, ramp, rows_of, teeth

from brimwatch.core.autopsy import SHARES, SHORTEST, TIMES, Autopsy, examine, needed_time
from brimwatch.core.history import Row
from brimwatch.model import Action, Condition, Policy, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds

SLOW = ramp(0, 300, 200, 1)  # reaches the limit after 300 s at 1 MB/s
FAST = [*ramp(0, 60, 100, 0), *ramp(60.1, 65.1, 100, 80)]  # a minute of rest, then 80 MB/s for 5 s
STEP = [*ramp(0, 60, 100, 0, 1.0), (60.5, 490.0)]  # 390 MB between two looks
SAW = [*teeth(0, 270, 200, 360, 30), *ramp(270, 280, 200, 30)]  # nine teeth to 72 %, then a climb to the limit


def of(points: list[tuple[float, float]], killed_at: float, needed: float = 2.0, **more: object) -> Autopsy:
    return examine(rows_of(points, **more), killed_at, True, Seconds(needed))  # type: ignore[arg-type]


def advised(found: Autopsy) -> tuple[float | None, float | None, int] | None:
    """Share, seconds that it left (rounded to tenths), false alarms."""
    one = found.advised
    return None if one is None else (one.share, None if one.left is None else round(one.left, 1), one.false_alarms)


@pytest.mark.parametrize(
    ("points", "killed_at", "needed", "expected"),
    [
        pytest.param(SLOW, 300.0, 2.0, (0.95, 25.0, 0), id="a slow leak is caught by the highest share"),
        pytest.param(SLOW, 300.0, 60.0, (0.85, 75.0, 0), id="who needs a minute needs an earlier one"),
        pytest.param(FAST, 65.1, 2.0, (0.65, 2.1, 0), id="a fast leak is caught at a lower share"),
        pytest.param(FAST, 65.1, 4.0, None, id="a leak that is faster than its rungs is caught by none"),
        pytest.param(STEP, 60.6, 2.0, None, id="a step between two looks is caught by none"),
        pytest.param(SAW, 280.0, 2.0, (0.85, 2.5, 0), id="above the teeth of a sawtooth there are no false alarms"),
        pytest.param(SAW, 280.0, 6.0, (0.6, 6.6, 9), id="among the teeth each is a false alarm"),
    ],
)
def test_the_highest_share_that_leaves_the_needed_time_is_advised(
    points: list[tuple[float, float]], killed_at: float, needed: float, expected: "tuple[float, float, int] | None"
) -> None:
    assert advised(of(points, killed_at, needed)) == expected


def test_a_forecast_is_advised_where_no_share_leaves_the_time() -> None:
    found = examine(rows_of(FAST, left=lambda at: 4.9 if at > 60.5 else math.inf), 65.1, True, Seconds(4.0))
    assert found.advised is not None
    assert (found.advised.time_to_limit, round(found.advised.left or 0, 1)) == (10.0, 4.5)


def test_a_forecast_with_fewer_false_alarms_is_advised_before_a_share() -> None:
    found = examine(rows_of(SAW, left=lambda at: 9.0 if at >= 272 else math.inf), 280.0, True, Seconds(6.0))
    assert found.advised is not None
    assert (found.advised.time_to_limit, found.advised.left, found.advised.false_alarms) == (10.0, 8.0, 0)


def test_peak_growth_and_step_are_those_before_the_kill() -> None:
    found = of(FAST, 65.1)
    assert (found.peak, found.limit) == (500 * MB, LIMIT)
    assert found.growth is not None
    assert round(found.growth / MB) == 40  # over ten seconds, five of them at rest
    assert found.step is not None
    assert round(found.step / MB) == 8


def test_what_falls_after_the_peak_is_the_kill_itself() -> None:
    dying = [*SLOW, (300.1, 300.0), (300.2, 10.0)]
    assert advised(of(dying, 300.2)) == (0.95, 25.2, 0)


def test_a_share_that_was_exceeded_since_the_history_began_left_at_least_that_time() -> None:
    found = of(ramp(0, 20, 480, 1), 20.0)
    assert found.advised is not None
    assert (found.advised.share, found.advised.left, found.advised.whole) == (0.95, 20.0, True)


def test_without_a_limit_there_are_no_shares_and_no_advice() -> None:
    found = of(SLOW, 300.0, limit=None)
    assert (found.limit, found.advised, found.peak) == (None, None, 500 * MB)
    assert [one.time_to_limit for one in found.candidates] == list(TIMES)


def test_without_a_single_measurement_nothing_is_known() -> None:
    empty = Autopsy(None, None, None, None, None, Seconds(0.0), Seconds(2.0), None)
    assert examine([], 10.0, True, Seconds(2.0)) == empty
    assert examine([Row(1.0)], 10.0, True, Seconds(2.0)) == empty


def test_one_measurement_alone_tells_no_growth() -> None:
    found = of([(1.0, 400.0)], 2.0)
    assert (found.growth, found.step, found.peak) == (None, None, 400 * MB)


def test_a_resident_set_ahead_of_the_cgroups_last_reading_counts() -> None:
    rows = [Row(float(at), rss=at * 10 * MB, limit=LIMIT, headroom=LIMIT - 100 * MB) for at in range(51)]
    assert examine(rows, 50.0, True, SHORTEST).peak == 500 * MB


def test_where_the_machine_sets_the_limit_what_others_hold_counts() -> None:
    rows = [Row(float(at), rss=10 * MB, limit=LIMIT, headroom=LIMIT - at * 10 * MB) for at in range(51)]
    assert examine(rows, 50.0, False, SHORTEST).peak == 500 * MB


def test_every_share_is_replayed() -> None:
    found = of(SLOW, 300.0)
    assert [one.share for one in found.candidates if one.share is not None] == list(SHARES)
    lefts = [one.left for one in found.candidates if one.share is not None]
    assert lefts == sorted(lefts, key=lambda left: left or 0)


def policy(*ladders: tuple[float, ...]) -> Policy:
    when = Condition((Threshold(Quantity.RSS, 1.0),))
    rules = [
        TierRule(tier, when, do=tuple(Action("a", "signal", None, settle=Seconds(one)) for one in ladder))
        for tier, ladder in zip((Tier.WARNING, Tier.CRITICAL, Tier.EMERGENCY), ladders, strict=False)
    ]
    return Policy("p", tuple(rules))


@pytest.mark.parametrize(
    ("ladders", "needed"),
    [
        pytest.param((), 2.0, id="a policy without tiers needs the shortest time"),
        pytest.param(((),), 2.0, id="a tier without rungs too"),
        pytest.param(((0.5,),), 2.0, id="a rung that settles at once too"),
        pytest.param(((3.0,), (2.0, 5.0)), 7.0, id="the longest ladder counts"),
    ],
)
def test_the_needed_time_is_that_of_the_longest_ladder(ladders: "tuple[tuple[float, ...], ...]", needed: float) -> None:
    assert needed_time(policy(*ladders)) == needed
