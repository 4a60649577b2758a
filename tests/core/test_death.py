"""Is the time of death the one that was seen, or else an estimate that says so?"""

import pytest
from tests.core.traces import MB, rows_of

from brimwatch.core.autopsy import examine
from brimwatch.core.death import Death, death, may_have_reached_limit
from brimwatch.units import Seconds

LEAK = [(0.0, 300.0), (1.0, 320.0), (2.0, 340.0)]  # 20 MB/s, and 8 s from its limit of 500 MB


@pytest.mark.parametrize(
    ("points", "noticed", "exact", "expected"),
    [
        pytest.param(LEAK, 2.5, True, (2.5, False, 0.0), id="an end that was seen is when it was"),
        pytest.param(LEAK, 2.04, False, (2.04, False, 0.0), id="a look just before is as good"),
        pytest.param(LEAK, 20.0, False, (10.0, True, 18.0), id="what was left is used up at the growth of then"),
        pytest.param(LEAK, 6.0, False, (6.0, True, 4.0), id="it is never later than it was noticed"),
        pytest.param([(0.0, 300.0)], 5.0, False, (0.0, True, 5.0), id="without a growth the last look is the least"),
        pytest.param([(0.0, 300.0), (1.0, 300.0)], 5.0, False, (1.0, True, 4.0), id="at rest too"),
        pytest.param([*LEAK, (2.5, 100.0)], 3.0, False, (2.5, True, 1.0), id="it was dying at a look that shows less"),
    ],
)
def test_when_it_died(
    points: list[tuple[float, float]], noticed: float, exact: bool, expected: tuple[float, bool, float]
) -> None:
    found = death(rows_of(points), noticed, exact, True)
    assert (found.at, found.about, found.unsure) == expected
    assert found.last == max(size for _, size in points) * MB


def test_of_what_was_never_measured_only_the_noticing_is_known() -> None:
    assert death([], 5.0, False, True) == Death(5.0, True, Seconds(0.0))


def test_the_climb_after_an_earlier_higher_crest_is_the_one_that_is_opened() -> None:
    points = [(0.0, 480.0), (30.0, 100.0), *((60.0 + at, 200.0 + 40.0 * at) for at in range(7))]
    found = examine(rows_of(points), 67.5, True, Seconds(2.0))
    assert found.growth is not None
    assert round(found.growth / MB) == 40
    assert found.peak == 480 * MB
    assert found.advised is not None
    assert found.advised.false_alarms == 1


@pytest.mark.parametrize(
    ("points", "ended", "expected"),
    [
        pytest.param(LEAK, 7.0, True, id="growing on at twice that pace it had nothing left"),
        pytest.param(LEAK, 4.0, False, id="so soon after the last look it had not come that far"),
        pytest.param([(0.0, 300.0), (1.0, 300.0)], 60.0, False, id="at rest it never comes there"),
        pytest.param([(0.0, 300.0), (1.0, 200.0)], 60.0, False, id="falling neither"),
        pytest.param([(0.0, 300.0), (1.0, 495.0)], 1.0, True, id="a look at the limit is enough"),
        pytest.param([(0.0, 300.0)], 60.0, False, id="one look tells no growth"),
        pytest.param([], 60.0, False, id="nothing measured, nothing said"),
    ],
)
def test_whether_it_may_have_been_at_its_limit(points: list[tuple[float, float]], ended: float, expected: bool) -> None:
    assert may_have_reached_limit(rows_of(points), ended, True) == expected
