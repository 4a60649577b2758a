"""Who is asked when the host is short, in which order, and for which rungs?"""

from dataclasses import replace

import pytest
from tests.core.climbing import CLEAN, PURGE, RESTART, TRIM, USR1, rss

from brimwatch.core.decide import Ladder
from brimwatch.core.giving_way import Giver, asked_for, has_rested, in_turn, size_of
from brimwatch.model import Action, Policy, Reading, Sample, Tier, TierRule
from brimwatch.quantity import Quantity

W, C, E = Tier.WARNING, Tier.CRITICAL, Tier.EMERGENCY


def test_general_before_important_before_critical_and_of_one_priority_the_largest_first() -> None:
    givers = [
        Giver("db", "critical", 900),
        Giver("shop", "important", 300),
        Giver("small batch", "general", 10),
        Giver("report", "important", 400),
        Giver("large batch", "general", 20),
    ]
    assert [one.key for one in in_turn(givers)] == ["large batch", "small batch", "report", "shop", "db"]


def policy(**tiers: tuple[Action, ...]) -> Policy:
    return Policy("p", tuple(TierRule(Tier[name.upper()], rss(100), do=do) for name, do in tiers.items()))


ASKED: dict[str, tuple[Policy, Tier, Tier | None]] = {
    "for the rungs of the host's tier": (policy(warning=(TRIM,), critical=(PURGE,)), C, C),
    "where that tier is not in the policy, for those of the next one below": (policy(warning=(TRIM,)), E, W),
    "where it has none that ask, too": (policy(warning=(TRIM,), critical=(CLEAN,)), C, W),
    "never for those of a higher tier": (policy(critical=(TRIM,)), W, None),
    "never for a rung that ends a process or runs a command": (policy(critical=(CLEAN, RESTART)), E, None),
    "nor for a signal that does not ask": (policy(critical=(USR1,)), E, None),
    "not at all where nothing is to be done": (policy(warning=()), E, None),
}


@pytest.mark.parametrize(("given", "tier", "expected"), ASKED.values(), ids=ASKED)
def test_what_a_target_is_asked_for(given: Policy, tier: Tier, expected: Tier | None) -> None:
    rule = asked_for(given, tier)
    assert expected == (None if rule is None else rule.tier)


def test_a_cooldown_counts_but_in_the_hosts_emergency() -> None:
    (rule,) = policy(warning=(TRIM,)).tiers
    resting = Ladder().cool(W, 100.0)
    assert has_rested(Ladder(), rule, C, 50.0)
    assert not has_rested(resting, rule, C, 50.0)
    assert has_rested(resting, rule, E, 50.0)
    assert has_rested(resting, rule, C, 100.0)
    assert has_rested(Ladder().cool(C, 100.0), rule, C, 50.0)


def test_the_size_is_what_it_holds_for_itself() -> None:
    sample = Sample(0.0, {Quantity.RSS: Reading(300.0, 0.0)})
    both = replace(sample, readings={**sample.readings, Quantity.PSS: Reading(200.0, 0.0)})
    assert (size_of(both), size_of(sample), size_of(Sample(0.0, {}))) == (200.0, 300.0, None)
