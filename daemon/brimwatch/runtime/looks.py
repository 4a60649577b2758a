"""What happens at one look? Measure, judge, decide, and hand on what follows; the one flow of the daemon.

Does *not* cover when to look (`loop`) nor how a rung runs (`perform`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import replace

from brimwatch.core.budget import Spent
from brimwatch.core.by_hand import taken_over
from brimwatch.core.calm import FloorBook, Floors
from brimwatch.core.course import accounted, concerns, entered_shared, gives_up, turn_of
from brimwatch.core.decide import Step, decide
from brimwatch.core.evaluate import Judgement, evaluate
from brimwatch.core.gate import Facts
from brimwatch.core.glance import glanced, way_to_tier
from brimwatch.core.pace import next_gap, resting_gap
from brimwatch.core.settle import settle_gone
from brimwatch.model import Change, Decision, ProcessId, Reason, Sample, Tier, Verdict
from brimwatch.quantity import Quantity
from brimwatch.runtime.continuity import Continuity
from brimwatch.runtime.evidence import Evidence
from brimwatch.runtime.membership import Membership
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject
from brimwatch.runtime.uncounted import uncounted
from brimwatch.sample.group import fastest_growth, sum_samples
from brimwatch.sample.limit_file import LimitFiles
from brimwatch.sample.slow import SlowRead
from brimwatch.units import Seconds

Accept = Callable[[SlowRead, object, float, float], None]  # read, result or exception, now, CPU seconds


class Looks:
    """Looks at subjects. `run` starts a rung; `read` hands a slow read to the lanes."""

    def __init__(
        self,
        membership: Membership,
        story: Story,
        run: Callable[[Subject, Decision, Sample], None],
        stop: Callable[[Subject], None],
        read: Callable[[Hashable, SlowRead, Accept], None],
        guard: Callable[[Subject], Reason | None],
        continuity: Continuity,
        evidence: Evidence,
    ) -> None:
        self._membership = membership
        self._story = story
        self._run = run
        self._stop = stop
        self._read = read
        self._guard = guard
        self._evidence = evidence
        self._continuity = continuity
        self.limits = LimitFiles()
        self.spent = Spent()
        self._floors = FloorBook()
        self.interval = Seconds(1.0)
        self.dry_run = False
        self.swap_matters = True
        self.tick = 0
        self.everything = False  # read what is not due as well
        self.tier_changed: Callable[[Subject], None] = lambda _: None  # what was changed for a tier may end with it

    def look(self, subject: Subject, now: float) -> float:
        """Take one look at a subject; returns the seconds until the next. A subject that is gone gives infinity."""
        sample, fastest = self._measure(subject, now)
        if sample is None:
            return float("inf")
        if subject.target.spec.limit_file is not None:
            sample = self._bounded(subject.target.spec.limit_file, sample, now)
        restored = subject.looks == 0 and self._continuity.memory.restore(subject)
        if self._story.tap is not None:
            if restored:
                self._story.tap.restored(subject)
            self._story.tap.look(subject, sample, self.tick, self._guard(subject))
        policy = subject.target.spec.policy
        if subject.floors is not None and subject.ladder.firing is None and subject.floors.keep(policy, sample):
            self._count_in(subject, sample)
            return self._resting_gap(subject, subject.floors, sample, fastest)
        before, ladder = subject.judgement, subject.ladder
        judgement, change = evaluate(policy, before, sample, self.interval)
        self._heed_limit(subject, sample)
        subject.judgement = judgement
        self._count_in(subject, sample)
        if change is not None:
            self._changed(subject, change, sample)
        if concerns(judgement, change, subject.ladder):
            self._climb(subject, judgement, change, sample)
        if before is None or judgement.states != before.states or subject.ladder is not ladder or subject.looks == 1:
            self._continuity.looked(subject)
        if change is not None:
            self.tier_changed(subject)  # agents and brakes hear of it once the rung is on its way
        subject.floors = None if subject.host is not None else self._floors.of(policy, judgement, sample)
        return self._gap(subject, judgement, sample, fastest)

    def rise(self, subject: Subject, now: float) -> float:
        """Bytes by which what the tiers go by has risen since the last look, at most; infinity where one is gone."""
        try:
            return sum(max(0, watched.sampler.rise(now)) for watched in subject.watched.values())
        except ProcessLookupError:
            return float("inf")

    def _count_in(self, subject: Subject, sample: Sample) -> None:
        subject.sample = sample
        subject.history.add(sample)
        subject.looks += 1
        resident = sample.value(Quantity.RSS)
        if resident is not None and resident > subject.peak:
            subject.peak = resident

    def _resting_gap(self, subject: Subject, floors: Floors, sample: Sample, fastest: float) -> float:
        """The same as `_gap`, of a look that left the judgement as it was."""
        if floors.paced:
            return self._gap(subject, subject.judgement, sample, fastest)
        subject.way, subject.fastest = floors.way(sample), fastest
        return resting_gap(sample, fastest, self.interval)

    def _gap(self, subject: Subject, judgement: Judgement | None, sample: Sample, fastest: float) -> float:
        policy, firing = subject.target.spec.policy, subject.ladder.firing is not None
        if subject.host is not None:
            return next_gap(policy, judgement, sample, fastest, self.interval, firing)
        subject.way, subject.fastest = way_to_tier(policy, judgement, sample), fastest
        return next_gap(policy, judgement, sample, fastest, self.interval, firing, glanced(sample))

    def take_up(self, spent: Spent) -> None:
        """Count runs of an earlier run of the daemon as well."""
        self.count(self.spent.with_earlier(spent))

    def count(self, spent: Spent) -> None:
        """These are the budgets from now on, by what no look has decided."""
        if spent is self.spent:
            return
        self.spent = spent
        self._continuity.memory.spent(spent)
        if self._story.tap is not None:
            self._story.tap.counted(spent)

    def _heed_limit(self, subject: Subject, sample: Sample) -> None:
        """Tell where the effective limit is another than at the last look."""
        before, limit = None if subject.sample is None else subject.sample.limit, sample.limit
        if before is not None and limit is not None and before.bytes != limit.bytes:
            self._story.limit_changed(subject, before, limit)

    def lost(self, subject: Subject, process: ProcessId, now: float) -> None:
        """A process is gone: close its running rung, say whether the kernel is the likely cause, and let go."""
        if len(subject.watched) == 1:
            firing = subject.ladder.firing
            kills = subject.watched[process].sampler.last_oom_kills()
            if self._story.tap is not None:
                self._story.tap.gone(subject, now)
            if firing is not None:
                subject.ladder = replace(subject.ladder, firing=None)
                self._story.outcome(subject, settle_gone(firing, now))
            evidence = "cgroup" if kills else None if subject.killed else uncounted(subject, process, firing, now)
            if evidence is not None:
                self._evidence.killed(subject, evidence, now, kills or 1, process)
        self._membership.drop(subject, process, now)

    def give_up(self, subject: Subject, reason: Reason) -> None:
        """Close the running rung of a subject that is looked at no more: every rung that was begun has an outcome."""
        firing, sample = subject.ladder.firing, subject.sample
        if firing is not None and sample is not None:
            subject.ladder = replace(subject.ladder, firing=None)
            self._story.outcome(subject, taken_over(firing, sample, reason))

    def _measure(self, subject: Subject, now: float) -> tuple[Sample | None, float]:
        if subject.host is not None:
            self._submit(subject.key, subject.host.due(now, self.everything), subject.host.accept)
            return subject.host.look(now), subject.host.fastest
        samples: list[Sample] = []
        expected = len(subject.watched)
        for process, watched in list(subject.watched.items()):
            try:
                samples.append(watched.sampler.look(now))
            except ProcessLookupError:
                self.lost(subject, process, now)
                expected -= 1
                continue
            self._submit(process, watched.sampler.due(now, self.everything), watched.sampler.accept)
            kills = watched.sampler.oom_kills()
            if kills:
                dying = process if self._membership.is_ending(process) else None
                self._evidence.killed_nearby(subject, now, kills, dying)
        if not samples:
            return None, 0.0
        samplers = [watched.sampler for watched in subject.watched.values()]
        if subject.target.spec.grouped:
            return sum_samples(samples, expected, now, subject.target.wanted), fastest_growth(samplers)
        return samples[0], samplers[0].fastest

    def _bounded(self, path: str, sample: Sample, now: float) -> Sample:
        for read in self.limits.due(path, now):
            self._read(path, read, self.limits.accept)  # a file on a dead mount holds up no other
        return self.limits.applied(path, sample)

    def _submit(self, owner: ProcessId, reads: tuple[SlowRead, ...], accept: Accept) -> None:
        for read in reads:
            self._read(owner, read, accept)

    def _changed(self, subject: Subject, change: Change, sample: Sample) -> None:
        if change.after > change.before:
            subject.entered_at = sample.at
            subject.shared = entered_shared(change)
            self._evidence.entered(subject, change.after)
        self._story.changed(subject, change, sample)
        subject.since_wall = time.time()  # only now: the story tells how long the tier that ends has lasted

    def _climb(self, subject: Subject, judgement: Judgement, change: Change | None, sample: Sample) -> None:
        before = subject.ladder.firing
        step = decide(
            subject.ladder,
            Facts(
                target=subject.target.name,
                policy=subject.target.spec.policy,
                judgement=judgement,
                change=change,
                sample=sample,
                turn=turn_of(subject.target, subject.key, subject.target.spec.policy, self.tick),
                spent=self.spent,
                guard=self._guard(subject) if judgement.tier is not Tier.CALM else None,
                dry_run=self.dry_run,
                swap_matters=self.swap_matters,
            ),
        )
        subject.ladder = step.ladder
        if gives_up(before, step.ladder):
            if self._story.tap is not None:
                self._story.tap.stopped(subject)
            self._stop(subject)
        self._carry_out(subject, step, sample)

    def _carry_out(self, subject: Subject, step: Step, sample: Sample) -> None:
        before, self.spent = self.spent, accounted(self.spent, subject.target.name, step)
        tap = self._story.tap
        if tap is not None and self.spent is not before:
            tap.spent(subject, self.spent)
        for outcome in step.outcomes:
            self._story.outcome(subject, outcome)
        for decision in step.decisions:
            if decision.verdict is Verdict.RUN:
                if tap is not None:
                    tap.started(subject, decision)
                self._run(subject, decision, sample)
            else:
                self._story.refused(subject, decision)
        if self.spent is not before:
            self._continuity.memory.spent(self.spent)
