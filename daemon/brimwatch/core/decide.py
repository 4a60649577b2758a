"""Which rung runs now, and why does one not? Every refusal is a decision with a reason.

The ladder of one subject is a frozen value; `decide` takes it with the facts of one look and returns the next one. Does
*not* cover who may climb (`select`) nor whether a tier holds (`evaluate`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from brimwatch.core.evaluate import Judgement, above_leave
from brimwatch.core.gate import Facts, gate, needed
from brimwatch.core.patience import overdue
from brimwatch.core.relief import Relief, highest_of, is_short, relieved
from brimwatch.core.select import Turn
from brimwatch.core.settle import GIVEN_UP, held_bytes, measured_since, settle, settle_late, settle_until
from brimwatch.model import (
    Attempt,
    Change,
    Decision,
    Firing,
    Outcome,
    Policy,
    Reason,
    Sample,
    Tier,
    TierRule,
    Verdict,
)

NEVER = float("-inf")
PATIENCE = 1.0  # seconds that a subject waits for its turn before that is said


@dataclass(frozen=True, slots=True)
class Ladder:
    """Where a subject stands: the climb under way, until when each tier cools down, and what was already said."""

    firing: Firing | None = None
    climbs: int = 0
    cooldowns: tuple[float, float, float, float] = (NEVER, NEVER, NEVER, NEVER)  # by tier, monotonic seconds
    rehearsed: tuple[float, float, float, float] = (NEVER, NEVER, NEVER, NEVER)  # the same for dry runs alone
    entered: Tier = Tier.CALM  # the tier whose entry still waits for its turn to be told and climbed
    refused: Tier = Tier.CALM  # the tier whose entry was refused: said once
    told: Tier = Tier.CALM  # the tier whose entry was told to people already
    waiting: float | None = None  # since when it waits for its turn, monotonic seconds
    relief: Relief | None = None  # the last fall from the policy's highest tier

    def cooled(self, tier: Tier, now: float) -> bool:
        """True when the tier's ladder may run again."""
        return now >= self.cooldowns[tier]

    def rests_until(self, tier: Tier, dry_run: bool) -> float:
        """When the tier's ladder may run again; after a dry run it may be rehearsed again then."""
        return max(self.cooldowns[tier], self.rehearsed[tier]) if dry_run else self.cooldowns[tier]

    def cool(self, tier: Tier, until: float) -> Ladder:
        """The same with a later end of the tier's cooldown; it never ends sooner than before."""
        return self.cooling(tier, max(self.cooldowns[tier], until))

    def cooling(self, tier: Tier, until: float) -> Ladder:
        """The same with this end of the tier's cooldown."""
        return replace(self, cooldowns=_with(self.cooldowns, tier, until))


