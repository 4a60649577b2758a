"""Do the conditions of a policy fit together: each `leave` its `when`, each tier the worse ones, the goal them all?

Only thresholds of one sort are compared, both fractions of the limit or both absolute: which of 70% and 500MB is the
higher one depends on the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from brimwatch.config.conditions import Written
from brimwatch.config.inherit import TierDraft
from brimwatch.config.nodes import Node
from brimwatch.model import Threshold, Tier
from brimwatch.quantity import Quantity


class _Pair(NamedTuple):
    """Two lines on one quantity, the first of which is reached later than the second."""

    quantity: Quantity
    late: Node
    early: Node


def check_leave(leave: Written, when: Written) -> None:
    """Add a fault for every level of `leave` that `when` does not name, or that lies beyond its enter."""
    for quantity, node in leave.nodes.items():
        if quantity not in when.nodes:
            names = " or ".join(when.nodes) or "nothing"
            node.fault(f"a level for {quantity}", f"one for {names}", "`when` does not enter on it")
    for pair in _beyond(leave, when):
        side = "below" if pair.quantity.inverted else "above"
        pair.late.refuse(f"{pair.late.written} is {side} enter ({pair.early.written}); the tier would never settle.")


def check_tiers(drafts: Mapping[Tier, TierDraft], whens: Mapping[Tier, Written]) -> None:
    """Add a fault for every quantity that enters a tier later than a worse one.

    It is told at a tier that the policy itself gives; where both are inherited it was told already.
    """
    for mild, worse in ((mild, worse) for worse in whens for mild in whens if mild < worse):
        for pair in _entered_later(whens[mild], whens[worse]):
            late, early = ("below", "above") if pair.quantity.inverted else ("above", "below")
            why = f"{mild.label} would be entered after {worse.label}."
            if "when" in drafts[mild].own:
                pair.late.refuse(
                    f"{pair.late.written} is {late} the enter of {worse.label} ({pair.early.written}); {why}"
                )
            elif "when" in drafts[worse].own:
                pair.early.refuse(
                    f"{pair.early.written} is {early} the enter of {mild.label} ({pair.late.written}); {why}"
                )


def pointless_goals(goal: Written, whens: Mapping[Tier, Written]) -> Iterator[str]:
    """Say of which tiers the goal is reached before they are entered, so that it changes nothing there."""
    for tier, when in whens.items():
        for pair in _entered_later(goal, when):
            enter = f"the enter of {tier.label} ({pair.early.written})"
            yield f"its goal {pair.quantity} {pair.late.written} lies beyond {enter} and changes nothing there"


def _entered_later(mild: Written, worse: Written) -> Iterator[_Pair]:
    """Where `worse` needs several conditions at once, none of them alone enters it, and nothing can be said."""
    if not (worse.condition.every and len(worse.nodes) > 1):
        yield from _beyond(mild, worse)


def _beyond(one: Written, other: Written) -> Iterator[_Pair]:
    theirs = {threshold.quantity: threshold for threshold in other.condition.thresholds}
    for mine in one.condition.thresholds:
        quantity = mine.quantity
        if quantity in theirs and _is_later(mine, theirs[quantity]):
            yield _Pair(quantity, one.nodes[quantity], other.nodes[quantity])


def _is_later(mine: Threshold, other: Threshold) -> bool:
    if mine.relative != other.relative:
        return False
    return mine.value < other.value if mine.quantity.inverted else mine.value > other.value
