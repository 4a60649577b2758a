"""What would be decided on a recording? Its rows go through judging and deciding exactly as looks do in the daemon.

A target whose policy is the recorded one gets the answers that its rungs gave then: what comes out is what the daemon
decided. Under another policy, rungs run that were not run then, and nobody knows what they would have won back: they
are assumed to answer at once, and memory goes on as it was recorded (`Assume`).

Does *not* cover reading a recording (`record`) or telling what comes out.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from brimwatch.core import recorded as rows
from brimwatch.core.budget import Spent
from brimwatch.core.by_hand import taken_over
from brimwatch.core.course import accounted, concerns, entered_shared, rejudged, turn_of
from brimwatch.core.decide import Ladder, attempted, decide, lowered, rule_of
from brimwatch.core.evaluate import evaluate
from brimwatch.core.gate import Facts
from brimwatch.core.replayed import Happening, Plan, Replayed, ReplayedTarget
from brimwatch.core.settle import settle_gone, settle_told
from brimwatch.model import Attempt, Change, Decision, Outcome, ProcessId, Reason, Sample, Tier, Verdict
from brimwatch.units import Seconds

ASSUMED = "assumed: it was not run in the recording"


class Assume(enum.Enum):
    """Which answers a rung gets under a policy that is not the recorded one."""

    RECORDED = "recorded"  # those of the same action where it ran then, else none
    NONE = "none"  # none: each answers at once


class Replay:
    """Takes rows one by one. `plan_for` says how a declared target is judged, None where it is not; `terms_for` what
    holds instead of the recorded terms.
    """

    def __init__(
        self,
        plan_for: Callable[[rows.Declared], Plan | None],
        terms_for: Callable[[rows.Terms], rows.Terms] = lambda terms: terms,
        assume: Assume = Assume.RECORDED,
    ) -> None:
        self.targets: dict[str, ReplayedTarget] = {}
        self.past: list[tuple[str, Replayed]] = []  # subjects that are gone, for what came closest
        self.spent = Spent()
        self._plan_for = plan_for
        self._terms_for = terms_for
        self._assume = assume
        self._terms = rows.Terms(Seconds(1.0), False, True)

    def feed(self, row: rows.Row) -> list[Happening]:
        """What follows from one row."""
        take = _TAKE.get(type(row))
        return [] if take is None else list(take(self, row))

    def _header(self, row: rows.Header) -> Iterator[Happening]:
        yield from self._agreed(row.terms)

    def _agreed(self, row: rows.Terms) -> Iterator[Happening]:
        self._terms = self._terms_for(row)
        yield from ()

    def _declared(self, row: rows.Declared) -> Iterator[Happening]:
        plan = self._plan_for(row)
        target = self.targets.get(row.target)
        if target is None:
            self.targets[row.target] = ReplayedTarget(row.target, plan)
            return
        old, target.plan = target.plan, plan
        if old is None or plan is None:
            for subject in target.subjects.values():
                subject.judgement, subject.ladder = None, Ladder()  # it was not judged all the time
            return
        if old.policy == plan.policy:
            return
        for subject in target.subjects.values():
            if subject.judgement is None:
                continue
            subject.judgement, change = rejudged(subject.judgement, old.policy, plan.policy, row.at)
            if change is not None:
                subject.ladder = lowered(subject.ladder, change.after, plan.policy, row.at)
            if change is not None and subject.sample is not None:
                yield self._changed(target, subject, change, subject.sample, row.wall)

    def _joined(self, row: rows.Joined) -> Iterator[Happening]:
        self._subject(row.target, row.key, row.member, row.wall)
        yield from ()

    def _removed(self, row: rows.Removed) -> Iterator[Happening]:
        target, subject = self.targets.get(row.target), self._known(row.target, row.key)
        if target is None or subject is None:
            return
        firing, sample = subject.ladder.firing, subject.sample
        self._let_go(target, row.key)
        if firing is not None and sample is not None:
            yield self._happening(target, subject, taken_over(firing, sample, Reason.VANISHED), subject.wall)

    def _lost(self, _: rows.Lost) -> Iterator[Happening]:
        """What answered or left meanwhile is not known; what of a target is there is told before its next row."""
        for target in self.targets.values():
            for subject in target.subjects.values():
                subject.stale = True
                subject.running.clear()
        yield from ()

    def _stood(self, row: rows.Stood) -> Iterator[Happening]:
        target, subject = self._subject(row.target, row.key, row.member, row.since)
        if target.plan is not None and target.plan.exact:
            fits = row.judgement is None or len(row.judgement.states) == len(target.plan.policy.tiers)
            subject.judgement, subject.ladder = (row.judgement, row.ladder) if fits else (None, Ladder())
            subject.shared, subject.sample = row.shared, row.sample
        yield from ()

    def _counted(self, row: rows.Counted) -> Iterator[Happening]:
        if all(target.plan is None or target.plan.exact for target in self.targets.values()):
            self.spent = Spent(row.runs)
        yield from ()

    def _look(self, row: rows.Look) -> Iterator[Happening]:
        target, subject = self._subject(row.target, row.key, row.member, row.wall)
        subject.wall = row.wall
        for key in [one.key for one in target.subjects.values() if one.stale]:
            self._let_go(target, key)
        if target.plan is None:
            subject.sample = row.sample
            return
        policy, sample = target.plan.policy, row.sample
        if not target.plan.exact:
            yield from self._answer_unasked(target, subject, row)
        judgement, change = evaluate(policy, subject.judgement, sample, self._terms.interval)
        subject.judgement, subject.sample = judgement, sample
        subject.nearness.look(policy, sample)
        if change is not None:
            if change.after > change.before:
                subject.shared = entered_shared(change)
            yield self._changed(target, subject, change, sample, row.wall)
        if not concerns(judgement, change, subject.ladder):
            return
        facts = Facts(
            target=target.name,
            policy=policy,
            judgement=judgement,
            change=change,
            sample=sample,
            turn=turn_of(target, subject.key, policy, row.tick),
            spent=self.spent,
            guard=row.guard if judgement.tier is not Tier.CALM else None,
            dry_run=self._terms.dry_run,
            swap_matters=self._terms.swap_matters,
        )
        yield from self._step(target, subject, facts, row.wall)

    def _step(self, target: ReplayedTarget, subject: Replayed, facts: Facts, wall: float) -> Iterator[Happening]:
        step = decide(subject.ladder, facts)
        subject.ladder = step.ladder
        self.spent = accounted(self.spent, target.name, step)
        for outcome in step.outcomes:
            yield self._happening(target, subject, outcome, wall)
        for decision in step.decisions:
            if decision.verdict is Verdict.RUN and decision.rung < 0:
                subject.telling.append(decision)
            yield self._happening(target, subject, decision, wall)

    def _answer_unasked(self, target: ReplayedTarget, subject: Replayed, row: rows.Look) -> Iterator[Happening]:
        """Rungs that the recording has no answer for answer now."""
        awaited = subject.running if self._assume is Assume.RECORDED else frozenset()
        for decision in [one for one in subject.telling if one.action.name not in awaited]:
            subject.telling.remove(decision)
            attempt = Attempt(Verdict.RUN, decision.at, decision.at, detail=ASSUMED)
            yield self._happening(target, subject, settle_told(decision, attempt), row.wall)
        firing = subject.ladder.firing
        if firing is None or firing.attempt is not None or firing.action.name in awaited:
            return
        attempt = Attempt(Verdict.RUN, firing.started, firing.started, detail=ASSUMED)
        if target.plan is not None:
            subject.ladder = attempted(subject.ladder, attempt, target.plan.policy, subject.sample or row.sample)

    def _started(self, row: rows.Started) -> Iterator[Happening]:
        subject = self._known(row.target, row.key)
        if subject is not None:
            subject.running.add(row.action)
        yield from ()

    def _stopped(self, row: rows.Stopped) -> Iterator[Happening]:
        subject = self._known(row.target, row.key)
        if subject is not None:
            subject.running.clear()
        yield from ()

    def _answered(self, row: rows.Answered) -> Iterator[Happening]:
        target, subject = self._subject(row.target, row.key, row.member, row.wall)
        subject.running.discard(row.action)
        if target.plan is None or (not target.plan.exact and self._assume is Assume.NONE):
            return
        if row.rung < 0:
            yield from self._answer_told(target, subject, row)
            return
        firing = subject.ladder.firing
        if firing is None or firing.attempt is not None or subject.sample is None or firing.action.name != row.action:
            return
        if target.plan.exact and (firing.number != row.firing or firing.rung != row.rung):
            return
        subject.ladder = attempted(subject.ladder, row.attempt, target.plan.policy, subject.sample)

    def _answer_told(self, target: ReplayedTarget, subject: Replayed, row: rows.Answered) -> Iterator[Happening]:
        """A telling rung answered; one that was started before the recording began is known by its policy."""
        for decision in subject.telling:
            if decision.action.name == row.action:
                subject.telling.remove(decision)
                yield self._happening(target, subject, settle_told(decision, row.attempt), row.wall)
                return
        rule = None if target.plan is None or not target.plan.exact else rule_of(target.plan.policy, row.tier)
        for action in () if rule is None else rule.tell:
            if action.name == row.action:
                decision = Decision(row.tier, action, -1, Verdict.RUN, row.attempt.started, firing=row.firing)
                yield self._happening(target, subject, settle_told(decision, row.attempt), row.wall)
                return

    def _gone(self, row: rows.Gone) -> Iterator[Happening]:
        target, subject = self._subject(row.target, row.key, row.member, row.wall)
        firing = subject.ladder.firing
        subject.ladder = replace(subject.ladder, firing=None)
        if firing is not None:
            yield self._happening(target, subject, settle_gone(firing, row.at), row.wall)

    def _changed(
        self, target: ReplayedTarget, subject: Replayed, change: Change, sample: Sample, wall: float
    ) -> Happening:
        falling = change.after < change.before and subject.since is not None
        held = change.at - subject.since if falling and subject.since is not None else None
        subject.since = change.at
        return Happening(target.name, subject.member, wall, change, sample, held)

    def _happening(self, target: ReplayedTarget, subject: Replayed, what: Decision | Outcome, wall: float) -> Happening:
        rule = None if target.plan is None else rule_of(target.plan.policy, what.tier)
        return Happening(
            target.name, subject.member, wall, what, subject.sample, None, None if rule is None else len(rule.do)
        )

    def _subject(self, name: str, key: ProcessId, member: int | None, wall: float) -> tuple[ReplayedTarget, Replayed]:
        """The subject of a row; one that nobody announced, as after lost rows, begins here."""
        target = self.targets.get(name)
        if target is None:
            target = self.targets[name] = ReplayedTarget(name, None)
        subject = target.subjects.get(key)
        if subject is None:
            subject = target.subjects[key] = Replayed(key, member, wall)
        subject.member = member
        subject.stale = False
        return target, subject

    def _let_go(self, target: ReplayedTarget, key: ProcessId) -> None:
        subject = target.subjects.pop(key, None)
        if subject is not None:
            self.past.append((target.name, subject))

    def _known(self, name: str, key: ProcessId) -> Replayed | None:
        target = self.targets.get(name)
        return None if target is None else target.subjects.get(key)


_TAKE: Mapping[type, Callable[..., Iterator[Happening]]] = {
    rows.Header: Replay._header,
    rows.Terms: Replay._agreed,
    rows.Declared: Replay._declared,
    rows.Joined: Replay._joined,
    rows.Removed: Replay._removed,
    rows.Lost: Replay._lost,
    rows.Stood: Replay._stood,
    rows.Counted: Replay._counted,
    rows.Look: Replay._look,
    rows.Started: Replay._started,
    rows.Stopped: Replay._stopped,
    rows.Answered: Replay._answered,
    rows.Gone: Replay._gone,
}
