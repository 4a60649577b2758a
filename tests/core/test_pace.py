import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.core.evaluate import Judgement, TierState
from brimwatch.core.pace import Allowance, next_gap
from brimwatch.core.phases import Phase
from brimwatch.model import Condition, Limit, Policy, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Bytes, Seconds

MB = 1e6
LIMIT = Limit(Bytes(10**9), "cgroup")
SECOND = Seconds(1.0)
NOW = 100.0


def sample(**values: float) -> Sample:
    return Sample(NOW, {Quantity(name): Reading(value, NOW) for name, value in values.items()}, LIMIT)


def at(megabytes: float) -> Sample:
    return sample(rss=megabytes * MB)


def tier(*thresholds: Threshold, every: bool = False, level: Tier = Tier.WARNING) -> TierRule:
    return TierRule(level, Condition(thresholds, every))


def bytes_tier(megabytes: float, level: Tier = Tier.WARNING) -> TierRule:
    return tier(Threshold(Quantity.RSS, megabytes * MB), level=level)


def policy(*rules: TierRule) -> Policy:
    return Policy("p", rules)


def judged(*states: TierState) -> Judgement:
    return Judgement(states, Tier.CALM, 0.0)


AT_250, AT_500 = bytes_tier(250), bytes_tier(500, Tier.CRITICAL)
AT_100_GB = bytes_tier(100_000)
ACTIVE = TierState(Phase.ACTIVE)
CALM = TierState()
SLOW = Sample(NOW, {Quantity.PSS: Reading(249 * MB, NOW - 5, 30.0)}, LIMIT)
JUST = Sample(NOW, {Quantity.PSS: Reading(245 * MB, NOW, 30.0)}, LIMIT)
LATE = Sample(NOW, {Quantity.RSS: Reading(245 * MB, NOW - 0.001, 1.0)}, LIMIT)
PSS_250 = tier(Threshold(Quantity.PSS, 250 * MB))

GAPS = {
    "at rest 40 % below its tier a target is looked at once an interval": (policy(AT_250), at(150), 0, 1.0),
    "further below, too": (policy(AT_250), at(1), 0, 1.0),
    "at rest 20 % below, twice an interval": (policy(AT_250), at(200), 0, 0.5),
    "5 MB below a tier at 250 MB, each 50 ms": (policy(AT_250), at(245), 0, 0.05),
    "what was never seen asks for 50 looks a second at most": (policy(AT_250), at(249.9), 0, 0.02),
    "nothing that was never seen is faster than 2 GB/s": (policy(AT_100_GB), at(99_000), 0, 0.5),
    "growth that was seen may double": (policy(AT_250), at(200), 250 * MB, 0.1),
    "slow growth does not make the unseen impossible": (policy(AT_250), at(245), 1 * MB, 0.05),
    "seen growth goes down to 2 ms": (policy(AT_250), at(249.9), 1000 * MB, 0.002),
    "the fastest growth just below the tier is looked at each 2.5 ms": (policy(AT_250), at(245), 1000 * MB, 0.0025),
    "a growth that is no number is none": (policy(AT_250), at(245), math.nan, 0.05),
    "falling is no growth": (policy(AT_250), at(245), -1000 * MB, 0.05),
    "the nearest of several thresholds counts": (
        policy(tier(Threshold(Quantity.RSS, 500 * MB), Threshold(Quantity.SWAP, 250 * MB))),
        sample(rss=100 * MB, swap=245 * MB),
        0,
        0.05,
    ),
    "all: the threshold that is reached last counts": (
        policy(tier(Threshold(Quantity.RSS, 500 * MB), Threshold(Quantity.SWAP, 250 * MB), every=True)),
        sample(rss=400 * MB, swap=245 * MB),
        0,
        0.5,
    ),
    "a percentage is of the limit": (
        policy(tier(Threshold(Quantity.WORKING_SET, 0.25, True))),
        sample(working_set=245 * MB),
        0,
        0.05,
    ),
    "memory used is a share of the limit": (
        policy(tier(Threshold(Quantity.MEMORY_USED, 0.25))),
        sample(memory_used=0.245),
        0,
        0.05,
    ),
    "counts do not shorten the gap": (policy(tier(Threshold(Quantity.THREADS, 8.0))), sample(threads=7), 0, 1.0),
    "a slow value is not measured sooner by looking sooner": (policy(PSS_250), SLOW, 0, 1.0),
    "a slow value that was measured for this look counts": (policy(PSS_250), JUST, 0, 0.05),
    "a value measured a moment before the look is not slow": (policy(AT_250), LATE, 0, 0.05),
    "an unknown value waits for the interval": (policy(AT_250), sample(), 0, 1.0),
    "a value that is no number waits for the interval": (policy(AT_250), sample(rss=math.nan), 0, 1.0),
    "a policy without tiers waits for the interval": (policy(), at(245), 1000 * MB, 1.0),
}


