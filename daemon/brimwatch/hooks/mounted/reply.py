"""What does an answer under the prefix look like on its way out? JSON or plain text, never kept by a cache."""

from __future__ import annotations

import json
import time
from http import HTTPStatus

from brimwatch.hooks.answers import Answer, Pending
from brimwatch.hooks.http import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOONEST, LATEST = 0.001, 0.1  # seconds between two looks whether the hooks have run


class Reply(Answer):
    """An answer with headers of its own; `text` instead of a JSON body."""

    __slots__ = ("fields", "text")

    def __init__(self, status: int, body: dict[str, Any], text: str | None = None, **fields: str) -> None:
        super().__init__(status, body)
        self.text = text
        self.fields = [(name.replace("_", "-"), value) for name, value in fields.items()]


def refused(status: int, detail: str, **fields: str) -> Reply:
    """The answer to a request that is not carried out."""
    return Reply(status, {"error": "refused", "detail": detail}, **fields)


def refusal(found: Refused) -> Reply:
    """The same for what the parsers raise."""
    return refused(found.status, found.detail)


def phrase(status: int) -> str:
    """A status as WSGI wants it: `200 OK`."""
    return f"{status} {HTTPStatus(status).phrase}"


def written(answer: Answer) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and content."""
    text = answer.text if isinstance(answer, Reply) else None
    if text is None:
        kind, content = "application/json", json.dumps(answer.body, allow_nan=False, indent=1).encode("ascii") + b"\n"
    else:
        kind, content = "text/plain; charset=utf-8", text.encode("utf-8", "replace")
    headers = [
        ("Content-Type", kind),
        ("Content-Length", str(len(content))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return headers + (answer.fields if isinstance(answer, Reply) else []), content


def settled(found: Answer | Pending) -> Answer | float:
    """The answer, or for how many seconds to look away before the next look; never later than its time."""
    if isinstance(found, Answer):
        return found
    now = time.monotonic()
    if found.ready() or now >= found.until:
        return found.make()
    return min(found.until - now, LATEST, max(SOONEST, (now - found.since) / 10))
