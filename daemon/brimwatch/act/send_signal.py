"""How is a signal sent so that it does what was meant, or not at all?

Only to a process that catches it, and whose runtime does not keep it for itself; through a pidfd, so that it reaches
this process or none. SIGTERM and SIGKILL need no handler: to end is what they are for. With `then`, a second signal
goes to what still lives after `grace`. Does *not* cover when a process may be ended at all (`core`, RULES).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from brimwatch.act.evidence import Image, observe
from brimwatch.act.exits import exits_within
from brimwatch.act.foreseen import Foreseen
from brimwatch.act.gate import Changed, Order, Refusal, look, send
from brimwatch.act.one_line import one_line
from brimwatch.act.request import Recipient, Request, Traits
from brimwatch.act.runtimes import kept
from brimwatch.act.signals import CERTAIN, ENDING, name_of, parse_signal
from brimwatch.config.nodes import Node
from brimwatch.errors import MalformedProcFile
from brimwatch.model import Attempt, ProcessId, Reason, Verdict
from brimwatch.units import Seconds, format_duration

KEYS = frozenset({"signal", "grace", "then", "force"})
GRACE = Seconds(30.0)
LONGEST_GRACE = 1800.0
AFTERMATH = Seconds(2.0)  # how long the second signal is given: SIGKILL takes the exit of a large process a while
LOOK_WITHIN = 2.0  # seconds for the look at the runtime; it takes about 1 ms
_LOOKS = 3  # a process that executes other programs that fast is left alone
_TOLD = 4  # recipients named in the detail
_foreseen = Foreseen()


@dataclass(frozen=True, slots=True)
class Sending:
    """What to send. `forced`: also when the runtime keeps the signal for itself."""

    number: int
    then: int | None = None
    grace: Seconds = GRACE
    forced: bool = False


class Delivery(NamedTuple):
    """What became of one recipient."""

    recipient: Recipient
    verdict: Verdict
    detail: str
    reason: Reason | None = None
    exited: bool = False


def parse(node: Node) -> Traits | None:
    """Read `{signal: SIGTERM, grace: 30s, then: SIGKILL, force: false}`."""
    fields = node.mapping()
    if fields is None or "signal" not in fields:
        return None
    number = parse_signal(fields["signal"])
    then = parse_signal(fields["then"]) if "then" in fields else None
    grace = fields["grace"].duration(maximum=LONGEST_GRACE) if "grace" in fields else GRACE
    forced = fields["force"].flag() if "force" in fields else False
    if number is None or grace is None or forced is None or not _agree(number, then, fields):
        return None
    ends = number in ENDING
    return Traits(Sending(number, then, grace, forced), cooperative=not ends and not forced, ends_process=ends)


def longest(options: object) -> Seconds:
    """How long an attempt can take, the wait for what comes after `then` included."""
    if not isinstance(options, Sending) or options.then is None:
        return Seconds(LOOK_WITHIN * _LOOKS)
    return Seconds(LOOK_WITHIN * _LOOKS * 2 + options.grace + AFTERMATH)


def describe(options: object) -> str:
    """What an attempt would send, for a person."""
    if not isinstance(options, Sending):
        return "send a signal"
    told = f"send {name_of(options.number)}"
    if options.then is not None:
        told += f", and {name_of(options.then)} after {format_duration(options.grace)} to what is still there"
    return told


def foresee(options: object, process: ProcessId, procfs: str) -> None:
    """A signal may be sent to this process soon: what takes time is done now, and waited for by nobody."""
    if isinstance(options, Sending) and not options.forced and options.number not in CERTAIN:
        _foreseen.look(process, procfs)


async def run(request: Request) -> Attempt:
    """Send to every recipient; one success makes the attempt one. Settled when all of them have exited."""
    started = time.monotonic()
    options = request.action.options
    if not isinstance(options, Sending):
        return Attempt(Verdict.FAILED, started, started, Reason.ERROR, "not the options of a signal")
    order = Order(
        options.number,
        unhandled=options.number in CERTAIN,
        ignored=options.then is not None,
        ends=options.number in ENDING,
    )
    ends_at = started + request.deadline
    deliveries = [await _deliver(one, order, options.forced, ends_at, request.procfs) for one in request.recipients]
    if options.then is not None:
        finishing = (_finish(one, options, ends_at, request.procfs) for one in deliveries)
        deliveries = list(await asyncio.gather(*finishing))
    return _sum(deliveries, started)


def _agree(number: int, then: int | None, fields: dict[str, Node]) -> bool:
    """Do the keys make sense together? Adds the faults."""
    if "then" not in fields:
        if "grace" in fields:
            fields["grace"].fault("grace alone", "`then` with it", "it is the time until the second signal")
        return "grace" not in fields
    if then is None:
        return False
    if number not in ENDING:
        wanted = "`then` only after a signal that ends a process"
        fields["then"].fault(
            f"{name_of(then)} after {name_of(number)}", wanted, "else the process is always still there"
        )
        return False
    if then not in ENDING:
        fields["then"].fault(name_of(then), "a signal that ends a process, such as SIGKILL")
        return False
    return True


async def _deliver(recipient: Recipient, order: Order, forced: bool, ends_at: float, procfs: str) -> Delivery:
    """Send one signal to one process, or say why not."""
    label = f"{name_of(order.number)} to {recipient.process.pid}"
    if recipient.comm:
        label += f" ({one_line(recipient.comm, 16)})"
    refusal = await _send(recipient, order, forced, ends_at, procfs)
    if refusal is None:
        return Delivery(recipient, Verdict.RUN, label)
    return Delivery(recipient, refusal.verdict, f"no {label}: {refusal.detail}", refusal.reason)


async def _send(recipient: Recipient, order: Order, forced: bool, ends_at: float, procfs: str) -> Refusal | None:
    """Look at the process, then at its runtime, then look again and send; None when it was sent."""
    refusal = look(recipient, order, procfs)
    if refusal is not None:
        return refusal
    for _ in range(_LOOKS):
        seen = None if forced or order.number in CERTAIN else await _runtime(recipient, order.number, ends_at, procfs)
        if isinstance(seen, Refusal):
            return seen
        try:
            return send(recipient, order, seen, procfs)
        except Changed:
            continue
    return Refusal(Verdict.SUPPRESSED, Reason.BUSY, "it executes one program after the other")


async def _runtime(recipient: Recipient, number: int, ends_at: float, procfs: str) -> Image | Refusal:
    """The program whose runtime was looked at, or why this signal is not for it."""
    within = min(LOOK_WITHIN, ends_at - time.monotonic())
    try:
        observed = _foreseen.take(recipient.process) or await observe(recipient.process.pid, procfs, within)
    except TimeoutError:
        return Refusal(Verdict.FAILED, Reason.DEADLINE, "which runtime it has could not be read in time")
    except ProcessLookupError:
        return Refusal(Verdict.SUPPRESSED, Reason.VANISHED, "it has exited")
    except PermissionError:
        return Refusal(
            Verdict.FAILED, Reason.DENIED, "which runtime it has may not be read; Brimwatch needs its user, or root"
        )
    except (OSError, MalformedProcFile) as error:
        return Refusal(Verdict.FAILED, Reason.ERROR, one_line(str(error)))
    keeper = kept(observed.evidence, number)
    if keeper is None:
        return observed.image
    return Refusal(Verdict.SUPPRESSED, Reason.RUNTIME_RESERVED, f"{keeper.runtime} {keeper.why}")


async def _finish(delivery: Delivery, options: Sending, ends_at: float, procfs: str) -> Delivery:
    """Wait for the exit, and send the second signal to what is still there after `grace`."""
    if delivery.verdict is not Verdict.RUN or options.then is None:
        return delivery
    recipient, sent = delivery.recipient, time.monotonic()
    if await exits_within(recipient.pidfd, min(options.grace, ends_at - sent)):
        return _exited(delivery, sent)
    if time.monotonic() < sent + options.grace:
        # The user gave the process that much time to save its work. Less time to wait is no reason to cut it short.
        late = f"{delivery.detail}; still there at the deadline, {name_of(options.then)} not sent"
        return delivery._replace(verdict=Verdict.FAILED, reason=Reason.DEADLINE, detail=late)
    order = Order(options.then, unhandled=options.then in CERTAIN, ends=True)
    second = await _deliver(recipient, order, options.forced, ends_at, procfs)
    if second.reason is Reason.VANISHED:
        return _exited(delivery, sent)
    both = delivery._replace(detail=f"{delivery.detail}; after {format_duration(options.grace)} {second.detail}")
    if second.verdict is not Verdict.RUN:
        return both._replace(verdict=second.verdict, reason=second.reason)
    if await exits_within(recipient.pidfd, AFTERMATH):
        return _exited(both, sent)
    return both._replace(detail=both.detail + "; still there")


def _exited(delivery: Delivery, sent: float) -> Delivery:
    took = format_duration(time.monotonic() - sent)
    return delivery._replace(detail=f"{delivery.detail}; exited after {took}", exited=True)


def _sum(deliveries: Sequence[Delivery], started: float) -> Attempt:
    """One attempt out of many deliveries: done where one was done, else failed where one failed."""
    ended = time.monotonic()
    if not deliveries:
        return Attempt(Verdict.SUPPRESSED, started, ended, Reason.VANISHED, "there is no process to signal")
    order = (Verdict.RUN, Verdict.FAILED, Verdict.SUPPRESSED)
    verdict = min((one.verdict for one in deliveries), key=order.index)
    reason = next(one.reason for one in deliveries if one.verdict is verdict)
    told = [one.detail for one in deliveries[:_TOLD]]
    if len(deliveries) > _TOLD:
        told.append(f"and {len(deliveries) - _TOLD} more")
    return Attempt(verdict, started, ended, reason, "; ".join(told), settled=all(one.exited for one in deliveries))
