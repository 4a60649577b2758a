"""Is what the floors answer of a calm subject what judging it in full would say?"""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brimwatch.core.calm import FloorBook, Floors
from brimwatch.core.evaluate import Judgement, evaluate
from brimwatch.core.glance import glanced, way_to_tier
from brimwatch.core.pace import next_gap, resting_gap
from brimwatch.core.phases import Phase
from brimwatch.model import Condition, Limit, Policy, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Kind, Quantity
from brimwatch.units import Bytes, Seconds

SECOND = Seconds(1.0)
CGROUP, LARGER = Limit(Bytes(1000), "cgroup"), Limit(Bytes(1400), "cgroup")
MACHINE = Limit(Bytes(1000), "machine")
JUDGED = (
    Quantity.RSS, Quantity.WORKING_SET, Quantity.VMS, Quantity.THREADS, Quantity.MEMORY_USED, Quantity.TIME_TO_LIMIT
)  # fmt: skip

values = st.one_of(
    st.integers(0, 1200).map(float), st.floats(0, 1200), st.sampled_from([float("nan"), float("inf"), float("-inf")])
)


@st.composite
def thresholds(draw: st.DrawFn) -> Threshold:
    quantity = draw(st.sampled_from(JUDGED))
    if quantity is Quantity.MEMORY_USED:
        return Threshold(quantity, draw(st.floats(0.1, 1.0)))
    if quantity.kind is Kind.BYTES and draw(st.booleans()):
        return Threshold(quantity, draw(st.floats(0.1, 1.0)), relative=True)
    return Threshold(quantity, draw(st.integers(10, 1000).map(float)))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    rules = []
    for tier in draw(st.sets(st.sampled_from(list(Tier)[1:]), min_size=1)):
        when = draw(st.lists(thresholds(), min_size=1, max_size=3, unique_by=lambda one: one.quantity))
        every = draw(st.sampled_from([False, False, False, True]))
        hold, readings = Seconds(draw(st.sampled_from([0.0, 0.0, 2.0]))), draw(st.integers(1, 2))
        rules.append(TierRule(tier, Condition(tuple(when), every), hold=hold, readings=readings))
    return Policy("p", tuple(sorted(rules, key=lambda rule: rule.tier)))


@st.composite
def looks(draw: st.DrawFn) -> list[tuple[Sample, float]]:
    """Samples with the fastest growth seen by then. Most repeat the readings before; time passes in any steps."""
    now, found = 0.0, []
    readings: dict[Quantity, Reading] = {}
    limit: Limit | None = CGROUP
    for gap in draw(st.lists(st.sampled_from([0.002, 0.5, 1.0, 4.0, 100.0]), min_size=2, max_size=15)):
        now += gap
        for quantity in draw(st.sets(st.sampled_from(JUDGED), max_size=3)):
            value = draw(values)
            scale = 1000.0 if quantity is Quantity.MEMORY_USED else 1.0
            readings[quantity] = Reading(value / scale, now - draw(st.sampled_from([0.0, 0.5])), 1.0)
        if draw(st.booleans()):
            readings = {quantity: reading._replace(at=now) for quantity, reading in readings.items()}
        if draw(st.sampled_from([False, False, False, True])):
            limit = draw(st.sampled_from([CGROUP, LARGER, MACHINE, None]))
        headroom = draw(st.sampled_from([None, Bytes(5), Bytes(500)]))
        partial = draw(st.sampled_from([False, False, True]))
        found.append((Sample(now, dict(readings), limit, headroom, partial), draw(st.sampled_from([0.0, 0.0, 300.0]))))
    return found


Answer = tuple[Judgement, object, float | None, float]


def in_full(policy: Policy, before: Judgement | None, sample: Sample, fastest: float) -> Answer:
    judgement, change = evaluate(policy, before, sample, SECOND)
    way = way_to_tier(policy, judgement, sample)
    return judgement, change, way, next_gap(policy, judgement, sample, fastest, SECOND, False, glanced(sample))


def by_floors(policy: Policy, floors: Floors, before: Judgement, sample: Sample, fastest: float) -> Answer:
    if floors.paced:
        gap = next_gap(policy, before, sample, fastest, SECOND, False, glanced(sample))
    else:
        gap = resting_gap(sample, fastest, SECOND)
    return before, None, floors.way(sample), gap


