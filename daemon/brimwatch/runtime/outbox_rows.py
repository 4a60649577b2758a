"""How is a message or an open alert written down, and read again by a later run?"""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite

from brimwatch.act.webhook_message import Occasion
from brimwatch.core.moment import Moment
from brimwatch.model import ProcessId, Tier
from brimwatch.record.journal_rows import Json, Kept
from brimwatch.runtime.outbox_queue import END, ENTRY, Message

_TEXTS = ("name", "target", "tier", "action", "sentence", "host", "page")


def message_body(message: Message) -> dict[str, object]:
    """A message as a document; its key is its id."""
    return {
        "action": message.action,
        "purpose": message.purpose,
        "series": message.series,
        "occasion": asdict(message.occasion),
        "accepted": message.accepted,  # the row's own time is that of its last try
        "tries": message.tries,
        "failing": message.failing,
        "last": message.last,
    }


def read_message(row: Kept) -> Message | None:
    """A message from its document; None where it cannot be understood."""
    occasion = read_occasion(row.body.get("occasion"))
    action, purpose, series = (row.body.get(key) for key in ("action", "purpose", "series"))
    if occasion is None or not isinstance(action, str) or not isinstance(series, str) or purpose not in (ENTRY, END):
        return None
    tries, last = row.body.get("tries"), row.body.get("last")
    return Message(
        row.key,
        action,
        str(purpose),
        occasion,
        read_moment(row.body.get("accepted")) or row.saved,
        series,
        tries=tries if isinstance(tries, int) and tries >= 0 else 0,
        failing=read_moment(row.body.get("failing")),
        last=last if isinstance(last, str) else "",
    )


def read_moment(found: Json) -> Moment | None:
    """A moment from its three parts; None where they cannot be understood."""
    if not isinstance(found, list) or len(found) != 3:
        return None
    wall, mono, boot = found
    if not isinstance(wall, float) or not isinstance(mono, float) or not isinstance(boot, str):
        return None
    return Moment(wall, mono, boot) if isfinite(wall) and isfinite(mono) else None


def read_occasion(found: Json) -> Occasion | None:
    """An occasion from its document; None where it cannot be understood."""
    if not isinstance(found, dict):
        return None
    texts = {key: value for key in _TEXTS if isinstance(value := found.get(key), str)}
    wall, started, ended = (found.get(key) for key in ("wall", "started", "ended"))
    member, facts = found.get("member"), found.get("facts")
    if len(texts) < len(_TEXTS) or not isinstance(wall, float) or not isinstance(started, float):
        return None
    if not isinstance(ended, float | None) or not isinstance(member, int | None) or not isinstance(facts, dict):
        return None
    kept = {key: value for key, value in facts.items() if isinstance(value, str | int | float)}
    return Occasion(wall=wall, started=started, ended=ended, member=member, facts=kept, **texts)


def read_tier(found: Json) -> Tier | None:
    """A tier by its label."""
    return next((tier for tier in Tier if tier.label == found), None)


def read_process(pid: Json, start_ticks: Json) -> ProcessId | None:
    """An identity from two numbers."""
    if not isinstance(pid, int) or not isinstance(start_ticks, int):
        return None
    return ProcessId(pid, start_ticks)
