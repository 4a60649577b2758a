"""`for`, `readings` and reloads: each case is a rule, a tier, and looks with the phase expected after each."""

from dataclasses import replace

import pytest
from tests.core.looks import (
    ACTIVE,
    ANY,
    CALM,
    HOLDING,
    MB,
    PSS,
    RSS,
    SECOND,
    SIMPLE,
    both,
    look,
    nothing,
    partial,
    pss,
    rss,
)

from brimwatch.core.evaluate import Judgement, TierState, carry, evaluate
from brimwatch.core.phases import Phase
from brimwatch.model import Condition, Policy, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds

FOR_3S = replace(SIMPLE, hold=Seconds(3.0))
TWICE = replace(SIMPLE, readings=2)
SLOW_20S = TierRule(Tier.WARNING, Condition((PSS,)), hold=Seconds(20.0))
SLOW_TWICE = TierRule(Tier.WARNING, Condition((PSS,)), readings=2)
SLOW_OR_RSS = TierRule(Tier.WARNING, Condition((RSS, PSS)), hold=Seconds(3.0))
START = (rss(0, 50), CALM)  # seen before, and calm: `for` counts


CASES: dict[str, tuple[TierRule, tuple[tuple[Sample, Phase], ...]]] = {
    "for: entered when the condition has held": (
        FOR_3S,
        (START, (rss(1, 100), HOLDING), (rss(2, 100), HOLDING), (rss(3.9, 100), HOLDING), (rss(4, 100), ACTIVE)),
    ),
    "for: times that do not add up exactly in binary still count": (
        replace(SIMPLE, hold=Seconds(0.3)),
        (START, (rss(0.1, 100), HOLDING), (rss(0.1 + 0.3 - 1e-12, 100), ACTIVE)),
    ),
    "for: below enter, even above leave, the clock starts anew": (
        FOR_3S,
        (START, (rss(1, 100), HOLDING), (rss(2, 95), CALM), (rss(3, 100), HOLDING), (rss(5, 100), HOLDING)),
    ),
    "for: a missing value neither advances nor resets the clock": (
        FOR_3S,
        (
            START,
            (rss(1, 100), HOLDING),
            (rss(2, 100), HOLDING),  # held 1 s
            (nothing(3), HOLDING),
            (rss(4, 100), HOLDING),  # 2 s to 4 s do not count
            (rss(5, 100), HOLDING),
            (rss(5.9, 100), HOLDING),
            (rss(6, 100), ACTIVE),
        ),
    ),
    "for: several missing values in a row neither advance nor reset": (
        FOR_3S,
        (
            START,
            (rss(1, 100), HOLDING),
            (nothing(2), HOLDING),
            (nothing(3), HOLDING),
            (nothing(4), HOLDING),
            (rss(4, 100), HOLDING),
            (rss(6.9, 100), HOLDING),
            (rss(7, 100), ACTIVE),
        ),
    ),
    "for: at three missed cadences the hold still stands, after them it is void": (
        FOR_3S,
        (START, (rss(1, 100), HOLDING), (nothing(4), HOLDING), (nothing(4.1), CALM)),
    ),
    "for: after a void hold the clock starts anew": (
        FOR_3S,
        (START, (rss(1, 100), HOLDING), (nothing(5), CALM), (rss(6, 100), HOLDING), (rss(8.9, 100), HOLDING)),
    ),
    "for: silence without a look is missed too": (
        FOR_3S,
        (START, (rss(1, 100), HOLDING), (rss(60, 100), HOLDING), (rss(63, 100), ACTIVE)),
    ),
    "for: the missed cadences are those last known": (
        SLOW_20S,
        (
            (pss(0, 50, 0, 10), CALM),
            (pss(10, 100, 10, 10), HOLDING),
            (nothing(40), HOLDING),
            (nothing(40.1), CALM),
        ),
    ),
    "for: an old reading repeated at each look is no new evidence": (
        SLOW_20S,
        (
            (pss(0, 50, 0, 30), CALM),
            (pss(1, 100, 1, 30), HOLDING),
            (pss(30, 100, 1, 30), HOLDING),
            (pss(31, 100, 31, 30), ACTIVE),
        ),
    ),
    "for: any-of holds on whichever part is met": (
        replace(ANY, hold=Seconds(3.0)),
        ((both(0, 50, 4), CALM), (both(1, 100, 4), HOLDING), (both(2, 50, 8), HOLDING), (both(4, 50, 8), ACTIVE)),
    ),
    "for: any-of is as new as the newest part that is met": (
        SLOW_OR_RSS,
        (
            (rss(0, 50), CALM),
            (look(1, {Quantity.RSS: 100 * MB, Quantity.PSS: Reading(100 * MB, 1, 10)}), HOLDING),
            (look(3, {Quantity.RSS: 100 * MB, Quantity.PSS: Reading(100 * MB, 1, 10)}), HOLDING),
            (look(4, {Quantity.RSS: 100 * MB, Quantity.PSS: Reading(100 * MB, 1, 10)}), ACTIVE),
        ),
    ),
    "for: any-of is not as new as a part that is not met": (
        SLOW_OR_RSS,
        (
            (rss(0, 50), CALM),
            (look(1, {Quantity.RSS: 50 * MB, Quantity.PSS: Reading(100 * MB, 1, 10)}), HOLDING),
            (look(3, {Quantity.RSS: 50 * MB, Quantity.PSS: Reading(100 * MB, 1, 10)}), HOLDING),
            (look(5, {Quantity.RSS: 50 * MB, Quantity.PSS: Reading(100 * MB, 1, 10)}), HOLDING),
            (look(11, {Quantity.RSS: 50 * MB, Quantity.PSS: Reading(100 * MB, 11, 10)}), ACTIVE),
        ),
    ),
    "for: all is only as new as its oldest part": (
        TierRule(Tier.WARNING, Condition((RSS, PSS), every=True), hold=Seconds(3.0)),
        (
            (rss(0, 50), CALM),
            (look(1, {Quantity.RSS: 100 * MB, Quantity.PSS: Reading(100 * MB, 1, 10)}), HOLDING),
            (look(3, {Quantity.RSS: 100 * MB, Quantity.PSS: Reading(100 * MB, 1, 10)}), HOLDING),
            (look(5, {Quantity.RSS: 100 * MB, Quantity.PSS: Reading(100 * MB, 1, 10)}), HOLDING),
            (look(12, {Quantity.RSS: 100 * MB, Quantity.PSS: Reading(100 * MB, 11, 10)}), ACTIVE),
        ),
    ),
    "for: a part that falls ends the hold though another was never measured": (
        replace(ANY, hold=Seconds(3.0)),
        (START, (rss(1, 100), HOLDING), (rss(2, 50), CALM)),
    ),
    "a target already above when first seen skips for": (FOR_3S, ((rss(0, 100), ACTIVE),)),
    "a target first seen without a value does not skip for": (FOR_3S, ((nothing(0), CALM), (rss(1, 100), HOLDING))),
    "a target already above when first seen never skips readings": (
        TWICE,
        ((rss(0, 100), HOLDING), (rss(1, 100), ACTIVE)),
    ),
    "a target already above when first seen skips for while it waits for readings": (
        replace(TWICE, hold=Seconds(30.0)),
        ((rss(0, 100), HOLDING), (rss(1, 100), ACTIVE)),
    ),
    "for and readings are both needed": (
        replace(FOR_3S, readings=2),
        (START, (rss(1, 100), HOLDING), (rss(2, 100), HOLDING), (rss(4, 100), ACTIVE)),
    ),
    "readings: two looks 5 ms apart prove nothing": (
        TWICE,
        (START, (rss(1, 100), HOLDING), (rss(1.005, 100), HOLDING), (rss(1.99, 100), HOLDING), (rss(2, 100), ACTIVE)),
    ),
    "readings: three take two intervals": (
        replace(SIMPLE, readings=3),
        (START, (rss(1, 100), HOLDING), (rss(2, 100), HOLDING), (rss(2.5, 100), HOLDING), (rss(3, 100), ACTIVE)),
    ),
    "readings: one below enter between them starts anew": (
        TWICE,
        (START, (rss(1, 100), HOLDING), (rss(2, 99), CALM), (rss(3, 100), HOLDING), (rss(4, 100), ACTIVE)),
    ),
    "readings: a missing one between them does not": (
        TWICE,
        (START, (rss(1, 100), HOLDING), (nothing(2), HOLDING), (rss(3, 100), ACTIVE)),
    ),
    "readings: a slow value used again at each look is one reading": (
        SLOW_TWICE,
        (
            (pss(0, 100, 0, 30), HOLDING),
            (pss(1, 100, 0, 30), HOLDING),
            (pss(29, 100, 0, 30), HOLDING),
            (pss(31, 100, 30, 30), ACTIVE),
        ),
    ),
    "a partial sum below enter neither advances nor resets a hold": (
        FOR_3S,
        (START, (rss(1, 100), HOLDING), (partial(2, 10), HOLDING), (rss(3, 100), HOLDING), (rss(6, 100), ACTIVE)),
    ),
}