@pytest.mark.parametrize(("rules", "look", "fastest", "expected"), GAPS.values(), ids=GAPS)
def test_gap_of_a_subject_never_judged(rules: Policy, look: Sample, fastest: float, expected: float) -> None:
    assert pytest.approx(expected, rel=1e-6) == next_gap(rules, None, look, fastest, SECOND, False)


def test_a_percentage_of_an_unknown_limit_waits_for_the_interval() -> None:
    rules = policy(tier(Threshold(Quantity.RSS, 0.25, True), Threshold(Quantity.MEMORY_USED, 0.25)))
    look = replace(sample(rss=249 * MB, memory_used=0.249), limit=None)
    assert next_gap(rules, None, look, 0, SECOND, False) == 1.0


HOLD_3S = replace(AT_250, hold=Seconds(3.0))
TWICE = replace(AT_250, readings=2)


def holding(met_since: float, counted_at: float | None = None) -> TierState:
    return TierState(Phase.HOLDING, met_since, 1, met_since if counted_at is None else counted_at, met_since)


STATES = {
    "when a tier is active the next one counts": (policy(AT_250, AT_500), judged(ACTIVE, CALM), at(495), False, 0.025),
    "hovering about an active tier costs nothing": (policy(AT_250, AT_500), judged(ACTIVE, CALM), at(250), False, 1.0),
    "when every tier is active the interval is enough": (policy(AT_250), judged(ACTIVE), at(900), False, 1.0),
    "while a rung runs a look each 50 ms": (policy(AT_250), judged(ACTIVE), at(900), True, 0.05),
    "while a rung runs the next tier may be near": (policy(AT_250, AT_500), judged(ACTIVE, CALM), at(495), True, 0.025),
    "a hold is looked at when it ends": (policy(HOLD_3S), judged(holding(NOW - 2.75)), at(260), False, 0.25),
    "a hold that ends later waits for the interval": (policy(HOLD_3S), judged(holding(NOW - 1)), at(260), False, 1.0),
    "a hold that only waits for a new value waits for the interval": (
        policy(HOLD_3S),
        judged(holding(NOW - 3)),
        at(260),
        False,
        1.0,
    ),
    "the next reading is taken when it counts": (policy(TWICE), judged(holding(NOW - 0.75)), at(260), False, 0.25),
    "a reading that only waits for a new value waits for the interval": (
        policy(TWICE),
        judged(holding(NOW - 5)),
        at(260),
        False,
        1.0,
    ),
    "readings that are complete ask for nothing": (
        policy(replace(HOLD_3S, hold=Seconds(30.0))),
        judged(holding(NOW - 0.75)),
        at(260),
        False,
        1.0,
    ),
    "a hold and the way to the next tier: the sooner counts": (
        policy(HOLD_3S, AT_500),
        judged(holding(NOW - 2.75), CALM),
        at(495),
        False,
        0.025,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "judgement", "look", "firing", "expected"), STATES.values(), ids=STATES)
def test_gap_of_a_judged_subject(
    rules: Policy, judgement: Judgement, look: Sample, firing: bool, expected: float
) -> None:
    assert pytest.approx(expected, rel=1e-6) == next_gap(rules, judgement, look, 0, SECOND, firing)


INTERVALS = {
    "a longer interval looks less often at rest": (30.0, at(245), 0, False, 1.5),
    "a short interval is never exceeded": (0.01, at(1), 0, False, 0.01),
    "an interval below 2 ms is kept": (0.001, at(249.9), 1000 * MB, False, 0.001),
    "a rung does not slow a short interval down": (0.01, at(1), 0, True, 0.01),
}


