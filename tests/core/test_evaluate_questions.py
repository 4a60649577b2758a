"""What the ladder asks of a condition: met, still to be kept, goal reached, bytes needed, what was crossed."""

import math

import pytest

from brimwatch.core.evaluate import (
    TierState,
    above_leave,
    crossings,
    goal_reached,
    meets,
    meets_measured,
)
from brimwatch.core.needs import needed_bytes
from brimwatch.model import Condition, Crossing, Limit, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Bytes

LIMIT = Limit(Bytes(1000), "cgroup")

RSS = Threshold(Quantity.RSS, 100.0)
SWAP = Threshold(Quantity.SWAP, 50.0)
VMS = Threshold(Quantity.VMS, 100.0)
THREADS = Threshold(Quantity.THREADS, 8.0)
SHARE = Threshold(Quantity.WORKING_SET, 0.5, relative=True)
FORECAST = Threshold(Quantity.TIME_TO_LIMIT, 18.0)
GROWTH = Threshold(Quantity.GROWTH, 10.0)
USED = Threshold(Quantity.MEMORY_USED, 0.9)
UNKNOWN = math.nan


def sample(partial: bool = False, limit: Limit | None = LIMIT, **values: float) -> Sample:
    readings = {Quantity(name): Reading(value, 10.0) for name, value in values.items()}
    return Sample(10.0, readings, limit, partial=partial)


def any_of(*thresholds: Threshold) -> Condition:
    return Condition(thresholds)


def every(*thresholds: Threshold) -> Condition:
    return Condition(thresholds, every=True)


def tier(when: Condition, leave: Condition | None = None) -> TierRule:
    return TierRule(Tier.CRITICAL, when, leave)


MEETS = {
    "any-of: met by one": (any_of(RSS, THREADS), sample(rss=100, threads=1), True),
    "any-of: met by one while another is unknown": (any_of(RSS, THREADS), sample(threads=8), True),
    "any-of: not met when none is": (any_of(RSS, THREADS), sample(rss=99, threads=7), False),
    "any-of: cannot be told while one is unknown": (any_of(RSS, THREADS), sample(rss=99), None),
    "any-of: what is no number is unknown": (any_of(RSS), sample(rss=UNKNOWN), None),
    "any-of: cannot be told while the first is unknown": (any_of(RSS, THREADS), sample(threads=7), None),
    "all: cannot be told while the first is unknown": (every(RSS, THREADS), sample(threads=8), None),
    "all: met when every one is": (every(RSS, THREADS), sample(rss=100, threads=8), True),
    "all: not met when one is not": (every(RSS, THREADS), sample(rss=100, threads=7), False),
    "all: not met when one is not, whatever an unknown one is": (every(RSS, THREADS), sample(threads=7), False),
    "all: cannot be told while one is unknown": (every(RSS, THREADS), sample(rss=100), None),
    "a percentage is of the limit": (any_of(SHARE), sample(working_set=500), True),
    "a percentage of an unknown limit cannot be told": (any_of(SHARE), sample(limit=None, working_set=500), None),
    "a forecast is met at or below its duration": (any_of(FORECAST), sample(time_to_limit=18), True),
    "no growth meets no forecast": (any_of(FORECAST), sample(time_to_limit=math.inf), False),
    "what a partial sum reaches is reached": (any_of(RSS), sample(partial=True, rss=100), True),
    "what a partial sum does not reach cannot be told": (any_of(RSS), sample(partial=True, rss=99), None),
    "all: what a partial sum does not reach cannot be told": (
        every(RSS, THREADS),
        sample(partial=True, rss=100, threads=1),
        None,
    ),
    "no thresholds tell nothing": (any_of(), sample(rss=100), None),
    "all of no thresholds tell nothing": (every(), sample(rss=100), None),
}


@pytest.mark.parametrize(("condition", "seen", "expected"), MEETS.values(), ids=MEETS)
def test_meets(condition: Condition, seen: Sample, expected: bool | None) -> None:
    assert expected is meets(condition, seen)