@pytest.mark.parametrize(("rule", "looks"), CASES.values(), ids=CASES)
def test_timers(rule: TierRule, looks: tuple[tuple[Sample, Phase], ...]) -> None:
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


def run(policy: Policy, *looks: Sample) -> Judgement:
    judgement: Judgement | None = None
    for sample in looks:
        judgement, _ = evaluate(policy, judgement, sample, SECOND)
    assert judgement is not None
    return judgement


class TestCarry:
    def test_unchanged_tiers_keep_their_state(self) -> None:
        before = run(LADDER, rss(0, 250))
        same = Policy("other name", tuple(replace(rule) for rule in LADDER.tiers), cooldown=Seconds(5.0))
        assert before == carry(before, LADDER, same)

    def test_a_changed_tier_is_judged_afresh_with_zero_timers(self) -> None:
        before = run(LADDER, rss(0, 250))
        changed = replace(LADDER.tiers[1], hold=Seconds(3.0))
        new = replace(LADDER, tiers=(LADDER.tiers[0], changed, LADDER.tiers[2]))
        carried = carry(before, LADDER, new)
        assert Judgement((before.states[0], TierState(), before.states[2]), Tier.WARNING, 0) == carried
        phases = []
        for at in (1, 3, 4):
            carried, _ = evaluate(new, carried, rss(at, 250), SECOND)
            phases.append(carried.states[1].phase)
        assert phases == [HOLDING, HOLDING, ACTIVE]

    def test_a_running_hold_of_an_unchanged_tier_goes_on(self) -> None:
        old = Policy("p", (FOR_3S,))
        before = run(old, rss(0, 50), rss(1, 100), rss(2, 100))
        new = Policy("p", (FOR_3S, LADDER.tiers[1]))
        after, _ = evaluate(new, carry(before, old, new), rss(4, 100), SECOND)
        assert [state.phase for state in after.states] == [ACTIVE, CALM]

    def test_a_tier_that_is_gone_takes_its_state_along(self) -> None:
        before = run(LADDER, rss(0, 600))
        new = replace(LADDER, tiers=LADDER.tiers[:1])
        assert Judgement(before.states[:1], Tier.WARNING, 0) == carry(before, LADDER, new)
