"""May this rung run now, and is it still needed? What one look knows of a subject, and what keeps a rung back.

Does *not* cover the ladder's own state: cooldowns, turns and what runs already (`decide`).
"""

from __future__ import annotations

from typing import NamedTuple

from brimwatch.core.budget import Spent
from brimwatch.core.evaluate import Judgement, above_leave, goal_reached, meets, meets_measured
from brimwatch.core.select import Turn
from brimwatch.model import Action, Change, Policy, Reason, Sample, Tier, TierRule


class Facts(NamedTuple):
    """What one look knows of one subject. `guard`: why none of its processes may be ended, if so."""

    target: str
    policy: Policy
    judgement: Judgement
    change: Change | None
    sample: Sample
    turn: Turn
    spent: Spent
    guard: Reason | None = None
    dry_run: bool = False
    swap_matters: bool = True

    @property
    def tier(self) -> Tier:
        """The highest active tier."""
        return self.judgement.tier

    def above(self, rule: TierRule) -> bool | None:
        """Is the tier still to be kept? None where it cannot be told."""
        for one, state in zip(self.policy.tiers, self.judgement.states, strict=True):
            if one is rule:
                return above_leave(rule, self.sample, state)
        return None


def needed(rule: TierRule, action: Action, facts: Facts) -> bool:
    """Is the subject still above `leave`, or, for a cooperative rung, above the policy's goal?

    Where a value is missing the climb ends; while the tier holds, the ladder runs again after its cooldown.
    """
    if facts.above(rule):
        return True
    goal = facts.policy.goal
    return action.cooperative and goal is not None and not goal_reached(goal, facts.sample)


def gate(rule: TierRule, action: Action, facts: Facts) -> Reason | None:
    """Why this rung may not run now, or None."""
    if facts.dry_run:
        return Reason.DRY_RUN
    if action.only_if is not None and meets(action.only_if, facts.sample) is not True:
        return Reason.CONDITION
    if action.ends_process:
        if not meets_measured(action.only_if or rule.when, facts.sample):
            return Reason.CONDITION
        if facts.guard is not None and not (facts.guard is Reason.PARENT and action.on_parent):
            return facts.guard
    if not facts.spent.allows(facts.target, action, facts.sample.at):
        return Reason.BUDGET
    return None
