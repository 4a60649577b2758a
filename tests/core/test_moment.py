"""How long ago was something, whatever the clocks did?"""

import pytest

from brimwatch.core.moment import Moment, elapsed, translate

THEN = Moment(1_000_000.0, 500.0, "a")
YEAR = 366 * 86400.0


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(Moment(1_000_060.0, 560.0, "a"), 60.0, id="both clocks agree"),
        pytest.param(Moment(1_000_060.0 + YEAR, 560.0, "a"), 60.0, id="the wall clock jumped ahead a year"),
        pytest.param(Moment(60.0, 560.0, "a"), 60.0, id="the wall clock fell back to 1970"),
        pytest.param(Moment(1_000_060.0, 7.0, "b"), 60.0, id="the machine was started anew"),
        pytest.param(Moment(60.0, 7.0, "b"), 0.0, id="started anew with a dead clock, it was just now"),
        pytest.param(Moment(1_000_060.0, 560.0, ""), 60.0, id="nobody knows which boot it is"),
    ],
)
def test_the_time_that_has_passed(now: Moment, expected: float) -> None:
    assert elapsed(THEN, now) == expected


@pytest.mark.parametrize(
    ("at", "now", "expected"),
    [
        pytest.param(440.0, Moment(1_000_060.0, 560.0, "a"), 440.0, id="within a boot it is the same number"),
        pytest.param(440.0, Moment(1_000_060.0, 7.0, "b"), -113.0, id="after a reboot it is as long ago"),
        pytest.param(530.0, Moment(1_000_010.0, 7.0, "b"), 27.0, id="what was to end in 30 s has 20 s left 10 s later"),
        pytest.param(500.0, Moment(60.0, 7.0, "b"), 7.0, id="nothing that is over lies in the future"),
    ],
)
def test_a_time_on_another_clock(at: float, now: Moment, expected: float) -> None:
    assert translate(at, THEN, now) == expected
