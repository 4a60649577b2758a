"""How is a message or an open alert written down, and read again by a later run?"""

from __future__ import annotations

from dataclasses import asdict

from brimwatch.act.webhook_message import Occasion
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
    }


def read_message(row: Kept) -> Message | None:
    """A message from its document; None where it cannot be understood."""
    occasion = read_occasion(row.body.get("occasion"))
    action, purpose, series = (row.body.get(key) for key in ("action", "purpose", "series"))
    if occasion is None or not isinstance(action, str) or not isinstance(series, str) or purpose not in (ENTRY, END):
        return None
    return Message(row.key, action, str(purpose), occasion, row.saved, series)


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
