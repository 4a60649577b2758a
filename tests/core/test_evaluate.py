"""Tiers over time: each case is a rule of entering and leaving, a tier, and looks with the phase after each."""

import math
from dataclasses import replace

import pytest
from tests.core.looks import (
    ACTIVE,
    ANY,
    CALM,
    EVERY,
    MB,
    PSS,
    RSS,
    SECOND,
    SIMPLE,
    THREADS,
    both,
    look,
    nothing,
    partial,
    pss,
    rss,
)

from brimwatch.core.evaluate import Judgement, evaluate
from brimwatch.core.phases import Phase
from brimwatch.model import Change, Condition, Crossing, Policy, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds

FORECAST = TierRule(Tier.WARNING, Condition((Threshold(Quantity.TIME_TO_LIMIT, 18.0),)))


CASES: dict[str, tuple[TierRule, tuple[tuple[Sample, Phase], ...]]] = {
    "below enter a tier is not entered": (SIMPLE, ((rss(0, 99.9), CALM),)),
    "at enter a tier is entered": (SIMPLE, ((rss(0, 100), ACTIVE),)),
    "a percentage is of the limit": (
        TierRule(Tier.WARNING, Condition((Threshold(Quantity.RSS, 0.5, True),))),
        ((rss(0, 499), CALM), (rss(1, 500), ACTIVE), (rss(2, 450), ACTIVE), (rss(3, 449), CALM)),
    ),
    "a percentage of a limit that is not known neither fires nor clears": (
        TierRule(Tier.WARNING, Condition((Threshold(Quantity.RSS, 0.5, True),))),
        (
            (look(0, {Quantity.RSS: 600 * MB}, limit=None), CALM),
            (rss(1, 600), ACTIVE),
            (look(2, {Quantity.RSS: 1 * MB}, limit=None), ACTIVE),
            (rss(3, 1), CALM),
        ),
    ),
    "between leave and enter an active tier stays active": (
        SIMPLE,
        ((rss(0, 100), ACTIVE), (rss(1, 99), ACTIVE), (rss(2, 90), ACTIVE)),
    ),
    "between leave and enter a calm tier stays calm": (SIMPLE, ((rss(0, 95), CALM), (rss(1, 99), CALM))),
    "below 90 % of enter a tier is left": (SIMPLE, ((rss(0, 100), ACTIVE), (rss(1, 89.9), CALM))),
    "a count is left one below enter at least": (
        TierRule(Tier.WARNING, Condition((THREADS,))),
        (
            (look(0, {Quantity.THREADS: 8}), ACTIVE),
            (look(1, {Quantity.THREADS: 7}), ACTIVE),
            (look(2, {Quantity.THREADS: 6}), CALM),
        ),
    ),
    "a forecast at its duration enters, and above 1/0.9 of it leaves": (
        FORECAST,
        (
            (look(0, {Quantity.TIME_TO_LIMIT: 18.1}), CALM),
            (look(1, {Quantity.TIME_TO_LIMIT: 18.0}), ACTIVE),
            (look(2, {Quantity.TIME_TO_LIMIT: 20.0}), ACTIVE),
            (look(3, {Quantity.TIME_TO_LIMIT: 20.1}), CALM),
        ),
    ),
    "growth that has ended clears a forecast": (
        FORECAST,
        ((look(0, {Quantity.TIME_TO_LIMIT: 5}), ACTIVE), (look(1, {Quantity.TIME_TO_LIMIT: math.inf}), CALM)),
    ),
    "an explicit leave replaces the derived one": (
        replace(SIMPLE, leave=Condition((Threshold(Quantity.RSS, 50 * MB),))),
        ((rss(0, 100), ACTIVE), (rss(1, 60), ACTIVE), (rss(2, 50), ACTIVE), (rss(3, 49), CALM)),
    ),
    "a quantity without an explicit leave keeps the derived one": (
        replace(ANY, leave=Condition((Threshold(Quantity.RSS, 50 * MB),))),
        ((both(0, 100, 8), ACTIVE), (both(1, 40, 7), ACTIVE), (both(2, 40, 6), CALM)),
    ),
    "a leave above enter does not make a tier flap": (
        replace(SIMPLE, leave=Condition((Threshold(Quantity.RSS, 200 * MB),))),
        ((rss(0, 150), ACTIVE), (rss(1, 150), ACTIVE), (rss(2, 99), CALM)),
    ),
    "any-of: one that is met is enough": (ANY, ((both(0, 50, 8), ACTIVE),)),
    "any-of: one that is met is enough while another is missing": (ANY, ((rss(0, 100), ACTIVE),)),
    "any-of: left only when all are below": (
        ANY,
        ((both(0, 100, 8), ACTIVE), (both(1, 50, 8), ACTIVE), (both(2, 100, 4), ACTIVE), (both(3, 50, 4), CALM)),
    ),
    "any-of: what was known and is missing does not clear": (
        ANY,
        ((both(0, 100, 8), ACTIVE), (rss(1, 50), ACTIVE), (both(2, 50, 4), CALM)),
    ),
    "any-of: what was never measured keeps no tier": (ANY, ((rss(0, 100), ACTIVE), (rss(1, 50), CALM))),
    "any-of: whichever part was never measured keeps no tier": (
        ANY,
        ((look(0, {Quantity.THREADS: 8}), ACTIVE), (look(1, {Quantity.THREADS: 4}), CALM)),
    ),
    "any-of: what was measured once, before the tier was entered, does not clear by being missing": (
        ANY,
        ((both(0, 50, 4), CALM), (rss(1, 100), ACTIVE), (rss(2, 50), ACTIVE), (both(3, 50, 4), CALM)),
    ),
    "any-of: what is measured while the tier is active counts from then on": (
        ANY,
        ((rss(0, 100), ACTIVE), (both(1, 100, 4), ACTIVE), (rss(2, 50), ACTIVE)),
    ),
    "all: every one is needed": (EVERY, ((both(0, 100, 4), CALM), (both(1, 50, 8), CALM), (both(2, 100, 8), ACTIVE))),
    "all: a missing one does not fire": (EVERY, ((rss(0, 100), CALM), (both(1, 100, 8), ACTIVE))),
    "all: left when one is below": (EVERY, ((both(0, 100, 8), ACTIVE), (both(1, 89, 8), CALM))),
    "all: left when one is below while another is missing": (
        EVERY,
        ((both(0, 100, 8), ACTIVE), (rss(1, 95), ACTIVE), (rss(2, 50), CALM)),
    ),
    "a missing value does not fire": (SIMPLE, ((nothing(0), CALM), (nothing(1), CALM))),
    "a missing value does not clear, however long it is missing": (
        SIMPLE,
        ((rss(0, 100), ACTIVE), (nothing(1), ACTIVE), (nothing(1000), ACTIVE), (rss(1001, 50), CALM)),
    ),
    "what is no number neither fires nor clears": (
        SIMPLE,
        ((rss(0, math.inf), CALM), (rss(1, 100), ACTIVE), (rss(2, math.nan), ACTIVE), (rss(3, -math.inf), ACTIVE)),
    ),
    "a reading that has gone stale does not fire": (SIMPLE, ((pss(0, 50, 0, 1), CALM), (pss(9, 100, 5, 1), CALM))),
    "a reading that has gone stale does not clear": (
        TierRule(Tier.WARNING, Condition((PSS,))),
        ((pss(0, 100, 0, 1), ACTIVE), (pss(9, 50, 5, 1), ACTIVE), (pss(10, 50, 8, 1), CALM)),
    ),
    "a partial sum may enter a tier": (SIMPLE, ((partial(0, 100), ACTIVE),)),
    "a partial sum never leaves one": (
        SIMPLE,
        ((rss(0, 100), ACTIVE), (partial(1, 10), ACTIVE), (rss(2, 10), CALM)),
    ),
    "a partial sum never leaves one under all": (
        EVERY,
        ((both(0, 100, 8), ACTIVE), (look(1, {Quantity.RSS: 1.0, Quantity.THREADS: 1.0}, partial=True), ACTIVE)),
    ),
}


