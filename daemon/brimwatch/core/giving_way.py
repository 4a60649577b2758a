"""Who is asked when the host is short, in which order, and for which rungs?

The host itself has nothing to give. Other targets are asked by priority, `general` before `important` before
`critical`, of one priority the largest first, until enough has come back. Each is asked for what its own policy would
ask of it: the cooperative rungs of the host's tier, or, where that has none, of the nearest tier below it.

Does *not* cover how many bytes are enough (`needs`), nor how somebody is asked.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

from brimwatch.core.by_hand import cooperative
from brimwatch.core.decide import Ladder
from brimwatch.model import Policy, Sample, Tier, TierRule
from brimwatch.quantity import Quantity

FIRST_TO_LAST = ("general", "important", "critical")


class Giver(NamedTuple):
    """A subject that may be asked. `size` in bytes: what it could give at most."""

    key: Hashable
    priority: str
    size: float


def in_turn(givers: Iterable[Giver]) -> list[Giver]:
    """In the order in which they are asked."""
    return sorted(givers, key=lambda one: (FIRST_TO_LAST.index(one.priority), -one.size))


def size_of(sample: Sample) -> float | None:
    """What a subject holds for itself: its proportional set, where that is not known the resident one."""
    proportional = sample.value(Quantity.PSS)
    return sample.value(Quantity.RSS) if proportional is None else proportional


def asked_for(policy: Policy, tier: Tier) -> TierRule | None:
    """The rule whose cooperative rungs a target is asked for when the host is in `tier`; None: it is not asked."""
    rules = [rule for rule in policy.tiers if rule.tier <= tier and cooperative(rule)]
    return max(rules, key=lambda rule: rule.tier, default=None)


def has_rested(ladder: Ladder, rule: TierRule, tier: Tier, now: float) -> bool:
    """May it be asked again? What its own ladder asked a moment ago it has given; in the host's emergency it may."""
    return tier is Tier.EMERGENCY or ladder.cooled(rule.tier, now)
