"""What is told of all that happens? Each change becomes one event, which metrics, log and API share."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping

from brimwatch.core.decide import rule_of
from brimwatch.discover.roster import Member, ScanReport
from brimwatch.discover.slots import QUARANTINE, SLOTS
from brimwatch.model import Change, Decision, Limit, Outcome, Reason, Sample, Tier, Verdict
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event, EventLog, Fact, Recorded
from brimwatch.record.happenings import rung_ended, rung_suppressed, tier_changed
from brimwatch.record.log import Log
from brimwatch.record.metrics import Metrics
from brimwatch.runtime.picture import rungs_of
from brimwatch.runtime.subject import Subject, Target
from brimwatch.runtime.tap import Tap
from brimwatch.units import Seconds

BLIND_FOR = 60.0  # seconds that something must have been blind before its end is told: it may come and go
TRAIL = 32  # events of a subject that its artefacts and an autopsy tell of
FAULT_EVERY = 60.0  # seconds between two reports of faults at the same place


class Story:
    """Turns what the loop does into events, counters and log lines."""

    def __init__(self, metrics: Metrics, events: EventLog, log: Log) -> None:
        self.tap: Tap | None = None  # who wants every row, while somebody does
        self._metrics = metrics
        self._events = events
        self._log = log
        events.subscribe(log.write)
        events.failed = lambda error: self.fault("telling", error)
        self._faults: dict[str, float] = {}
        self._blind: dict[str, float] = {}  # what discovery cannot read, and since when

    def tell(self, name: Name, target: str | None = None, member: int | None = None, **facts: Fact) -> None:
        """Record one event of the catalogue."""
        self._keep(Event(name, time.time(), target, member, facts))

    def whisper(self, name: Name, target: str | None, member: int | None, facts: Mapping[str, Fact]) -> None:
        """Write an event to the log alone: it happens too often to be kept."""
        self._log.write(Recorded(0, Event(name, time.time(), target, member, facts)))

    def _keep(self, event: Event, subject: Subject | None = None) -> None:
        self._events.add(event)
        if subject is not None:
            subject.trail = (*subject.trail[1 - TRAIL :], event)

    def declare(self, target: Target) -> None:
        """A target is known from now on: its counters exist at 0."""
        self._metrics.declare(target.name, rungs_of(target.spec.policy))
        if self.tap is not None:
            self.tap.declared(target)

    def forget(self, target: Target) -> None:
        """A target is known no more: its series go."""
        self._metrics.forget(target.name)

    def target_found(self, target: Target) -> None:
        """A target matches its first process."""
        self.tell(Name.TARGET_FOUND, target.name, processes=target.processes, policy=target.spec.policy.name)

    def target_lost(self, target: Target) -> None:
        """A target has no process left."""
        self.tell(Name.TARGET_LOST, target.name)

    def member_found(self, subject: Subject, member: Member) -> None:
        """A process came under watch. Told in the log at level debug only: processes come and go."""
        self._log.write(Recorded(0, _member_event(Name.MEMBER_FOUND, subject, member, {})))
        if self.tap is not None:
            self.tap.passed(subject, member, found=True)

    def member_lost(self, subject: Subject, member: Member, sample: Sample | None) -> None:
        """A process left."""
        if self.tap is not None:
            self.tap.passed(subject, member, found=False)
        resident = None if sample is None else sample.value(Quantity.RSS)
        facts: dict[str, Fact] = {} if resident is None else {"rss_bytes": int(resident)}
        self._log.write(Recorded(0, _member_event(Name.MEMBER_LOST, subject, member, facts)))

    def slots_exhausted(self, target: Target, now: float) -> None:
        """More members than numbers, those that rest included: they are watched, but have no series of their own."""
        self._metrics.series_dropped(1)
        if now - target.exhausted_at >= QUARANTINE:
            target.exhausted_at = now
            self.tell(Name.SLOTS_EXHAUSTED, target.name, processes=len(target.subjects) + 1, slots=SLOTS)

    def descriptors_exhausted(self, limit: int) -> None:
        """No descriptor could be had: members are read by opening their files each time."""
        self.tell(Name.DESCRIPTORS_EXHAUSTED, limit=limit)

    def changed(self, subject: Subject, change: Change, sample: Sample) -> None:
        """A tier was entered or left."""
        name, wall = subject.target.name, time.time()
        self._metrics.transition(name, change.before, change.after)
        held = wall - subject.since_wall if change.after < change.before else None
        if change.after is Tier.CALM:
            subject.artefact = None
        artefact = subject.artefact if held is None else None
        self._keep(tier_changed(name, subject.label, change, sample, wall, held, artefact), subject)

    def started(self, subject: Subject) -> None:
        """A rung starts now; for the first of an entry the time since the measured crossing is the reaction."""
        if subject.entered_at:
            self._metrics.reaction(Seconds(max(0.0, time.monotonic() - subject.entered_at)))
            subject.entered_at = 0.0

    def refused(self, subject: Subject, decision: Decision) -> None:
        """A rung was decided against: whatever runs later is no reaction to the crossing."""
        subject.entered_at = 0.0
        name, reason = subject.target.name, decision.reason or Reason.ERROR
        self._metrics.suppressed(name, decision.tier, decision.action.name, reason)
        rungs = _rungs(subject, decision.tier)
        self._keep(rung_suppressed(name, subject.label, decision, time.time(), rungs), subject)

    def outcome(self, subject: Subject, outcome: Outcome) -> None:
        """A rung has ended."""
        self.ended(subject.target.name, subject.label, outcome, _rungs(subject, outcome.tier), subject)

    def ended(
        self, name: str, member: int | None, outcome: Outcome, rungs: int | None, subject: Subject | None = None
    ) -> None:
        """The same where the subject may be gone; `rungs` is the length of its ladder."""
        if self._metrics.knows(name):  # a message may be delivered an hour after its target was forgotten
            self._count(name, outcome)
        self._keep(rung_ended(name, member, outcome, time.time(), rungs), subject)

    def _count(self, name: str, outcome: Outcome) -> None:
        tier, action = outcome.tier, outcome.action.name
        if outcome.verdict is Verdict.SUPPRESSED:
            self._metrics.suppressed(name, tier, action, outcome.reason or Reason.ERROR)
        else:
            self._metrics.attempted(name, tier, action)
            self._metrics.duration(action, outcome.duration)
        if outcome.verdict is Verdict.FAILED:
            self._metrics.failed(name, tier, action, outcome.reason or Reason.ERROR)
        if outcome.reclaimed is not None:
            self._metrics.reclaimed(name, tier, action, outcome.reclaimed)

    def claimed(self, subject: Subject, claims: Mapping[str, int]) -> None:
        """Hooks say that they have freed so many bytes."""
        self._metrics.claimed(subject.target.name, claims)

    def undone(self, target: str, action: str, reason: str) -> None:
        """A brake or a ceiling was taken back."""
        if self._metrics.knows(target):
            self._metrics.undone(target, action, reason)

    def gave_way(self, subject: Subject, won: int) -> None:
        """A subject was asked for the host's sake, and so many bytes came back."""
        if self._metrics.knows(subject.target.name):
            self._metrics.gave_way(subject.target.name, won)

    def collected(self, subject: Subject, grown: tuple[int, ...]) -> None:
        """Python's garbage collector ran, by generation."""
        self._metrics.collected(subject.target.name, grown)

    def hooks_left_out(self, count: int) -> None:
        """So many hooks of one process have no series."""
        if count:
            self._metrics.series_dropped(count)

    def oom_killed(self, subject: Subject, evidence: str, kills: int = 1, **facts: Fact) -> None:
        """The kernel killed, as the cgroup says or as we infer."""
        subject.target.oom_kills[evidence] += kills
        self._metrics.oom_kill(subject.target.name, evidence, kills)
        told: dict[str, Fact] = {"evidence": evidence, "count": kills}
        self._keep(Event(Name.OOM_KILLED, time.time(), subject.target.name, subject.label, told | facts), subject)

    def autopsy(self, subject: Subject, facts: Mapping[str, Fact]) -> None:
        """What was known before the kernel killed."""
        self._keep(Event(Name.AUTOPSY, time.time(), subject.target.name, subject.label, facts), subject)

    def limit_changed(self, subject: Subject, before: Limit, limit: Limit) -> None:
        """The effective limit is another now."""
        facts: dict[str, Fact] = {
            "limit_bytes": int(limit.bytes), "before_bytes": int(before.bytes), "source": limit.source
        }  # fmt: skip
        self._keep(Event(Name.LIMIT_CHANGED, time.time(), subject.target.name, subject.label, facts), subject)

    def scanned(self, report: ScanReport) -> None:
        """What discovery cannot compare or believe, told when it begins and when it ends."""
        blind = {f"match.{key}": f"{count} processes" for key, count in report.denied.items()}
        blind |= {f"pidfile {path}": reason for path, reason in report.pidfiles.items()}
        now = time.monotonic()
        for collector, detail in blind.items():
            if collector not in self._blind:
                self._blind[collector] = now
                self.tell(Name.COLLECTOR_BLIND, collector=collector, detail=detail)
        for collector in [one for one, since in self._blind.items() if one not in blind and now - since > BLIND_FOR]:
            seconds = round(now - self._blind.pop(collector), 1)
            self.tell(Name.COLLECTOR_RECOVERED, collector=collector, blind_seconds=seconds)

    def sampled(self, seconds: Seconds) -> None:
        """What one look cost."""
        self._metrics.sample_duration(seconds)

    def fault(self, place: str, error: Exception) -> None:
        """A fault of our own, reported with its place; the same place at most once a minute."""
        now = time.monotonic()
        if now - self._faults.get(place, float("-inf")) < FAULT_EVERY:
            return
        self._faults[place] = now
        frames = traceback.extract_tb(error.__traceback__)
        where = f" in {frames[-1].name}:{frames[-1].lineno}" if frames else ""
        self.tell(Name.INTERNAL_FAULT, place=place, detail=f"{error!r:.200}{where}")


def _member_event(name: Name, subject: Subject, member: Member, more: dict[str, Fact]) -> Event:
    facts: dict[str, Fact] = {"pid": member.identity.pid, "comm": member.comm}
    return Event(name, time.time(), subject.target.name, subject.label, facts | more)


def _rungs(subject: Subject, tier: Tier) -> int | None:
    """How many rungs the tier's ladder has."""
    rule = rule_of(subject.target.spec.policy, tier)
    return None if rule is None else len(rule.do)
