"""Which of a target's subjects may climb now? One limit shared by many members is one emergency, not many."""

from __future__ import annotations

import enum
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from brimwatch.model import Policy, Tier


class Turn(enum.Enum):
    """What a subject that stands in a tier may do."""

    GO = "go"
    WAIT = "wait"  # others are climbing: its turn comes
    NOT_LARGEST = "not_largest"  # another member of the same shared limit is asked


class Candidate(NamedTuple):
    """A subject in a tier. `shared`: it came there by a value that all members of its cgroup read."""

    key: Hashable
    tier: Tier
    held: float
    cgroup: str | None
    shared: bool
    firing: bool
    idle: bool = False  # its ladder would not start now: it cools down, or there is nothing to run


def turns(candidates: Sequence[Candidate], policy: Policy) -> dict[Hashable, Turn]:
    """Whose turn it is: the largest of each shared limit, `max_parallel` at a time, everyone in an emergency.

    `select: largest` asks only the largest of the whole target, `each` everyone; without it the largest is asked where
    the limit is shared. One that climbs already keeps its turn; one whose ladder rests takes no turn from others.
    """
    order = sorted(candidates, key=lambda one: (not one.firing, -one.tier, -one.held))
    climbing = 0
    asked: set[Hashable] = set()
    result: dict[Hashable, Turn] = {}
    for one in order:
        group = _contest(one, policy)
        if group is not None and group in asked and not one.firing:
            result[one.key] = Turn.NOT_LARGEST
            continue
        if group is not None:
            asked.add(group)
        if one.firing or one.tier is Tier.EMERGENCY or climbing < policy.max_parallel:
            result[one.key] = Turn.GO
            climbing += not one.idle
        else:
            result[one.key] = Turn.WAIT
    return result


def _contest(one: Candidate, policy: Policy) -> Hashable | None:
    """Within which group only the largest is asked, or None where everyone is."""
    if policy.select == "largest":
        return "target"
    if policy.select is None and one.shared and one.cgroup is not None:
        return ("cgroup", one.cgroup)
    return None