@pytest.mark.parametrize(("rule", "looks"), CASES.values(), ids=CASES)
def test_a_tier_over_time(rule: TierRule, looks: tuple[tuple[Sample, Phase], ...]) -> None:
    judgement: Judgement | None = None
    actual = []
    for sample, _ in looks:
        judgement, _change = evaluate(Policy("p", (rule,)), judgement, sample, SECOND)
        actual.append(judgement.states[0].phase)
    assert [phase for _, phase in looks] == actual


LADDER = Policy(
    "p",
    tuple(
        TierRule(tier, Condition((Threshold(Quantity.RSS, value * MB),)))
        for tier, value in ((Tier.WARNING, 100), (Tier.CRITICAL, 200), (Tier.EMERGENCY, 500))
    ),
)


def run(policy: Policy, *looks: Sample) -> tuple[Judgement | None, list[Change]]:
    judgement: Judgement | None = None
    changes = []
    for sample in looks:
        judgement, change = evaluate(policy, judgement, sample, SECOND)
        if change is not None:
            changes.append(change)
    return judgement, changes


def over(enter: float, value: float) -> tuple[Crossing, ...]:
    return (Crossing(Quantity.RSS, value * MB, enter * MB),)


CHANGES: dict[str, tuple[tuple[Sample, ...], list[Change]]] = {
    "calm looks change nothing": ((rss(0, 50), rss(1, 60)), []),
    "an entry says what was crossed, and by how much": (
        (rss(0, 50), rss(1, 120)),
        [Change(Tier.CALM, Tier.WARNING, 1, over(100, 120))],
    ),
    "a tier that stays active changes nothing": (
        (rss(0, 120), rss(1, 95), rss(2, 120)),
        [Change(Tier.CALM, Tier.WARNING, 0, over(100, 120))],
    ),
    "a jump enters the highest tier alone": (
        (rss(0, 50), rss(1, 600)),
        [Change(Tier.CALM, Tier.EMERGENCY, 1, over(500, 600))],
    ),
    "going down says nothing of crossings": (
        (rss(0, 600), rss(1, 210), rss(2, 10)),
        [
            Change(Tier.CALM, Tier.EMERGENCY, 0, over(500, 600)),
            Change(Tier.EMERGENCY, Tier.CRITICAL, 1),
            Change(Tier.CRITICAL, Tier.CALM, 2),
        ],
    ),
}


