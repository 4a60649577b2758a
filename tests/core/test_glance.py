from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brimwatch.core.evaluate import Judgement, TierState
from brimwatch.core.glance import asks_for_look, glance_gap, glanced, way_to_tier
from brimwatch.core.phases import Phase
from brimwatch.model import Condition, Limit, Policy, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Bytes

MB = 1e6
NOW = 100.0
LIMIT = Limit(Bytes(1000_000_000), "cgroup")
RSS_250, RSS_500 = Threshold(Quantity.RSS, 250 * MB), Threshold(Quantity.RSS, 500 * MB)
SET_400 = Threshold(Quantity.WORKING_SET, 0.4, True)
HALF_USED = Threshold(Quantity.MEMORY_USED, 0.5)
THREADS = Threshold(Quantity.THREADS, 8.0)
VMS = Threshold(Quantity.VMS, 300 * MB)


def sample(limit: Limit | None = LIMIT, **values: float) -> Sample:
    return Sample(NOW, {Quantity(name): Reading(value, NOW) for name, value in values.items()}, limit)


def policy(*conditions: Condition) -> Policy:
    return Policy("p", tuple(TierRule(tier, one) for tier, one in zip(list(Tier)[1:], conditions, strict=False)))


def any_of(*thresholds: Threshold) -> Condition:
    return Condition(thresholds)


def all_of(*thresholds: Threshold) -> Condition:
    return Condition(thresholds, True)


AT_200 = sample(rss=200 * MB)
BOTH = sample(rss=200 * MB, working_set=300 * MB)
STALE = Sample(NOW, {Quantity.RSS: Reading(200 * MB, NOW - 4, 1.0)}, LIMIT)
WAYS = {
    "what is left of the resident set": (policy(any_of(RSS_250)), AT_200, 50 * MB),
    "the nearest of two tiers": (policy(any_of(RSS_250), any_of(RSS_500)), AT_200, 50 * MB),
    "a tier that is over by now asks for no glance": (policy(any_of(RSS_250)), sample(rss=260 * MB), None),
    "any: the nearest threshold": (policy(any_of(RSS_250, SET_400)), BOTH, 50 * MB),
    "all: the threshold that is reached last": (policy(all_of(RSS_250, SET_400)), BOTH, 100 * MB),
    "a percentage is of the limit": (policy(any_of(SET_400)), BOTH, 100 * MB),
    "a percentage of no limit is unknown": (policy(any_of(SET_400)), replace(BOTH, limit=None), None),
    "of a limited cgroup the share used is bytes": (policy(any_of(HALF_USED)), sample(memory_used=0.3), 200 * MB),
    "of the machine the share used is seen by no glance": (
        policy(any_of(HALF_USED)),
        sample(LIMIT._replace(source="machine"), memory_used=0.3),
        None,
    ),
    "counts are seen by no glance": (policy(any_of(THREADS)), sample(threads=7), None),
    "address space is seen by no glance": (policy(any_of(VMS)), sample(vms=299 * MB), None),
    "a value that is missing has no way": (policy(any_of(RSS_250)), sample(), None),
    "a value that is too old is missing": (policy(any_of(RSS_250)), STALE, None),
    "a policy without tiers has none": (policy(), AT_200, None),
}


@pytest.mark.parametrize(("rules", "look", "expected"), WAYS.values(), ids=WAYS)
def test_the_way_to_the_next_tier(rules: Policy, look: Sample, expected: float | None) -> None:
    assert way_to_tier(rules, None, look) == (None if expected is None else pytest.approx(expected))


def test_an_active_tier_is_passed_over() -> None:
    judgement = Judgement((TierState(Phase.ACTIVE), TierState()), Tier.WARNING, 0.0)
    assert way_to_tier(policy(any_of(RSS_250), any_of(RSS_500)), judgement, AT_200) == 300 * MB


def test_the_share_used_is_glanced_at_in_a_cgroup_alone() -> None:
    assert Quantity.MEMORY_USED in glanced(AT_200)
    assert Quantity.MEMORY_USED not in glanced(sample(LIMIT._replace(source="machine")))
    assert Quantity.MEMORY_USED not in glanced(sample(None))


GAPS = {
    "150 MB below a tier ten a second": (150 * MB, 0, False, 1.0, 0.1),
    "near a tier at rest 50 a second": (1 * MB, 0, False, 1.0, 0.02),
    "where many are near fewer for each": (150 * MB, 0, False, 2.0, 0.2),
    "what has just risen is glanced at each 2 ms": (1 * MB, 0, True, 1.0, 0.002),
    "what has just risen is not stretched": (15 * MB, 0, True, 5.0, 0.01),
    "seen growth may double": (100 * MB, 1000 * MB, False, 1.0, 0.05),
    "slow growth does not make the unseen impossible": (150 * MB, 1 * MB, False, 1.0, 0.1),
    "seen growth goes down to 2 ms": (1 * MB, 1000 * MB, False, 5.0, 0.002),
}


@pytest.mark.parametrize(("way", "fastest", "alert", "stretch", "expected"), GAPS.values(), ids=GAPS)
def test_the_gap_to_the_next_glance(way: float, fastest: float, alert: bool, stretch: float, expected: float) -> None:
    assert glance_gap(way, fastest, alert, stretch) == pytest.approx(expected)


@settings(max_examples=50)
@given(st.floats(31, 2000), st.floats(1, 1000), st.floats(0, 1))
def test_growth_that_was_never_seen_is_noticed_before_it_crosses(way: float, rate: float, phase: float) -> None:
    """It begins somewhere between two glances; each glance is timed by what the ones before have seen."""
    left, grown, now = way * MB, 0.0, 0.0
    begins = phase * glance_gap(left, 0, False)
    alert = False
    while grown < left:
        last = now
        now += glance_gap(left - grown, 0, alert)
        grown = max(0.0, now - begins) * rate * MB
        alert = alert or asks_for_look(grown, left)
    assert alert
    assert now - last <= 0.0021 or grown - left <= 0.02 * rate * MB * 0.25
    assert now - (begins + left / (rate * MB)) <= 0.0021
