"""What is said in a webhook? The body of a message, in one of two formats.

`brimwatch` is a JSON event in the shape that Standard Webhooks recommends (`type`, `timestamp`, `data`); `alertmanager`
is a list of one alert for POST /api/v2/alerts. All text is one printable line of bounded length: names, command lines
and answers come from others.
"""

from __future__ import annotations

import calendar
import json
import math
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass

from brimwatch.act.one_line import one_line

ALERT = "BrimwatchTier"
_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 26  # of 62 characters: 154 random bits
_LONGEST_NAME = 128
_LONGEST_SENTENCE = 1000
_LONGEST_FACT = 500
_MOST_FACTS = 64
_LATEST = calendar.timegm((9999, 12, 31, 23, 59, 59))


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is told. Times are Unix seconds."""

    name: str  # of the event: tier_entered, tier_left, action_ran, ...
    wall: float  # when it happened
    target: str
    member: int | None
    tier: str  # that is told about: calm | warning | critical | emergency
    action: str  # name of the webhook action
    sentence: str  # the one line for people
    facts: Mapping[str, str | int | float | bool]
    host: str  # node name
    started: float  # when the tier was entered
    ended: float | None = None  # when it was left: a resolved alert
    page: str = ""  # address of the daemon's page


def new_id() -> str:
    """A message's id: `msg_` and 26 random letters and digits. It holds no '.', which separates what is signed."""
    return "msg_" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def compose(form: str, occasion: Occasion, ends_at: float) -> bytes:
    """The body, as it is sent and signed. `ends_at`: Unix seconds until which an open alert holds.

    Raises ValueError for an unknown format.
    """
    if form == "brimwatch":
        content: object = _event(occasion)
    elif form == "alertmanager":
        content = [_alert(occasion, ends_at)]
    else:
        raise ValueError(f"no format of webhooks: {form!r}")
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def timestamp(wall: float) -> str:
    """Unix seconds in the form of RFC 3339, in UTC with milliseconds."""
    milliseconds = round(min(max(wall, 0.0), _LATEST) * 1000) if math.isfinite(wall) else 0
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"


def _event(occasion: Occasion) -> dict[str, object]:
    data: dict[str, object] = {
        "target": _name(occasion.target),
        "member": occasion.member,
        "tier": _name(occasion.tier),
        "action": _name(occasion.action),
        "sentence": one_line(occasion.sentence, _LONGEST_SENTENCE),
        "host": _name(occasion.host),
        "started": timestamp(occasion.started),
        "ended": None if occasion.ended is None else timestamp(occasion.ended),
        "page": one_line(occasion.page, _LONGEST_FACT),
        "facts": _facts(occasion.facts),
    }
    return {"type": _name(occasion.name), "timestamp": timestamp(occasion.wall), "data": data}


def _alert(occasion: Occasion, ends_at: float) -> dict[str, object]:
    """An alert of Alertmanager's API v2; a label without a value would be dropped there, so it is left out here.

    The labels are the alert's identity. The tier is one of them: one alert for each target, member and tier, which is
    updated while the tier holds, and ends when it is left.
    """
    labels = {
        "alertname": ALERT,
        "target": _name(occasion.target),
        "member": "" if occasion.member is None else str(occasion.member),
        "severity": _name(occasion.tier),
        "host": _name(occasion.host),
    }
    ends = ends_at if occasion.ended is None else occasion.ended
    told = [f"{name}: {value}" for name, value in _facts(occasion.facts).items()]
    alert: dict[str, object] = {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {
            "summary": one_line(occasion.sentence, _LONGEST_SENTENCE),
            "description": "\n".join(told),
        },
        "startsAt": timestamp(occasion.started),
        "endsAt": timestamp(max(ends, occasion.started)),  # a clock that was set back: Alertmanager refuses less
    }
    if occasion.page:
        alert["generatorURL"] = one_line(occasion.page, _LONGEST_FACT)
    return alert


def _name(text: str) -> str:
    return one_line(text, _LONGEST_NAME)


def _facts(facts: Mapping[str, str | int | float | bool]) -> dict[str, str | int | float | bool]:
    """The facts that JSON can hold, bounded: a number that is none is left out."""
    kept: dict[str, str | int | float | bool] = {}
    for name, value in list(facts.items())[:_MOST_FACTS]:
        if isinstance(value, str):
            kept[_name(name)] = one_line(value, _LONGEST_FACT)
        elif isinstance(value, int) or math.isfinite(value):
            kept[_name(name)] = value
    return kept