class Step(NamedTuple):
    """What follows from one look: the ladder as it stands now, rungs to run or refuse, rungs that ended."""

    ladder: Ladder
    decisions: tuple[Decision, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


def decide(ladder: Ladder, facts: Facts) -> Step:
    """Take one look's facts and say what follows. `facts.sample.at` is now."""
    decisions: list[Decision] = []
    outcomes: list[Outcome] = []
    if facts.change is not None:
        ladder = _changed(ladder, facts.change, facts)
    firing = ladder.firing
    if firing is not None and firing.tier < facts.tier:
        if _takes_over(ladder, facts):
            ladder = _supersede(ladder, firing, facts, decisions, outcomes)
        else:  # the lower one goes on; what tells of the higher goes out, and why its own does not start is said
            ladder = replace(_start(replace(ladder, firing=None), facts, decisions), firing=firing)
    if ladder.firing is not None:
        ladder = _advance(ladder, ladder.firing, facts, decisions, outcomes)
    elif facts.tier is not Tier.CALM:
        ladder = _start(ladder, facts, decisions)
    return Step(ladder, tuple(decisions), tuple(outcomes))


def attempted(ladder: Ladder, attempt: Attempt, policy: Policy, sample: Sample) -> Ladder:
    """The ladder once its running rung answered; it is judged by the next look."""
    firing = ladder.firing
    if firing is None:
        return ladder
    rule = rule_of(policy, firing.tier)
    left = len(rule.do) - firing.rung - 1 if rule is not None else 0
    settle_by = settle_until(attempt, firing.action.settle, sample, left)
    return replace(ladder, firing=replace(firing, attempt=attempt, settle_by=settle_by))


def rule_of(policy: Policy, tier: Tier) -> TierRule | None:
    """The policy's rule for a tier, if it has one."""
    for rule in policy.tiers:
        if rule.tier is tier:
            return rule
    return None


def _changed(ladder: Ladder, change: Change, facts: Facts) -> Ladder:
    """A tier was entered or left (nothing runs)."""
    highest, now = highest_of(facts.policy), facts.sample.at
    if change.after > change.before:
        if change.after is highest and is_short(ladder.relief, facts.sample, ladder.cooldowns[highest]):
            ladder = ladder.cooling(highest, now)
        return replace(ladder, entered=change.after, refused=Tier.CALM, told=Tier.CALM, waiting=None)
    if change.before is highest:
        ladder = replace(ladder, relief=relieved(facts.sample))
    return lowered(ladder, change.after, facts.policy, now)


def lowered(ladder: Ladder, tier: Tier, policy: Policy, now: float) -> Ladder:
    """The ladder after a fall to `tier`, which is uncovered now: it rests, so that going down starts nothing."""
    if tier is not Tier.CALM:
        ladder = ladder.cool(tier, now + policy.cooldown)
    return replace(ladder, entered=Tier.CALM, refused=Tier.CALM)


def _takes_over(ladder: Ladder, facts: Facts) -> bool:
    """Does the ladder of the tier that holds start now? Else a lower one goes on: something has to be tried.

    Its own cooldown may still run, it may have no rung, or none that may run now.
    """
    rule = rule_of(facts.policy, facts.tier)
    if rule is None or facts.turn is not Turn.GO or not ladder.cooled(rule.tier, facts.sample.at):
        return False
    return facts.above(rule) is True and any(gate(rule, action, facts) is None for action in rule.do)


def _supersede(
    ladder: Ladder, firing: Firing, facts: Facts, decisions: list[Decision], outcomes: list[Outcome]
) -> Ladder:
    """Close the lower ladder: its rung keeps the bytes won so far, later ones belong to the higher tier's rung."""
    rule = rule_of(facts.policy, firing.tier)
    closed = settle(firing, facts.sample)
    if firing.attempt is None:
        closed = replace(closed, verdict=Verdict.SUPPRESSED, reason=Reason.SUPERSEDED, detail=GIVEN_UP)
    outcomes.append(closed)
    if rule is not None:
        rest = range(firing.rung + 1, len(rule.do))
        decisions.extend(_refuse(rule, index, Reason.SUPERSEDED, facts, firing.number) for index in rest)
    return replace(ladder, firing=None).cool(firing.tier, facts.sample.at + facts.policy.cooldown)


def _start(ladder: Ladder, facts: Facts, decisions: list[Decision]) -> Ladder:
    """Begin a climb: at an entry, or because the tier still holds after its cooldown."""
    rule, now = rule_of(facts.policy, facts.tier), facts.sample.at
    entering = ladder.entered is facts.tier
    if rule is None or not (rule.do or (entering and rule.tell)):
        return ladder
    if facts.turn is Turn.NOT_LARGEST:
        return _say_once(ladder, rule, Reason.NOT_LARGEST, facts, decisions)
    if entering and not facts.dry_run and ladder.told is not rule.tier:
        ladder = replace(ladder, told=rule.tier)
        decisions.extend(_tell(rule, facts, ladder.climbs + 1))
    if facts.turn is Turn.WAIT:
        return _wait(ladder, rule, facts, decisions)
    if entering or ladder.waiting is not None:
        ladder = replace(ladder, entered=Tier.CALM, waiting=None)
    if entering and facts.dry_run:
        return _rehearse(ladder, rule, facts, decisions)
    if not rule.do or facts.dry_run:
        return ladder
    if not ladder.cooled(rule.tier, now):
        return _say_once(ladder, rule, Reason.COOLDOWN, facts, decisions) if entering else ladder
    if facts.above(rule) is not True:
        return ladder
    ladder = replace(ladder, climbs=ladder.climbs + 1)
    return _climb(ladder, rule, 0, ladder.climbs, facts, decisions)


def would_start(ladder: Ladder, policy: Policy, judgement: Judgement, sample: Sample) -> bool:
    """Would the ladder of the tier that holds start, if it were its turn? Not while it rests or has no rung."""
    for rule, state in zip(policy.tiers, judgement.states, strict=True):
        if rule.tier is judgement.tier:
            ready = bool(rule.do) and ladder.cooled(rule.tier, sample.at)
            return ready and above_leave(rule, sample, state) is True
    return False


def _wait(ladder: Ladder, rule: TierRule, facts: Facts, decisions: list[Decision]) -> Ladder:
    """Others climb: say so once, if it lasts."""
    now = facts.sample.at
    if not rule.do or facts.dry_run or not ladder.cooled(rule.tier, now):
        return ladder
    if ladder.waiting is None:
        return replace(ladder, waiting=now)
    if now - ladder.waiting < PATIENCE:
        return ladder
    return _say_once(ladder, rule, Reason.WAITING, facts, decisions)


def _tell(rule: TierRule, facts: Facts, number: int) -> list[Decision]:
    return [Decision(rule.tier, action, -1, Verdict.RUN, facts.sample.at, firing=number) for action in rule.tell]


def _rehearse(ladder: Ladder, rule: TierRule, facts: Facts, decisions: list[Decision]) -> Ladder:
    """Dry run: one decision at an entry, with everything that would have followed.

    Its cooldown is one of its own: what was only rehearsed keeps nothing from being done once it may be.
    """
    now = facts.sample.at
    if now < ladder.rests_until(rule.tier, dry_run=True):
        return _say_once(ladder, rule, Reason.COOLDOWN, facts, decisions)
    rungs = (*rule.tell, *rule.do)
    names = tuple(action.name for action in rungs[1:])
    rung = -1 if rule.tell else 0
    decisions.append(Decision(rule.tier, rungs[0], rung, Verdict.SUPPRESSED, now, Reason.DRY_RUN, names))
    return replace(ladder, rehearsed=_with(ladder.rehearsed, rule.tier, now + facts.policy.cooldown))


def _with(ends: tuple[float, float, float, float], tier: Tier, until: float) -> tuple[float, float, float, float]:
    changed = [*ends[:tier], until, *ends[tier + 1 :]]
    return changed[0], changed[1], changed[2], changed[3]


def _say_once(ladder: Ladder, rule: TierRule, reason: Reason, facts: Facts, decisions: list[Decision]) -> Ladder:
    if ladder.refused is rule.tier:
        return ladder
    actions = rule.do or rule.tell
    names = tuple(action.name for action in actions[1:])
    rung, now = 0 if rule.do else -1, facts.sample.at
    until = ladder.rests_until(rule.tier, facts.dry_run) if reason is Reason.COOLDOWN else None
    decisions.append(Decision(rule.tier, actions[0], rung, Verdict.SUPPRESSED, now, reason, names, until=until))
    return replace(ladder, refused=rule.tier)


def _advance(
    ladder: Ladder, firing: Firing, facts: Facts, decisions: list[Decision], outcomes: list[Outcome]
) -> Ladder:
    """Is the running rung done, and is the next one needed?"""
    sample = facts.sample
    rule = rule_of(facts.policy, firing.tier)
    if rule is None or firing.rung >= len(rule.do) or rule.do[firing.rung] != firing.action:
        if firing.attempt is None:
            return ladder
        outcomes.append(settle(firing, sample))  # the policy changed under the climb, which ends with this rung
        return replace(ladder, firing=None).cool(firing.tier, sample.at + facts.policy.cooldown)
    late = _is_late(rule, firing, facts)
    if firing.attempt is None:
        if not late:
            return ladder
        outcomes.append(settle_late(firing, sample))
        return _climb(ladder, rule, firing.rung + 1, firing.number, facts, decisions)
    if firing.attempt.verdict is Verdict.RUN:
        if not measured_since(sample, firing.attempt.ended, facts.swap_matters and not late):
            return ladder
        # A cure settles a rung, but not while memory still comes back: what is won is measured to its end.
        held = held_bytes(sample)
        falling = firing.seen is None or (held is not None and held < firing.seen)
        waits = falling or (facts.above(rule) is not False and not late)
        if sample.at < firing.settle_by and waits:
            return replace(ladder, firing=replace(firing, seen=held))
    outcomes.append(settle(firing, sample))
    return _climb(ladder, rule, firing.rung + 1, firing.number, facts, decisions)


def _is_late(rule: TierRule, firing: Firing, facts: Facts) -> bool:
    """Will this rung not do in time, and may another be climbed to? One that ends a process is left to its grace."""
    if firing.action.ends_process or facts.above(rule) is not True:
        return False
    rest = rule.do[firing.rung + 1 :]
    return overdue(firing, facts.sample, sum(gate(rule, action, facts) is None for action in rest))


def _climb(ladder: Ladder, rule: TierRule, first: int, number: int, facts: Facts, decisions: list[Decision]) -> Ladder:
    """Find the next rung that may run, from `first` on; without one the climb ends and the cooldown begins.

    `number` is that of the climb.
    """
    sample, now = facts.sample, facts.sample.at
    for index in range(first, len(rule.do)):
        action = rule.do[index]
        if not needed(rule, action, facts):
            break
        reason = gate(rule, action, facts)
        if reason is None:
            decisions.append(Decision(rule.tier, action, index, Verdict.RUN, now, firing=number))
            return replace(ladder, firing=Firing(number, rule.tier, index, action, now, held_bytes(sample)))
        decisions.append(_refuse(rule, index, reason, facts, number))
    return replace(ladder, firing=None).cool(rule.tier, now + facts.policy.cooldown)


def _refuse(rule: TierRule, index: int, reason: Reason, facts: Facts, number: int) -> Decision:
    action, now = rule.do[index], facts.sample.at
    until = facts.spent.until(facts.target, action, now) if reason is Reason.BUDGET else None
    return Decision(rule.tier, action, index, Verdict.SUPPRESSED, now, reason, firing=number, until=until)
