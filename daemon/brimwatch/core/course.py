"""What does one look at one subject set going? What the daemon and a replay of its looks have in common.

A subject and its target are what the caller keeps; these functions say what changes in them. Does *not* cover what is
measured (`sample`), nor how a rung is run and told.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Protocol

from brimwatch.core.budget import Spent
from brimwatch.core.decide import Ladder, Step, would_start
from brimwatch.core.evaluate import Judgement, carry
from brimwatch.core.select import Candidate, Turn, turns
from brimwatch.core.settle import held_bytes
from brimwatch.model import Change, Firing, Outcome, Policy, ProcessId, Reason, Sample, Tier, Verdict


class Standing(Protocol):
    """A subject, as far as others have to know it to find whose turn it is."""

    @property
    def key(self) -> ProcessId: ...  # noqa: D102 - the names say it
    @property
    def tier(self) -> Tier: ...  # noqa: D102
    @property
    def sample(self) -> Sample | None: ...  # noqa: D102
    @property
    def shared(self) -> bool: ...  # noqa: D102
    @property
    def ladder(self) -> Ladder: ...  # noqa: D102
    @property
    def judgement(self) -> Judgement | None: ...  # noqa: D102


class Contest(Protocol):
    """A target: its subjects, and the turns that were made at a tick of the loop and hold until the next."""

    turns_tick: int
    last_turns: Mapping[Hashable, Turn]

    @property
    def subjects(self) -> Mapping[ProcessId, Standing]: ...  # noqa: D102


def concerns(judgement: Judgement, change: Change | None, ladder: Ladder) -> bool:
    """Is there anything to decide after this look?"""
    return change is not None or judgement.tier is not Tier.CALM or ladder.firing is not None


def entered_shared(change: Change) -> bool:
    """Was the tier entered only by values that all members of a cgroup read?"""
    return bool(change.because) and all(one.quantity.shared for one in change.because)


def turn_of(contest: Contest, key: ProcessId, policy: Policy, tick: int) -> Turn:
    """Whose turn it is at this tick; a subject that entered its tier after the turns were made has the next tick's."""
    if len(contest.subjects) == 1:
        return Turn.GO
    if contest.turns_tick != tick:
        contest.turns_tick = tick
        contest.last_turns = turns(list(_candidates(contest, policy)), policy)
    return contest.last_turns.get(key, Turn.WAIT)


def accounted(spent: Spent, target: str, step: Step) -> Spent:
    """The budgets after this step: what was refused at the last look is given back, what runs now is counted."""
    for outcome in step.outcomes:
        if was_refused(outcome):
            spent = spent.refund(target, outcome.action, outcome.started)
    for decision in step.decisions:
        if decision.verdict is Verdict.RUN and decision.rung >= 0:
            spent = spent.spend(target, decision.action, decision.at)
    return spent


def was_refused(outcome: Outcome) -> bool:
    """Was nothing done? What was stopped under way may have sent its signal, and keeps its place in the budget."""
    return outcome.verdict is Verdict.SUPPRESSED and outcome.reason not in (Reason.SUPERSEDED, Reason.STOPPED)


def gives_up(before: Firing | None, after: Ladder) -> bool:
    """Is the rung that ran before this step, and has not answered, to be stopped?"""
    if before is None or before.attempt is not None:
        return False
    return after.firing is None or (after.firing.number, after.firing.rung) != (before.number, before.rung)


def rejudged(before: Judgement, old: Policy, new: Policy, now: float) -> tuple[Judgement, Change | None]:
    """A judgement after a reload: a tier that changed is judged afresh, which may lower the subject's tier at once."""
    after = carry(before, old, new)
    return after, None if after.tier is before.tier else Change(before.tier, after.tier, now)


def _candidates(contest: Contest, policy: Policy) -> Iterator[Candidate]:
    for one in contest.subjects.values():
        climbing = one.ladder.firing is not None
        if one.sample is not None and (one.tier is not Tier.CALM or climbing):
            starts = one.judgement is not None and would_start(one.ladder, policy, one.judgement, one.sample)
            held = held_bytes(one.sample) or 0
            idle = not climbing and not starts
            yield Candidate(one.key, one.tier, held, one.sample.cgroup, one.shared, climbing, idle)
