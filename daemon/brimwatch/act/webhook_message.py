"""What is said in a webhook? A stand-in with the interface of the real one."""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is told. Times are Unix seconds."""

    name: str
    wall: float
    target: str
    member: int | None
    tier: str
    action: str
    sentence: str
    facts: Mapping[str, str | int | float | bool]
    host: str
    started: float
    ended: float | None = None
    page: str = ""


def new_id() -> str:
    """A message's id."""
    return "msg_" + secrets.token_hex(13)


def compose(form: str, occasion: Occasion, ends_at: float) -> bytes:
    """The body. `ends_at`: Unix seconds until which an open alert holds."""
    if form == "brimwatch":
        data = {
            "target": occasion.target,
            "member": occasion.member,
            "tier": occasion.tier,
            "action": occasion.action,
            "sentence": occasion.sentence,
            "facts": dict(occasion.facts),
        }
        return json.dumps({"type": occasion.name, "timestamp": _time(occasion.wall), "data": data}).encode()
    labels = {
        "alertname": "BrimwatchTier",
        "target": occasion.target,
        "member": "" if occasion.member is None else str(occasion.member),
        "severity": occasion.tier,
        "host": occasion.host,
    }
    ends = ends_at if occasion.ended is None else occasion.ended
    alert = {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {"summary": occasion.sentence},
        "startsAt": _time(occasion.started),
        "endsAt": _time(max(ends, occasion.started)),
    }
    return json.dumps([alert]).encode()


def _time(wall: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(wall)) + f".{int(wall % 1 * 1000):03d}Z"