MEASURED = {
    "a measured value at enter is enough": (any_of(RSS, FORECAST), sample(rss=100, time_to_limit=99), True),
    "never on a forecast alone": (any_of(RSS, FORECAST), sample(rss=99, time_to_limit=1), False),
    "a condition of forecasts only is never met": (any_of(FORECAST, GROWTH), sample(time_to_limit=1, growth=99), False),
    "all of forecasts only is never met": (every(FORECAST, GROWTH), sample(time_to_limit=1, growth=99), False),
    "growth is a forecast": (any_of(RSS, GROWTH), sample(rss=99, growth=99), False),
    "all: the measured ones must be met": (every(RSS, FORECAST), sample(rss=99, time_to_limit=1), False),
    "all: forecasts are left out": (every(RSS, FORECAST), sample(rss=100, time_to_limit=99), True),
    "what is unknown is not met": (any_of(RSS, FORECAST), sample(time_to_limit=1), False),
}


@pytest.mark.parametrize(("condition", "seen", "expected"), MEASURED.values(), ids=MEASURED)
def test_meets_measured(condition: Condition, seen: Sample, expected: bool) -> None:
    assert expected is meets_measured(condition, seen)


GOALS = {
    "reached when every value is below": (any_of(RSS, SHARE), sample(rss=99, working_set=499), True),
    "not reached at the goal itself": (any_of(RSS), sample(rss=100), False),
    "not reached while one is above": (any_of(RSS, SHARE), sample(rss=99, working_set=500), False),
    "under all, too, every value must be below": (every(RSS, SHARE), sample(rss=99, working_set=500), False),
    "not reached while one is unknown": (any_of(RSS, SHARE), sample(rss=99), False),
    "a partial sum never reaches a goal": (any_of(RSS), sample(partial=True, rss=1), False),
    "a time to the limit must be above its goal": (any_of(FORECAST), sample(time_to_limit=18), False),
    "a time to the limit above its goal reaches it": (any_of(FORECAST), sample(time_to_limit=19), True),
}


@pytest.mark.parametrize(("goal", "seen", "expected"), GOALS.values(), ids=GOALS)
def test_goal_reached(goal: Condition, seen: Sample, expected: bool) -> None:
    assert expected is goal_reached(goal, seen)


NEVER_THREADS, ONCE_THREADS = TierState(measured=0b01), TierState(measured=0b11)
LEAVE_50 = any_of(Threshold(Quantity.RSS, 50.0))

KEPT = {
    "kept at leave": (tier(any_of(RSS)), sample(rss=90), None, True),
    "not kept below leave": (tier(any_of(RSS)), sample(rss=89), None, False),
    "kept above an explicit leave": (tier(any_of(RSS), LEAVE_50), sample(rss=50), None, True),
    "not kept below an explicit leave": (tier(any_of(RSS), LEAVE_50), sample(rss=49), None, False),
    "an unknown value cannot be told": (tier(any_of(RSS)), sample(), None, None),
    "any-of: kept by one": (tier(any_of(RSS, THREADS)), sample(rss=90, threads=1), None, True),
    "any-of: an unknown one may still keep it": (tier(any_of(RSS, THREADS)), sample(rss=1), None, None),
    "any-of: one that was never measured does not": (tier(any_of(RSS, THREADS)), sample(rss=1), NEVER_THREADS, False),
    "any-of: one that was measured once does": (tier(any_of(RSS, THREADS)), sample(rss=1), ONCE_THREADS, None),
    "all: not kept when one is below": (tier(every(RSS, THREADS)), sample(rss=1, threads=8), None, False),
    "all: not kept when one is below and another unknown": (tier(every(RSS, THREADS)), sample(rss=1), None, False),
    "all: an unknown one may be below": (tier(every(RSS, THREADS)), sample(rss=100), ONCE_THREADS, None),
    "all: one that was never measured may be below": (tier(every(RSS, THREADS)), sample(rss=100), NEVER_THREADS, None),
    "a partial sum above leave keeps it": (tier(any_of(RSS)), sample(partial=True, rss=90), None, True),
    "a partial sum below leave cannot be told": (tier(any_of(RSS)), sample(partial=True, rss=1), None, None),
    "a forecast keeps it up to 1/0.9 of enter": (tier(any_of(FORECAST)), sample(time_to_limit=20), None, True),
    "no growth does not keep it": (tier(any_of(FORECAST)), sample(time_to_limit=math.inf), None, False),
    "what would be entered again is kept": (
        tier(any_of(RSS), any_of(Threshold(Quantity.RSS, 200.0))),
        sample(rss=150),
        None,
        True,
    ),
}