@settings(max_examples=300, deadline=None)
@given(policies(), looks())
def test_what_is_kept_is_what_judging_in_full_says(policy: Policy, seen: Sequence[tuple[Sample, float]]) -> None:
    book = FloorBook()
    before: Judgement | None = None
    floors: Floors | None = None
    for sample, fastest in seen:
        expected = in_full(policy, before, sample, fastest)
        if before is not None and floors is not None and floors.keep(policy, sample):
            assert expected == by_floors(policy, floors, before, sample, fastest)
        else:
            floors = book.of(policy, expected[0], sample)
        before = expected[0]


def rule(tier: Tier, *when: Threshold, every: bool = False, hold: float = 0.0) -> TierRule:
    return TierRule(tier, Condition(when, every), hold=Seconds(hold))


RSS_70 = Threshold(Quantity.RSS, 0.7, True)
TWO = Policy("two", (rule(Tier.WARNING, RSS_70), rule(Tier.CRITICAL, Threshold(Quantity.TIME_TO_LIMIT, 10.0))))


def sample(at: float, limit: Limit | None = CGROUP, **known: float) -> Sample:
    return Sample(at, {Quantity(name): Reading(value, at) for name, value in known.items()}, limit)


CALM = sample(0.0, rss=100.0, time_to_limit=float("inf"))
LOOKS = {
    "the same again": (TWO, CALM, sample(1.0, rss=100.0, time_to_limit=float("inf")), True),
    "years later": (TWO, CALM, sample(1e8, rss=100.0, time_to_limit=float("inf")), True),
    "another value below every tier": (TWO, CALM, sample(1.0, rss=699.0, time_to_limit=11.0), True),
    "a value that is missing now": (TWO, CALM, sample(1.0, rss=100.0), True),
    "a value at its tier": (TWO, CALM, sample(1.0, rss=700.0), False),
    "a forecast at its tier": (TWO, CALM, sample(1.0, rss=100.0, time_to_limit=10.0), False),
    "a limit that moved": (TWO, CALM, sample(1.0, LARGER, rss=100.0), False),
    "a limit that is gone": (TWO, CALM, sample(1.0, None, rss=100.0), False),
    "a value that was never known before": (TWO, sample(0.0, rss=1.0), sample(1.0, rss=1.0, time_to_limit=99.0), False),
}


@pytest.mark.parametrize(("policy", "first", "then", "kept"), LOOKS.values(), ids=LOOKS)
def test_which_looks_are_not_judged(policy: Policy, first: Sample, then: Sample, kept: bool) -> None:
    floors = FloorBook().of(policy, evaluate(policy, None, first, SECOND)[0], first)
    assert floors is not None
    assert kept == floors.keep(policy, then)


def test_another_policy_is_judged_in_full() -> None:
    floors = FloorBook().of(TWO, evaluate(TWO, None, CALM, SECOND)[0], CALM)
    assert floors is not None
    assert not floors.keep(Policy("two", TWO.tiers), CALM)


ALL = Policy("all", (rule(Tier.WARNING, RSS_70, every=True),))
HELD = Policy("held", (rule(Tier.WARNING, RSS_70, hold=5.0),))
FULL = {
    "a condition under all:": (ALL, [CALM]),
    "a tier that is held": (HELD, [CALM, sample(1.0, rss=800.0)]),
    "an active tier": (TWO, [sample(0.0, rss=800.0)]),
}


@pytest.mark.parametrize(("policy", "seen"), FULL.values(), ids=FULL)
def test_who_is_judged_at_each_look(policy: Policy, seen: list[Sample]) -> None:
    judgement = None
    for one in seen:
        judgement, _ = evaluate(policy, judgement, one, SECOND)
    assert judgement is not None
    assert FloorBook().of(policy, judgement, seen[-1]) is None


def test_subjects_of_one_policy_and_limit_share_their_floors() -> None:
    book, judgement = FloorBook(), evaluate(TWO, None, CALM, SECOND)[0]
    assert all(state.phase is Phase.CALM for state in judgement.states)
    assert book.of(TWO, judgement, CALM) is book.of(TWO, judgement, sample(1.0, rss=2.0))
    assert book.of(TWO, judgement, CALM) is not book.of(TWO, judgement, sample(1.0, LARGER, rss=2.0))