@pytest.mark.parametrize(("interval", "look", "fastest", "firing", "expected"), INTERVALS.values(), ids=INTERVALS)
def test_other_intervals(interval: float, look: Sample, fastest: float, firing: bool, expected: float) -> None:
    assert pytest.approx(expected) == next_gap(policy(AT_250), None, look, fastest, Seconds(interval), firing)


@given(st.floats(0, 2000), st.floats(0, 5000), st.floats(0.002, 60), st.booleans())
def test_the_gap_is_between_2_ms_and_the_interval(value: float, growth: float, interval: float, firing: bool) -> None:
    gap = next_gap(policy(AT_250, AT_500), None, at(value), growth * MB, Seconds(interval), firing)
    assert 0.002 <= gap <= interval


@given(st.floats(0, 249), st.floats(1, 2000))
def test_seen_growth_is_looked_at_before_it_crosses(value: float, growth: float) -> None:
    gap = next_gap(policy(AT_250), None, at(value), growth * MB, SECOND, False)
    assert gap <= 0.002 or value + growth * gap < 250


class TestAllowance:
    FRESH = Allowance(share=0.005, burst=Seconds(0.3))

    def test_a_fresh_one_grants_a_look_of_unknown_cost(self) -> None:
        assert self.FRESH.grants()

    def test_a_look_with_a_known_cost_waits_until_it_is_saved_up(self) -> None:
        assert not self.FRESH.refilled(19.0).grants(Seconds(0.1))
        assert self.FRESH.refilled(20.0).grants(Seconds(0.1))

    def test_a_debt_is_waited_off(self) -> None:
        owing = self.FRESH.charged(Seconds(0.1))
        assert not owing.refilled(19.9).grants()
        assert owing.refilled(20.1).grants()

    def test_no_more_is_saved_than_the_burst(self) -> None:
        assert self.FRESH.refilled(1e6).balance == 0.3

    def test_a_look_dearer_than_the_burst_needs_a_full_balance(self) -> None:
        assert not self.FRESH.refilled(59.0).grants(Seconds(5.0))
        assert self.FRESH.refilled(60.0).grants(Seconds(5.0))

    def test_time_that_runs_back_earns_nothing(self) -> None:
        later = self.FRESH.refilled(20.0)
        assert later == later.refilled(10.0)

    @given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), max_size=30))
    def test_no_more_is_spent_than_the_share_and_one_look(self, steps: list[tuple[float, float]]) -> None:
        allowance, now, spent, dearest = self.FRESH, 0.0, 0.0, 0.0
        for gap, cost in steps:
            now += gap
            allowance = allowance.refilled(now)
            if allowance.grants():
                allowance = allowance.charged(Seconds(cost))
                spent, dearest = spent + cost, max(dearest, cost)
        assert spent <= 0.005 * now + dearest + 1e-9


@pytest.mark.parametrize(
    ("headroom", "fastest", "source", "expected"),
    [
        pytest.param(20, 20.0, "cgroup", 0.5, id="half of the time that is left"),
        pytest.param(200, 20.0, "cgroup", 1.0, id="far from the limit nothing asks for more"),
        pytest.param(0.1, 20.0, "cgroup", 0.02, id="50 looks a second are enough where nothing is to be decided"),
        pytest.param(20, 0.0, "cgroup", 1.0, id="at rest at its limit it costs what it did"),
        pytest.param(20, 20.0, "machine", 1.0, id="what the machine has left is not this target's alone"),
    ],
)
def test_in_the_top_tier_the_way_to_the_limit_is_kept_pace_with(
    headroom: float, fastest: float, source: str, expected: float
) -> None:
    look = replace(at(900), limit=Limit(Bytes(10**9), source), headroom=Bytes(int(headroom * MB)))
    assert next_gap(policy(AT_250), judged(ACTIVE), look, fastest * MB, SECOND, False) == expected


def test_an_infinite_time_to_the_limit_is_no_way_to_cross() -> None:
    quantity = Quantity.TIME_TO_LIMIT
    rule = TierRule(Tier.EMERGENCY, Condition((Threshold(quantity, 20.0),)))
    sample = Sample(1.0, {quantity: Reading(float("inf"), 1.0)})
    assert next_gap(Policy("p", (rule,)), None, sample, 1e6, 1.0, False) == 1.0
