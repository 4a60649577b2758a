import pytest

from brimwatch.model import Condition, Limit, Policy, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.record.account import Mark
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event
from brimwatch.runtime.guarding.course import MOST_POINTS, Course, emergency_size
from brimwatch.units import Bytes

MB = 10**6
LIMIT = Limit(Bytes(2000 * MB), "cgroup")


def sample(at: float, size: float, headroom: int | None = None, limit: Limit | None = LIMIT) -> Sample:
    readings = {Quantity.RSS: Reading(size, at), Quantity.PROCESSES: Reading(2.0, at)}
    return Sample(at, readings, limit, None if headroom is None else Bytes(headroom))


def grown(course: Course, sizes: list[float], first: float = 0.0) -> Course:
    for index, size in enumerate(sizes):
        at = first + index
        course.look((sample(at, size * MB),), at, 1000 + at, 0.0, Tier.CALM)
    return course


def policy(*thresholds: Threshold, every: bool = False) -> Policy:
    return Policy("p", (TierRule(Tier.EMERGENCY, Condition(thresholds, every)),))


def test_start_last_peak_and_mean_growth_are_kept() -> None:
    course = grown(Course(), [100, 200, 400, 300, 200])
    assert (course.start, course.last, course.peak, course.looks) == (100 * MB, 200 * MB, 400 * MB, 5)
    assert course.growth() == pytest.approx(25 * MB, rel=0.01)


@pytest.mark.parametrize(
    ("sizes", "ended", "expected"),
    [
        pytest.param([100, 200, 300, 400, 150], 1004.3, 400, id="a look in the middle of the exit"),
        pytest.param([100, 200, 300, 400, 150], 1008.0, 150, id="a fall long before the end"),
        pytest.param([100, 200, 400, 150, 160], 1004.3, 160, id="it grew again after the fall"),
        pytest.param([100], 1000.1, 100, id="a single look"),
    ],
)
def test_a_fall_in_the_exit_is_no_part_of_the_course(sizes: list[float], ended: float, expected: int) -> None:
    course = grown(Course(), sizes)
    course.close(ended)
    assert course.last == expected * MB
    assert max(size for _, size in course.points) <= course.peak
    assert course.points[-1][1] == expected * MB


def test_the_growth_is_that_until_the_exit_began() -> None:
    course = grown(Course(), [100, 200, 300, 400, 150])
    course.close(1004.3)
    assert course.growth() == pytest.approx(100 * MB, rel=0.01)


def test_a_sample_that_was_seen_is_not_counted_again() -> None:
    course = Course()
    for wall in (1000.0, 1000.1, 1000.2):
        course.look((sample(5.0, 100 * MB),), 5.0 + wall - 1000, wall, 0.0, Tier.CALM)
    assert course.looks == 1


def test_a_peak_between_two_glances_counts() -> None:
    course = Course((900 * MB,))
    course.look((sample(1.0, 100 * MB),), 1.0, 1000.0, 950.0 * MB, Tier.CRITICAL)
    assert (course.peak, course.tier, course.passed) == (950 * MB, Tier.CRITICAL, {900 * MB: 1000.0})


def test_several_subjects_are_added_and_the_least_headroom_is_kept() -> None:
    course = Course()
    course.look((sample(1.0, 10 * MB, 50), sample(1.0, 20 * MB, 40)), 1.0, 1000.0, 0.0, Tier.CALM)
    course.look((sample(2.0, 10 * MB, 90),), 2.0, 1001.0, 0.0, Tier.CALM)
    assert (course.peak, course.least_headroom, course.limit, course.most_processes) == (30 * MB, 40, LIMIT, 4)


def test_what_was_not_passed_lies_ahead_at_the_pace_of_the_run() -> None:
    course = grown(Course((50 * MB, 1000 * MB)), [100 + 10 * step for step in range(30)])
    found = course.ahead(policy(Threshold(Quantity.RSS, 0.9, True)))
    assert [(mark.size, mark.what) for mark in found] == [
        (1000 * MB, "mark"), (1800 * MB, "emergency"), (2000 * MB, "limit"),
    ]  # fmt: skip
    assert found[0].wall == pytest.approx(1000 + 29 + (1000 - 390) / 10, abs=1)
    assert course.marks_passed() == (Mark(50 * MB, "mark", 1000.0),)


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([500.0] * 30, id="no growth"),
        pytest.param([500.0 - step for step in range(30)], id="a fall"),
        pytest.param([100.0, 200.0], id="too few looks"),
        pytest.param([], id="none at all"),
    ],
)
def test_nothing_lies_ahead_where_growth_is_not_certain(sizes: list[float]) -> None:
    assert grown(Course((9000 * MB,)), sizes).ahead(policy()) == ()


def test_an_emergency_that_was_entered_lies_not_ahead() -> None:
    course = grown(Course(), [100 + 10 * step for step in range(30)])
    course.hear(Event(Name.TIER_ENTERED, 1020.0, "job", None, {"after": "emergency"}))
    found = course.ahead(policy(Threshold(Quantity.RSS, 0.9, True)))
    assert [mark.what for mark in found] == ["limit"]


def test_a_long_run_keeps_a_bounded_number_of_points_over_all_of_it() -> None:
    course = grown(Course(), [float(step) for step in range(5000)])
    assert len(course.points) <= MOST_POINTS
    assert (course.points[0][0], course.points[-1][0]) == (1000.0, pytest.approx(5999, abs=30))


def test_events_become_tiers_and_deeds() -> None:
    course = Course()
    facts = {"after": "critical", "signals": "rss", "rss_bytes": 2e9, "rss_threshold_bytes": 1e9}
    course.hear(Event(Name.TIER_ENTERED, 5.0, "job", None, facts))
    ran = {"action": "ask", "tier": "critical", "rung": 1, "reclaimed_bytes": 7, "duration_seconds": 2.5}
    course.hear(Event(Name.ACTION_RAN, 6.0, "job", None, ran))
    course.hear(Event(Name.OOM_KILLED, 7.0, "job", None, {"evidence": "cgroup", "count": 2}))
    assert [tuple(one) for one in course.entries] == [("critical", 5.0, "rss 2.0 GB >= 1.0 GB")]
    assert [(one.action, one.result, one.wall, one.reclaimed) for one in course.deeds] == [("ask", "ran", 3.5, 7)]
    assert course.oom_kills == {"cgroup": 2}


def test_the_size_of_an_emergency_is_that_of_its_resident_set() -> None:
    assert emergency_size(policy(Threshold(Quantity.RSS, 5.0)), None) == 5
    assert emergency_size(policy(Threshold(Quantity.RSS, 0.5, True)), LIMIT) == 1000 * MB
    assert emergency_size(policy(Threshold(Quantity.RSS, 0.5, True)), None) is None
    assert emergency_size(policy(Threshold(Quantity.VMS, 5.0)), None) is None
    assert emergency_size(policy(Threshold(Quantity.RSS, 5.0), Threshold(Quantity.VMS, 5.0), every=True), None) is None