@pytest.mark.parametrize(("looks", "expected"), CHANGES.values(), ids=CHANGES)
def test_changes(looks: tuple[Sample, ...], expected: list[Change]) -> None:
    assert expected == run(LADDER, *looks)[1]


def test_only_what_is_met_is_a_reason() -> None:
    policy = Policy("p", (TierRule(Tier.CRITICAL, Condition((RSS, THREADS, PSS))),))
    _, changes = run(policy, both(0, 50, 9))
    assert [Change(Tier.CALM, Tier.CRITICAL, 0, (Crossing(Quantity.THREADS, 9.0, 8.0),))] == changes


def test_a_lower_tier_that_still_holds_does_not_keep_a_higher_one_from_its_end() -> None:
    warning = TierRule(Tier.WARNING, Condition((RSS,)), hold=Seconds(5.0))
    policy = Policy("p", (warning, LADDER.tiers[1]))
    _, changes = run(policy, rss(0, 50), rss(1, 200), rss(2, 150), rss(4, 150), rss(6, 150))
    assert [(change.before, change.after, change.at) for change in changes] == [(0, 2, 1), (2, 0, 2), (0, 1, 6)]


def test_the_order_in_which_tiers_are_written_does_not_matter() -> None:
    judgement, _ = run(replace(LADDER, tiers=LADDER.tiers[::-1]), rss(0, 600))
    assert judgement is not None
    assert judgement.tier is Tier.EMERGENCY


def test_first_seen_stays() -> None:
    judgement, _ = run(LADDER, rss(7, 50), rss(8, 600), rss(9, 10))
    assert judgement is not None
    assert judgement.first_seen == 7


def test_a_policy_without_tiers_is_calm() -> None:
    assert (Judgement((), Tier.CALM, 3), None) == evaluate(Policy("p"), None, rss(3, 900), SECOND)


def test_states_of_another_number_of_tiers_are_refused() -> None:
    judgement, _ = run(LADDER, rss(0, 50))
    with pytest.raises(ValueError, match="zip"):
        evaluate(Policy("p"), judgement, rss(1, 50), SECOND)
