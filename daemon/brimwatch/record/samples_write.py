"""How is a row of a recording written? One JSON object a line; docs/replay.md has every key.

Never written: command lines, environments, arguments and addresses of actions.
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from brimwatch.core import recorded as rows
from brimwatch.core.decide import Ladder
from brimwatch.core.evaluate import Judgement, TierState
from brimwatch.model import Attempt, Firing, Policy, Sample
from brimwatch.record.samples_policy import action_shape, policy_shape

FORMAT = "brimwatch-samples"
VERSION = 1
Shape = dict[str, Any]


class RowWriter:
    """Writes rows for one recording or several; it keeps which policy has which number."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._interval = 1.0
        self._policies: dict[int, tuple[int, Policy]] = {}  # by identity: the number, and the policy to keep it alive

    def line(self, row: rows.Row) -> bytes:
        """One line with its newline."""
        return dump(_SHAPES[type(row)](self, row))

    def policy_line(self, number: int) -> bytes:
        """The line that says what policy has this number."""
        policy = next(policy for known, policy in self._policies.values() if known == number)
        return dump({"row": "policy", "policy": number, **policy_shape(policy, self.digest)})

    @property
    def policies(self) -> int:
        """How many policies have a number, from 1."""
        return len(self._policies)

    def number(self, policy: Policy) -> int:
        """The policy's number in the recording. Ten thousand targets under one policy share one object."""
        return self._policies.setdefault(id(policy), (len(self._policies) + 1, policy))[0]

    def digest(self, options: object) -> str:
        """Tells two sets of options apart, and nothing else."""
        return hashlib.blake2b(repr(options).encode("utf-8", "replace"), digest_size=8, key=self._key).hexdigest()

    def _header(self, row: rows.Header) -> Shape:
        shape: Shape = {"row": "header", "format": FORMAT, "version": VERSION, "brimwatch": row.version}
        shape |= {"host": row.host, "boot_id": row.boot_id, "at": row.at, "wall": row.wall}
        return shape | self._terms(row.terms)

    def _agreed(self, row: rows.Terms) -> Shape:
        return {"row": "config", "wall": row.wall} | self._terms(row)

    def _declared(self, row: rows.Declared) -> Shape:
        shape: Shape = {"row": "target", "target": row.target, "spec": row.spec, "policy": self.number(row.policy)}
        shape |= {"at": row.at, "wall": row.wall, "grouped": row.grouped, "host": row.host}
        return shape if row.match is None else shape | {"match": row.match}

    def _terms(self, terms: rows.Terms) -> Shape:
        self._interval = terms.interval
        shape: Shape = {"interval": terms.interval, "dry_run": terms.dry_run, "swap_matters": terms.swap_matters}
        return shape | {"digest": terms.digest, "source": terms.source}

    def _joined(self, row: rows.Joined) -> Shape:
        return _subject("subject", row) | {"at": row.at, "wall": row.wall}

    def _removed(self, row: rows.Removed) -> Shape:
        return {"row": "removed", "target": row.target, "process": row.key}

    def _passed(self, row: rows.Passed) -> Shape:
        shape: Shape = {"row": "found" if row.found else "left", "target": row.target, "process": row.key}
        shape |= {"member_process": row.process, "comm": row.comm, "wall": row.wall}
        return shape if row.unit is None else shape | {"unit": row.unit}

    def _stood(self, row: rows.Stood) -> Shape:
        shape = _subject("state", row) | {"since": row.since, "shared": row.shared}
        shape |= {"judgement": _judgement(row.judgement), "ladder": self._ladder(row.ladder)}
        return shape if row.sample is None else shape | {"sample": sample_shape(row.sample, self._interval)}

    def _counted(self, row: rows.Counted) -> Shape:
        return {"row": "spent", "runs": [[*key, list(times)] for key, times in row.runs.items()]}

    def _look(self, row: rows.Look) -> Shape:
        shape = _subject("look", row) | {"wall": row.wall, "tick": row.tick}
        if row.guard is not None:
            shape["guard"] = row.guard.value
        return shape | sample_shape(row.sample, self._interval)

    def _started(self, row: rows.Started) -> Shape:
        shape: Shape = {"row": "started", "target": row.target, "process": row.key, "tier": row.tier.label}
        return shape | {"action": row.action, "rung": row.rung, "firing": row.firing, "at": row.at}

    def _answered(self, row: rows.Answered) -> Shape:
        shape = _subject("attempt", row) | {"tier": row.tier.label, "action": row.action, "rung": row.rung}
        return shape | {"firing": row.firing, "wall": row.wall} | attempt_shape(row.attempt)

    def _stopped(self, row: rows.Stopped) -> Shape:
        return {"row": "stopped", "target": row.target, "process": row.key}

    def _gone(self, row: rows.Gone) -> Shape:
        return _subject("gone", row) | {"at": row.at, "wall": row.wall}

    def _told(self, row: rows.Told) -> Shape:
        shape: Shape = {"row": "event", "event": row.event, "target": row.target, "member": row.member}
        return shape | {"wall": row.wall, "facts": {key: _plain(fact) for key, fact in row.facts.items()}}

    def _lost(self, row: rows.Lost) -> Shape:
        return {"row": "lost", "rows": row.rows}

    def _beat(self, row: rows.Beat) -> Shape:
        return {"row": "beat", "at": row.at, "wall": row.wall}

    def _end(self, row: rows.End) -> Shape:
        return {"row": "end", "reason": row.reason}

    def _ladder(self, ladder: Ladder) -> Shape:
        return {
            "climbs": ladder.climbs,
            "cooldowns": [None if math.isinf(until) else until for until in ladder.cooldowns],
            "entered": ladder.entered.label,
            "refused": ladder.refused.label,
            "told": ladder.told.label,
            "waiting": ladder.waiting,
            "firing": None if ladder.firing is None else self._firing(ladder.firing),
        }

    def _firing(self, firing: Firing) -> Shape:
        return {
            "number": firing.number,
            "tier": firing.tier.label,
            "rung": firing.rung,
            "action": action_shape(firing.action, self.digest),
            "started": firing.started,
            "before": firing.before,
            "seen": firing.seen,
            "attempt": None if firing.attempt is None else attempt_shape(firing.attempt),
            "settle_by": None if math.isinf(firing.settle_by) else firing.settle_by,
        }


