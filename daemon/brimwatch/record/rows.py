"""What does the status page show? One flat row for each subject, the most urgent first, and the latest events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from brimwatch.model import Tier
from brimwatch.quantity import Quantity
from brimwatch.record.events import EventLog, Recorded
from brimwatch.record.families import memory_used
from brimwatch.record.sentences import sentence
from brimwatch.record.snapshot import Snapshot, SubjectView, TargetView
from brimwatch.record.text import escaped, label


class Line(NamedTuple):
    """One event as a person reads it."""

    id: int
    wall: float
    level: str
    target: str | None
    told: str


class Row(NamedTuple):
    """One subject. Sizes in bytes; what was not measured is None."""

    target: str
    member: int | None
    policy: str
    about: str
    tier: str
    since_wall: float
    resident: float | None
    limit: int | None
    limit_source: str | None
    headroom: int | None
    used_ratio: float | None
    growth: float | None
    time_to_limit: float | None
    age: float | None
    last: Line | None


class Overview(NamedTuple):
    """What stands above the table. `tiers` counts the subjects of each tier, `rows` all of them with what is absent."""

    wall: float
    started_wall: float
    interval: float
    dry_run: bool
    config_ok: bool
    config_source: str
    tiers: Mapping[str, int]
    rows: int
    memory: int | None
    memory_used: float | None


def overview(snapshot: Snapshot) -> Overview:
    """The head of the page."""
    tiers = {"absent": 0} | {tier.label: 0 for tier in Tier}
    for target in snapshot.targets:
        tiers["absent"] += not target.subjects
        for subject in target.subjects:
            tiers[subject.tier.label] += 1
    return Overview(
        snapshot.wall,
        snapshot.started_wall,
        snapshot.interval,
        snapshot.dry_run,
        snapshot.config_ok,
        escaped(snapshot.config_source),
        tiers,
        sum(tiers.values()),
        snapshot.host.total,
        memory_used(snapshot.host),
    )


def lines(events: Iterable[Recorded]) -> tuple[Line, ...]:
    """Events as lines, the latest first."""
    return tuple(_line(recorded) for recorded in reversed(tuple(events)))


def rows(snapshot: Snapshot, events: EventLog, now: float, longest: int) -> Iterator[Row]:
    """The `longest` most urgent subjects, each made as it is asked for; `now` is on the monotonic clock."""
    subjects = [(target, subject) for target in snapshot.targets for subject in target.subjects or (None,)]
    subjects.sort(key=lambda pair: _urgency(pair[1]))
    last = {(kept.event.target, kept.event.member): kept for kept in events.since(limit=1000)}
    return (_row(target, subject, last, now) for target, subject in subjects[:longest])


def _urgency(subject: SubjectView | None) -> tuple[float, float, float]:
    if subject is None:
        return 1.0, 0.0, 0.0
    sample = subject.sample
    left = None if sample is None else sample.value(Quantity.TIME_TO_LIMIT)
    resident = None if sample is None else sample.value(Quantity.RSS)
    return -float(subject.tier), float("inf") if left is None else left, -(resident or 0.0)


def _line(recorded: Recorded) -> Line:
    event = recorded.event
    target = None if event.target is None else label(event.target)
    return Line(recorded.id, event.wall, event.level.value, target, sentence(event))


def _row(
    target: TargetView, subject: SubjectView | None, last: Mapping[tuple[str | None, int | None], Recorded], now: float
) -> Row:
    name, slot = target.name, None if subject is None else subject.slot
    latest = max(filter(None, (last.get((name, slot)), last.get((name, None)))), key=lambda kept: kept.id, default=None)
    sample = None if subject is None else subject.sample
    limit = None if sample is None else sample.limit
    headroom = None if sample is None else sample.headroom
    return Row(
        target=label(name),
        member=slot,
        policy=escaped(target.policy, 40),
        about=_about(target, subject),
        tier="absent" if subject is None else subject.tier.label,
        since_wall=0.0 if subject is None else subject.since_wall,
        resident=None if sample is None else sample.value(Quantity.RSS),
        limit=None if limit is None else limit.bytes,
        limit_source=None if limit is None else limit.source,
        headroom=headroom,
        used_ratio=None if not limit or headroom is None else 1 - headroom / limit.bytes if limit.bytes else None,
        growth=None if sample is None else sample.value(Quantity.GROWTH),
        time_to_limit=None if sample is None else sample.value(Quantity.TIME_TO_LIMIT),
        age=None if sample is None else max(0.0, now - sample.at),
        last=None if latest is None else _line(latest),
    )


def _about(target: TargetView, subject: SubjectView | None) -> str:
    if subject is None:
        return "matches nothing"
    if not subject.members:
        return ""
    first = subject.members[0]
    if len(subject.members) > 1 or (target.processes > 1 and subject.slot is None):
        return f"{escaped(first.comm, 40)} and others · {target.processes} processes"
    return f"{escaped(first.comm, 40)} · pid {first.process.pid}"
