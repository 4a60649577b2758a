"""What is shown of the ledger? A snapshot, built when asked for from what is known; no target is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from brimwatch.config.settings import TargetSpec
from brimwatch.core.resolve import absolute
from brimwatch.model import Policy, Sample
from brimwatch.quantity import Quantity
from brimwatch.record.snapshot import AgentView, HostView, MemberView, SubjectView, TargetView, ThresholdView
from brimwatch.runtime.subject import Subject, Target, Watched

MEMBERS_SHOWN = 64  # of a group; all are counted
LIMIT_MARGIN = 1.25  # a limit is recommended that leaves a fifth free above the highest peak seen


class Painter:
    """Builds views. `redact` makes a command line fit to be shown; `user_name` gives the name of a uid."""

    def __init__(
        self,
        redact: Callable[[str], str],
        user_name: Callable[[int], str],
        agents: Callable[[Subject], AgentView | None] = lambda _: None,
        answered: Callable[[Subject], bool | None] = lambda _: None,
        wakes: Callable[[], Mapping[str, str]] = dict,
        sources: Callable[[TargetSpec], Mapping[str, bool]] = lambda _: {},
    ) -> None:
        """`wakes`: by collector why the machine cannot wake us, an empty text where it can.

        `sources`: what a whole target goes by beside its processes, to whether it can be read.
        """
        self._redact = redact
        self._user_name = user_name
        self._agents = agents
        self._answered = answered
        self._wakes = wakes
        self._sources = sources

    def targets(self, targets: Iterable[Target]) -> tuple[TargetView, ...]:
        """One view for each target, in order."""
        return tuple(self._target(target) for target in targets)

    def host(self, sample: Sample | None, pressure: dict[str, float]) -> HostView:
        """The machine's own figures."""
        if sample is None or sample.limit is None:
            return HostView(pressure=pressure)
        used = sample.value(Quantity.MEMORY_USED)
        total = int(sample.limit.bytes)
        return HostView(total, None if used is None else round(total * (1 - used)), pressure)

    def _target(self, target: Target) -> TargetView:
        policy = target.spec.policy
        return TargetView(
            name=target.name,
            policy=policy.name,
            priority=str(target.spec.priority),
            grouped=target.grouped,
            processes=target.processes,
            subjects=tuple(
                self._subject(subject, policy)
                for subject in target.subjects.values()
                if subject.slot is not None or not target.several  # beyond the numbers: watched, but not shown
            ),
            oom_kills=dict(target.oom_kills),
            rungs=rungs_of(policy),
            capable=self._sources(target.spec),
        )

    def _subject(self, subject: Subject, policy: Policy) -> SubjectView:
        sample = subject.sample
        resident = None if sample is None else sample.value(Quantity.RSS)
        reduction = 1 - resident / subject.peak if resident is not None and subject.peak > 0 else None
        return SubjectView(
            slot=subject.label,
            sample=sample,
            tier=subject.tier,
            since_wall=subject.since_wall,
            members=tuple(self._member(one) for one in islice(subject.watched.values(), MEMBERS_SHOWN)),
            thresholds=_thresholds(policy, sample),
            pressure=_pressure(subject),
            capable=_capable(subject, self._answered(subject), self._wakes()),
            reduction=reduction,
            recommended_limit=_recommended(subject),
            objects_source=_objects_source(subject),
            agent=self._agents(subject),
        )

    def _member(self, watched: Watched) -> MemberView:
        member = watched.member
        known = watched.sampler.last
        resident = None if known is None else known.value(Quantity.RSS)
        return MemberView(
            process=member.identity,
            comm=member.comm,
            cmdline=self._redact(member.cmdline or ""),
            user=self._user_name(member.uid) if member.uid is not None else "",
            cgroup=member.cgroup.unified or member.cgroup.memory_v1 if member.cgroup is not None else None,
            unit=member.unit,
            container=member.container,
            resident=None if resident is None else int(resident),
        )


def rungs_of(policy: Policy) -> tuple[tuple[str, str], ...]:
    """Every (tier, action) of a policy: the label pairs whose counters start at 0."""
    return tuple((rule.tier.label, action.name) for rule in policy.tiers for action in (*rule.tell, *rule.do))


def _thresholds(policy: Policy, sample: Sample | None) -> tuple[ThresholdView, ...]:
    """Enter thresholds in base units; a percentage only where the limit is known."""
    limit = None if sample is None else sample.limit
    views = []
    for rule in policy.tiers:
        for threshold in rule.when.thresholds:
            value = absolute(threshold, limit)
            if value is not None:
                views.append(ThresholdView(rule.tier, str(threshold.quantity), value))
    return tuple(views)


def _pressure(subject: Subject) -> dict[str, float]:
    if subject.host is not None:
        return dict(subject.host.pressure)
    for watched in subject.watched.values():
        return dict(watched.sampler.pressure)
    return {}


def _capable(subject: Subject, answered: bool | None, wakes: Mapping[str, str]) -> dict[str, bool]:
    """A collector is capable of a subject where it is of every member. The machine's count where it sets the limit."""
    capable: dict[str, bool] = {} if answered is None else {"agent": answered}
    if subject.sample is not None and subject.sample.limit is not None and subject.sample.limit.source == "machine":
        capable |= {name: not reason for name, reason in wakes.items()}
    for watched in subject.watched.values():
        for collector, able in watched.sampler.capable.items():
            capable[collector] = able and capable.get(collector, True)
    return capable


def _objects_source(subject: Subject) -> str:
    """Who counted the objects; of a group whoever is farthest from the truth."""
    sources = {one.sampler.noted.sources.get(Quantity.PYTHON_OBJECTS) for one in subject.watched.values()}
    return next((source for source in ("walk", "heap_size", "agent") if source in sources), "")


def _recommended(subject: Subject) -> int | None:
    """The highest peak seen and a margin above it; bytes.

    The working set counts only where a cgroup has a limit and nobody else of the target: elsewhere it is what a whole
    login session or machine holds.
    """
    sample = subject.sample
    if sample is None:
        return None
    peaks = [subject.peak, sample.value(Quantity.PEAK_RSS) or 0.0]
    if sample.limit is not None and sample.limit.source == "cgroup" and len(subject.target.subjects) == 1:
        peaks.append(sample.value(Quantity.WORKING_SET) or 0.0)
    return round(max(peaks) * LIMIT_MARGIN) or None