@pytest.mark.parametrize(("rule", "seen", "state", "expected"), KEPT.values(), ids=KEPT)
def test_above_leave(rule: TierRule, seen: Sample, state: TierState | None, expected: bool | None) -> None:
    assert expected is above_leave(rule, seen, state)


NEEDED = {
    "as many as bring the value below leave": (tier(any_of(RSS)), sample(rss=150), 61),
    "one byte at leave itself": (tier(any_of(RSS)), sample(rss=90), 1),
    "none needed below leave": (tier(any_of(RSS)), sample(rss=89), None),
    "down to an explicit leave": (tier(any_of(RSS), LEAVE_50), sample(rss=150), 101),
    "a share is of the limit": (tier(any_of(SHARE)), sample(working_set=600), 151),
    "the largest excess of several": (tier(any_of(RSS, SHARE, SWAP)), sample(rss=150, working_set=600, swap=60), 151),
    "all: the smallest, as one below is enough": (tier(every(RSS, SHARE)), sample(rss=150, working_set=600), 61),
    "all: none once one is below": (tier(every(RSS, THREADS)), sample(rss=150, threads=1), None),
    "all: in a partial sum none is known to be below": (
        tier(every(RSS, THREADS)),
        sample(partial=True, rss=150, threads=1),
        61,
    ),
    "memory used is a share of the limit": (tier(any_of(USED)), sample(memory_used=0.95), 141),
    "memory used of an unknown limit is no bytes": (tier(any_of(USED)), sample(limit=None, memory_used=0.95), None),
    "address space is nothing to win back": (tier(any_of(VMS)), sample(vms=900), None),
    "threads are no bytes": (tier(any_of(THREADS)), sample(threads=100), None),
    "a time is no bytes": (tier(any_of(FORECAST)), sample(time_to_limit=1), None),
    "a share of an unknown limit is no bytes": (tier(any_of(SHARE)), sample(limit=None, working_set=600), None),
    "any-of: one that is below asks for nothing": (tier(any_of(RSS, SWAP)), sample(rss=1, swap=60), 16),
    "an unknown value asks for nothing": (tier(any_of(RSS, SWAP)), sample(swap=60), 16),
    "only the byte quantities that are above count": (tier(any_of(RSS, THREADS)), sample(rss=95, threads=100), 6),
}


@pytest.mark.parametrize(("rule", "seen", "expected"), NEEDED.values(), ids=NEEDED)
def test_needed_bytes(rule: TierRule, seen: Sample, expected: int | None) -> None:
    assert expected == needed_bytes(rule, seen)


CROSSED = {
    "every threshold that is met, in the order written": (
        any_of(THREADS, RSS, SHARE),
        sample(rss=150, working_set=600, threads=9),
        (
            Crossing(Quantity.THREADS, 9, 8.0),
            Crossing(Quantity.RSS, 150, 100.0),
            Crossing(Quantity.WORKING_SET, 600, 500.0),
        ),
    ),
    "not those that are between leave and enter": (any_of(RSS, THREADS), sample(rss=95, threads=9), (
        Crossing(Quantity.THREADS, 9, 8.0),
    )),
    "not those that are unknown": (any_of(RSS, SHARE), sample(limit=None, rss=UNKNOWN, working_set=600), ()),
    "a forecast below its duration": (any_of(FORECAST), sample(time_to_limit=5), (
        Crossing(Quantity.TIME_TO_LIMIT, 5, 18.0),
    )),
}  # fmt: skip


@pytest.mark.parametrize(("when", "seen", "expected"), CROSSED.values(), ids=CROSSED)
def test_crossings(when: Condition, seen: Sample, expected: tuple[Crossing, ...]) -> None:
    assert expected == crossings(tier(when), seen)
