"""What does the HTTP API say of a snapshot and of events? Plain values, ready to be written as JSON.

Units are in the names; a value that was not measured is absent. Names are those of the metrics' labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from brimwatch import __version__
from brimwatch.model import Sample, Tier
from brimwatch.record.events import Fact, Recorded
from brimwatch.record.families import memory_used
from brimwatch.record.sentences import sentence
from brimwatch.record.snapshot import HostView, MemberView, Snapshot, SubjectView, TargetView
from brimwatch.record.text import escaped, label, timestamp
from brimwatch.record.wording import ENDINGS

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
Shape = dict[str, Json]


def status_shape(snapshot: Snapshot, wall: float) -> Shape:
    """What `/api/v1/status` answers at `wall` (Unix seconds)."""
    tiers: dict[str, int] = {tier.label: 0 for tier in Tier}
    for target in snapshot.targets:
        tiers[target.tier.label] += 1
    return {
        "version": __version__,
        "started": timestamp(snapshot.started_wall),
        "uptime_seconds": round(wall - snapshot.started_wall, 3),
        "snapshot": timestamp(snapshot.wall),
        "snapshot_age_seconds": round(max(0.0, wall - snapshot.wall), 3),
        "interval_seconds": snapshot.interval,
        "dry_run": snapshot.dry_run,
        "targets": len(snapshot.targets),
        "processes": sum(target.processes for target in snapshot.targets),
        "tiers": tiers,
        "host": _host(snapshot.host),
        "config": {
            "source": escaped(snapshot.config_source),
            "last_reload_successful": snapshot.config_ok,
            "loaded": timestamp(snapshot.config_loaded_wall) if snapshot.config_loaded_wall else None,
        },
        "webhook_queue_length": snapshot.webhook_queue,
        "introspection_cpu_seconds": snapshot.introspection_cpu,
    }


def target_shapes(snapshot: Snapshot, now: float) -> Iterator[Shape]:
    """Each target in its turn; `now` is on the monotonic clock. Made as it is asked for: there may be many."""
    return (target_shape(target, now) for target in snapshot.targets)


def find_target(snapshot: Snapshot, name: str) -> TargetView | None:
    """The target of this name as it is shown, or None."""
    return next((target for target in snapshot.targets if label(target.name) == name), None)


def target_shape(target: TargetView, now: float) -> Shape:
    """One target with all its subjects and their processes."""
    return {
        "name": label(target.name),
        "up": bool(target.subjects),
        "tier": target.tier.label,
        "policy": target.policy,
        "priority": target.priority,
        "grouped": target.grouped,
        "processes": target.processes,
        "oom_kills": dict(target.oom_kills),
        "rungs": [{"tier": tier, "action": label(action)} for tier, action in target.rungs],
        "subjects": [_subject(subject, now) for subject in target.subjects],
    }


def event_shape(recorded: Recorded) -> Shape:
    """One event; `told` is the whole of it in one sentence."""
    event = recorded.event
    shape: Shape = {"id": recorded.id, "time": timestamp(event.wall), "event": event.name.value}
    if event.target is not None:
        shape["target"] = label(event.target)
    if event.member is not None:
        shape["member"] = event.member
    facts: Shape = {key: _fact(fact) for key, fact in event.facts.items()}
    return shape | {"level": event.level.value, "told": sentence(event), "facts": facts}


def plain(value: float) -> int | float:
    """A finite number without a needless fraction."""
    return int(value) if float(value).is_integer() else round(value, 6)


def _fact(fact: Fact) -> Json:
    if isinstance(fact, str):
        return escaped(fact)
    if isinstance(fact, bool):
        return fact
    return plain(fact) if math.isfinite(fact) else str(fact)


def _host(host: HostView) -> Shape:
    shape: Shape = {"memory_pressure_ratio": dict(host.pressure)}
    used = memory_used(host)
    if host.total is not None:
        shape["memory_bytes"] = host.total
    if host.available is not None:
        shape["memory_available_bytes"] = host.available
    if used is not None:
        shape["memory_used_ratio"] = round(used, 6)
    return shape


def _subject(subject: SubjectView, now: float) -> Shape:
    shape: Shape = {} if subject.slot is None else {"member": subject.slot}
    shape |= {"tier": subject.tier.label, "since": timestamp(subject.since_wall)}
    if subject.sample is not None:
        shape |= _sample(subject.sample, now)
    if subject.reduction is not None:
        shape["reduction_ratio"] = round(subject.reduction, 6)
    if subject.recommended_limit is not None:
        shape["recommended_limit_bytes"] = subject.recommended_limit
    return shape | {
        "memory_pressure_ratio": dict(subject.pressure),
        "thresholds": [
            {"tier": tier.label, "signal": escaped(signal), "value": plain(value)}
            for tier, signal, value in subject.thresholds
        ],
        "collectors": dict(subject.capable),
        "processes": [_member(member) for member in subject.members],
    }


def _sample(sample: Sample, now: float) -> Shape:
    shape: Shape = {"age_seconds": round(max(0.0, now - sample.at), 3), "partial": sample.partial}
    for quantity, reading in sample.readings.items():
        if math.isfinite(reading.value):
            shape[quantity.value + ENDINGS[quantity.kind]] = plain(reading.value)
    if sample.limit is not None:
        shape["limit"] = {"bytes": sample.limit.bytes, "source": sample.limit.source}
    if sample.headroom is not None:
        shape["headroom_bytes"] = sample.headroom
    return shape


def _member(member: MemberView) -> Shape:
    shape: Shape = {
        "pid": member.process.pid,
        "comm": escaped(member.comm),
        "cmdline": escaped(member.cmdline),
        "user": escaped(member.user),
    }
    more = {"cgroup": member.cgroup, "unit": member.unit, "container": member.container}
    shape |= {key: escaped(value) for key, value in more.items() if value is not None}
    if member.resident is not None:
        shape["resident_bytes"] = member.resident
    return shape