def dump(shape: Shape) -> bytes:
    """One line. Only ASCII is written: a name that is no UTF-8 comes back as it was."""
    return json.dumps(shape, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def sample_shape(sample: Sample, interval: float) -> Shape:
    """A sample: of a reading that was measured at this very look, as at each of them, only the value is written."""
    at = sample.at
    readings: dict[str, Any] = {}
    for quantity, (value, measured, cadence) in sample.readings.items():
        plain = _plain(value)
        readings[quantity.value] = plain if measured == at and cadence == interval else [plain, measured, cadence]
    shape: Shape = {"at": at, "readings": readings}
    if sample.limit is not None:
        shape["limit"] = sample.limit
    if sample.headroom is not None:
        shape["headroom"] = sample.headroom
    if sample.partial:
        shape["partial"] = True
    if sample.cgroup is not None:
        shape["cgroup"] = sample.cgroup
    return shape


def attempt_shape(attempt: Attempt) -> Shape:
    """An attempt, without what was not said."""
    shape: Shape = {"verdict": attempt.verdict.value, "started": attempt.started, "ended": attempt.ended}
    if attempt.reason is not None:
        shape["reason"] = attempt.reason.value
    if attempt.detail:
        shape["detail"] = attempt.detail
    if attempt.claimed is not None:
        shape["claimed"] = attempt.claimed
    return shape | {"settled": True} if attempt.settled else shape


def _plain(value: Any) -> Any:
    """A value that JSON can hold: it has no infinity. NaN never is a reading of ours, and is written as absent."""
    if isinstance(value, float) and not math.isfinite(value):
        return "inf" if value > 0 else None
    return value


def _subject(name: str, row: rows.Joined | rows.Stood | rows.Look | rows.Answered | rows.Gone) -> Shape:
    shape: Shape = {"row": name, "target": row.target, "process": row.key}
    return shape if row.member is None else shape | {"member": row.member}


def _judgement(judgement: Judgement | None) -> Shape | None:
    if judgement is None:
        return None
    states = [_state(state) for state in judgement.states]
    return {"tier": judgement.tier.label, "first_seen": judgement.first_seen, "states": states}


def _state(state: TierState) -> Shape:
    return {
        "phase": state.phase.value,
        "met_since": state.met_since,
        "readings": state.readings,
        "counted_at": state.counted_at,
        "last_known": state.last_known,
        "cadence": state.cadence,
        "missed": state.missed,
        "measured": state.measured,
    }


_SHAPES: Mapping[type, Callable[[RowWriter, Any], Shape]] = {
    rows.Header: RowWriter._header,
    rows.Terms: RowWriter._agreed,
    rows.Declared: RowWriter._declared,
    rows.Joined: RowWriter._joined,
    rows.Removed: RowWriter._removed,
    rows.Passed: RowWriter._passed,
    rows.Stood: RowWriter._stood,
    rows.Counted: RowWriter._counted,
    rows.Look: RowWriter._look,
    rows.Started: RowWriter._started,
    rows.Answered: RowWriter._answered,
    rows.Stopped: RowWriter._stopped,
    rows.Gone: RowWriter._gone,
    rows.Told: RowWriter._told,
    rows.Lost: RowWriter._lost,
    rows.Beat: RowWriter._beat,
    rows.End: RowWriter._end,
}
