"""What does a line of a recording say? The reverse of `samples_write`; whoever wrote the line is not trusted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from brimwatch.core import recorded as rows
from brimwatch.core.decide import NEVER, Ladder
from brimwatch.core.evaluate import Judgement, TierState
from brimwatch.core.phases import Phase
from brimwatch.model import Attempt, Firing, Limit, Policy, Reading, Reason, Sample, Verdict
from brimwatch.quantity import Quantity
from brimwatch.record.samples_fields import Fields, Malformed, as_measured, as_number
from brimwatch.record.samples_policy import read_action, read_policy, read_tier_name
from brimwatch.record.samples_write import FORMAT, VERSION
from brimwatch.units import Bytes, Seconds

_QUANTITIES = {quantity.value: quantity for quantity in Quantity}
_REASONS = {reason.value: reason for reason in Reason}
_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_PHASES = {phase.value: phase for phase in Phase}


class RowReader:
    """Reads line after line; it keeps the policies, which later rows name by their number."""

    def __init__(self) -> None:
        self.unknown = 0  # rows of kinds that this version does not know
        self._policies: dict[int, Policy] = {}
        self._interval = Seconds(1.0)  # in force: what is measured at each look has it as its cadence

    def row(self, line: bytes) -> rows.Row | None:
        """The row of a line; None for a policy, and for a kind of row that this version does not know.

        Raises Malformed.
        """
        try:
            fields = Fields(json.loads(line))
        except (ValueError, RecursionError):
            raise Malformed("found something else than one JSON object") from None
        kind = fields.text("row")
        if kind == "policy":
            self._policies[fields.whole("policy")] = read_policy(fields)
            return None
        read = _READERS.get(kind)
        self.unknown += read is None
        return None if read is None else read(self, fields)

    def _header(self, fields: Fields) -> rows.Header:
        if fields.get("format") != FORMAT:
            raise Malformed(f"no recording of ours: format is not {FORMAT!r}")
        if fields.get("version") != VERSION:
            raise Malformed(f"version {fields.get('version')!s:.20}; this Brimwatch reads version {VERSION}")
        terms = self._agreed(fields)
        return rows.Header(
            fields.text("host"), fields.text("boot_id"), fields.number("at"), fields.number("wall"), terms,
            fields.text("brimwatch"),
        )  # fmt: skip

    def _agreed(self, fields: Fields) -> rows.Terms:
        terms = _read_terms(fields)
        self._interval = terms.interval
        return terms

    def _declared(self, fields: Fields) -> rows.Declared:
        number = fields.whole("policy")
        if number not in self._policies:
            raise Malformed(f"policy {number} was not written before")
        return rows.Declared(
            fields.text("target"), fields.text("spec"), self._policies[number], fields.number("at"),
            fields.number("wall"), fields.flag("grouped"), fields.flag("host"), dict(fields.pairs("match")) or None,
        )  # fmt: skip

    def _joined(self, fields: Fields) -> rows.Joined:
        member = fields.maybe_whole("member")
        return rows.Joined(
            fields.text("target"), fields.process("process"), member, fields.number("at"), fields.number("wall")
        )

    def _removed(self, fields: Fields) -> rows.Removed:
        return rows.Removed(fields.text("target"), fields.process("process"))

    def _passed(self, fields: Fields) -> rows.Passed:
        return rows.Passed(
            fields.text("target"), fields.process("process"), fields.process("member_process"),
            fields.text("row") == "found", fields.text("comm"), fields.maybe_text("unit"), fields.number("wall"),
        )  # fmt: skip

    def _stood(self, fields: Fields) -> rows.Stood:
        judgement, sample = fields.maybe("judgement"), fields.maybe("sample")
        return rows.Stood(
            target=fields.text("target"),
            key=fields.process("process"),
            member=fields.maybe_whole("member"),
            judgement=None if judgement is None else _read_judgement(judgement),
            ladder=_read_ladder(fields.part("ladder")),
            shared=fields.flag("shared"),
            sample=None if sample is None else read_sample(sample, self._interval),
            since=fields.number("since"),
        )

    def _counted(self, fields: Fields) -> rows.Counted:
        runs = {}
        for item in fields.items("runs"):
            if not (isinstance(item, list) and len(item) == 3 and isinstance(item[2], list)):
                raise Malformed("runs is not [[target, action, [times]]]")
            part = Fields({"target": item[0], "action": item[1]})
            runs[part.text("target"), part.text("action")] = tuple(as_number(at, "a time") for at in item[2])
        return rows.Counted(runs)

    def _look(self, fields: Fields) -> rows.Look:
        return rows.Look(
            fields.text("target"), fields.process("process"), fields.maybe_whole("member"), fields.number("wall"),
            fields.whole("tick"), read_sample(fields, self._interval), _reason(fields, "guard"),
        )  # fmt: skip

    def _started(self, fields: Fields) -> rows.Started:
        return rows.Started(
            fields.text("target"), fields.process("process"), read_tier_name(fields), fields.text("action"),
            fields.whole("rung"), fields.whole("firing"), fields.number("at"),
        )  # fmt: skip

    def _answered(self, fields: Fields) -> rows.Answered:
        return rows.Answered(
            fields.text("target"), fields.process("process"), fields.maybe_whole("member"), read_tier_name(fields),
            fields.text("action"), fields.whole("rung"), fields.whole("firing"), read_attempt(fields),
            fields.number("wall"),
        )  # fmt: skip

    def _stopped(self, fields: Fields) -> rows.Stopped:
        return rows.Stopped(fields.text("target"), fields.process("process"))

    def _gone(self, fields: Fields) -> rows.Gone:
        member = fields.maybe_whole("member")
        return rows.Gone(
            fields.text("target"), fields.process("process"), member, fields.number("at"), fields.number("wall")
        )

    def _told(self, fields: Fields) -> rows.Told:
        facts = {key: fact for key, fact in fields.pairs("facts") if isinstance(fact, str | int | float | bool)}
        member, wall = fields.maybe_whole("member"), fields.number("wall")
        return rows.Told(fields.text("event"), fields.maybe_text("target"), member, wall, facts)

    def _lost(self, fields: Fields) -> rows.Lost:
        return rows.Lost(fields.whole("rows"))

    def _beat(self, fields: Fields) -> rows.Beat:
        return rows.Beat(fields.number("at"), fields.number("wall"))

    def _end(self, fields: Fields) -> rows.End:
        return rows.End(fields.text("reason"))


def read_sample(fields: Fields, interval: float) -> Sample:
    """The sample of a row. Raises Malformed."""
    at = fields.number("at")
    readings = {}
    for name, value in fields.pairs("readings"):
        quantity = _QUANTITIES.get(name)
        if quantity is None or value is None:
            continue  # of a later version, or no number
        if isinstance(value, list):
            if len(value) != 3:
                raise Malformed(f"{name} is not [value, at, cadence]")
            readings[quantity] = Reading(
                as_measured(value[0], name), as_number(value[1], name), as_number(value[2], name)
            )
        else:
            readings[quantity] = Reading(as_measured(value, name), at, interval)
    headroom = fields.maybe_whole("headroom")
    return Sample(
        at=at,
        readings=readings,
        limit=_limit(fields.get("limit")),
        headroom=None if headroom is None else Bytes(headroom),
        partial=fields.flag("partial"),
        cgroup=fields.maybe_text("cgroup"),
    )


def read_attempt(fields: Fields) -> Attempt:
    """What an action said of its one try. Raises Malformed."""
    verdict = _VERDICTS.get(fields.text("verdict"))
    if verdict is None:
        raise Malformed("verdict is none")
    claimed = fields.maybe_whole("claimed")
    return Attempt(
        verdict=verdict,
        started=fields.number("started"),
        ended=fields.number("ended"),
        reason=_reason(fields, "reason"),
        detail=fields.maybe_text("detail") or "",
        claimed=None if claimed is None else Bytes(claimed),
        settled=fields.flag("settled"),
    )


def _read_terms(fields: Fields) -> rows.Terms:
    interval = fields.number("interval")
    if interval <= 0:
        raise Malformed("interval is not more than nothing")
    return rows.Terms(
        Seconds(interval), fields.flag("dry_run"), fields.flag("swap_matters"), fields.text("digest"),
        fields.text("source"), fields.maybe_number("wall") or 0.0,
    )  # fmt: skip


def _limit(value: Any) -> Limit | None:
    if value is None:
        return None
    if not (isinstance(value, list) and len(value) == 2 and type(value[0]) is int and isinstance(value[1], str)):
        raise Malformed("limit is not [bytes, source]")
    return Limit(Bytes(value[0]), value[1])


def _reason(fields: Fields, key: str) -> Reason | None:
    name = fields.maybe_text(key)
    if name is None:
        return None
    if name not in _REASONS:
        raise Malformed(f"{key} is no reason that this version knows")
    return _REASONS[name]


def _read_judgement(fields: Fields) -> Judgement:
    states = tuple(_read_state(one) for one in fields.parts("states"))
    return Judgement(states, read_tier_name(fields), fields.number("first_seen"))


def _read_state(fields: Fields) -> TierState:
    phase = _PHASES.get(fields.text("phase"))
    if phase is None:
        raise Malformed("phase is none")
    return TierState(
        phase=phase,
        met_since=fields.maybe_number("met_since"),
        readings=fields.whole("readings"),
        counted_at=fields.maybe_number("counted_at"),
        last_known=fields.maybe_number("last_known"),
        cadence=fields.number("cadence"),
        missed=fields.flag("missed"),
        measured=fields.whole("measured"),
    )


def _read_ladder(fields: Fields) -> Ladder:
    ends = [NEVER if one is None else as_number(one, "cooldowns") for one in fields.items("cooldowns")]
    if len(ends) != 4:
        raise Malformed("cooldowns are not four")
    firing = fields.maybe("firing")
    return Ladder(
        firing=None if firing is None else _read_firing(firing),
        climbs=fields.whole("climbs"),
        cooldowns=(ends[0], ends[1], ends[2], ends[3]),
        entered=read_tier_name(fields, "entered"),
        refused=read_tier_name(fields, "refused"),
        told=read_tier_name(fields, "told"),
        waiting=fields.maybe_number("waiting"),
    )


def _read_firing(fields: Fields) -> Firing:
    before, seen = fields.maybe_whole("before"), fields.maybe_whole("seen")
    attempt, settle_by = fields.maybe("attempt"), fields.maybe_number("settle_by")
    return Firing(
        number=fields.whole("number"),
        tier=read_tier_name(fields),
        rung=fields.whole("rung"),
        action=read_action(fields.part("action")),
        started=fields.number("started"),
        before=None if before is None else Bytes(before),
        seen=None if seen is None else Bytes(seen),
        attempt=None if attempt is None else read_attempt(attempt),
        settle_by=math.inf if settle_by is None else settle_by,
    )


_READERS: Mapping[str, Callable[[RowReader, Fields], rows.Row]] = {
    "header": RowReader._header,
    "config": RowReader._agreed,
    "target": RowReader._declared,
    "subject": RowReader._joined,
    "removed": RowReader._removed,
    "found": RowReader._passed,
    "left": RowReader._passed,
    "state": RowReader._stood,
    "spent": RowReader._counted,
    "look": RowReader._look,
    "started": RowReader._started,
    "attempt": RowReader._answered,
    "stopped": RowReader._stopped,
    "gone": RowReader._gone,
    "event": RowReader._told,
    "lost": RowReader._lost,
    "beat": RowReader._beat,
    "end": RowReader._end,
}
