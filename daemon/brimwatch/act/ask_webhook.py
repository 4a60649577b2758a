"""What is a target told when it is asked over HTTP, and what is its answer taken for?"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from typing import NamedTuple

from brimwatch.act.exits import exited
from brimwatch.act.request import Request
from brimwatch.act.send_webhook import send_and_read
from brimwatch.act.webhook_message import Occasion, compose, new_id
from brimwatch.act.webhook_options import Webhook
from brimwatch.act.webhook_reply import Fate, Tried, backoff
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.units import Bytes, Seconds, format_duration

ASKS = "reclaim_requested"
TELLS = "tier_entered"
CLAIMS = ("reclaimed_bytes", "freed_bytes")
_LARGEST_CLAIM = 1 << 50
_SHORTEST_TRY = 0.25  # seconds; a try with less time left would only hide why those before it failed
_ALERT_HOLDS = 300.0  # seconds
_REASONS = {401: Reason.DENIED, 403: Reason.DENIED, 407: Reason.DENIED, 429: Reason.BUSY, 503: Reason.BUSY}


class _Ending(NamedTuple):
    """The last try, and how many there were."""

    last: Tried
    tries: int


async def ask(request: Request) -> Attempt:
    """Ask, until an answer says it is done, or that asking is in vain, or the time is over."""
    started = time.monotonic()
    options = request.action.options
    if not isinstance(options, Webhook):
        return Attempt(Verdict.FAILED, started, time.monotonic(), Reason.ERROR, "not the options of a webhook")
    if request.recipients and all(exited(one.pidfd) for one in request.recipients):
        gone = "its processes have exited"
        return Attempt(Verdict.SUPPRESSED, started, time.monotonic(), Reason.VANISHED, gone)
    wall = time.time()
    within = min(options.deadline, request.deadline)
    body = compose(options.form, occasion_of(request, options, within, wall), wall + _ALERT_HOLDS)
    return _attempt(await _send_within(options, body, started + within), started)


def occasion_of(request: Request, options: Webhook, within: float, wall: float) -> Occasion:
    """What a request says in a message: who is asked, for how much, how urgently, and why."""
    facts: dict[str, str | int | float | bool] = {}
    for name, value in (request.facts or {}).items():
        facts[name.lower()] = int(value) if value.isascii() and value.isdigit() and len(value) < 20 else value
    member = facts.pop("member", None)
    if request.needed is not None:
        facts["needed_bytes"] = request.needed
    facts |= {"severity_ratio": round(request.severity, 3), "deadline_seconds": round(within, 3)}
    if request.because:
        facts["reason"] = request.because
    verb = "is in the tier" if options.tells else "is asked to give memory back in the tier"
    return Occasion(
        name=TELLS if options.tells else ASKS,
        wall=wall,
        target=request.target,
        member=member if isinstance(member, int) else None,
        tier=request.tier.label,
        action=request.action.name,
        sentence=f"{request.target} {verb} {request.tier.label}" + (f": {request.because}" if request.because else ""),
        facts=facts,
        host=os.uname().nodename,
        started=wall,
    )


async def _send_within(options: Webhook, body: bytes, ends_at: float) -> _Ending:
    """Try until something is final or the time, on the monotonic clock, is over; one try is always made."""
    message_id, tries = new_id(), 0
    while True:
        tries += 1
        left = max(0.001, ends_at - time.monotonic())
        limited = options._replace(timeout=Seconds(min(options.timeout, left)))
        last = await send_and_read(limited, message_id, body, time.time())
        pause = backoff(tries, last.reply.retry_after, random.random())  # noqa: S311 - spreads tries, guards nothing
        if last.reply.fate is not Fate.RETRY or time.monotonic() + pause > ends_at - _SHORTEST_TRY:
            return _Ending(last, tries)
        await asyncio.sleep(pause)


def _attempt(ending: _Ending, started: float) -> Attempt:
    now, reply = time.monotonic(), ending.last.reply
    told = f"{reply.detail} after {format_duration(now - started)}"
    if ending.tries > 1:
        told += f" and {ending.tries} tries"
    if reply.fate is not Fate.DELIVERED:
        reason = Reason.DEADLINE if ending.last.timed_out else _REASONS.get(reply.status or 0, Reason.ERROR)
        return Attempt(Verdict.FAILED, started, now, reason, told)
    claimed = claim_of(ending.last.answer)
    return Attempt(Verdict.RUN, started, now, detail=told, claimed=claimed, settled=claimed is not None)


def claim_of(answer: bytes) -> Bytes | None:
    """The bytes that a target says it freed; None where the answer says nothing that can be believed."""
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    for name in CLAIMS:
        count = content.get(name)
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _LARGEST_CLAIM:
            return Bytes(count)
    return None
