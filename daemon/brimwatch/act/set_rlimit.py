"""How does a process meet a limit of its own before the kernel's? RLIMIT_DATA a little above what it has.

The allocation that would have meant the OOM killer becomes a MemoryError, and a Python program lives on (measured: 6 us
for the call, by the same user without any capability). Only the soft limit is lowered, so that taking it back needs no
right either. Does *not* cover taking it back (`undo_rlimit`).
"""

from __future__ import annotations

import itertools
import os
import secrets
import threading
import time
from dataclasses import dataclass

from brimwatch.act.exits import exited
from brimwatch.act.off_loop import Threads
from brimwatch.act.one_line import one_line
from brimwatch.act.parts import Part, sum_up
from brimwatch.act.python_target import runs_python
from brimwatch.act.refused import Refused, refusal_of
from brimwatch.act.request import Recipient, Request, Traits
from brimwatch.act.undo import Brakes, LimitChange
from brimwatch.act.undo_rlimit import limit_of, set_limit
from brimwatch.config.nodes import Node
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.procfs.stat import read_stat
from brimwatch.procfs.status import read_status
from brimwatch.units import Bytes, Seconds, format_bytes, parse_size

KEYS = frozenset({"rlimit", "max", "force"})
NOTICE = (
    "only for Python targets, which turn it into a MemoryError that the program has to handle, and only for processes "
    "of the daemon's own user unless it has CAP_SYS_RESOURCE"
)
FLOOR = 16_000_000  # bytes: less room than that, and the handler of the MemoryError meets the next one
LONGEST_CEILING = 3600.0
WITHIN = Seconds(2.0)
_MOST = 256  # recipients
_PAGE = os.sysconf("SC_PAGE_SIZE")
_THREADS = Threads("brimwatch-ceiling", 2)
_marks = itertools.count(secrets.randbelow(_PAGE))


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How much more than now a process may hold; how long, None until it has recovered; any runtime or Python alone."""

    above: Bytes
    lasts: Seconds | None = None
    force: bool = False


def parse(node: Node) -> Traits | None:
    """Read `{rlimit: {data: +200MB}, max: 5m, force: false}`."""
    fields = node.mapping()
    if fields is None or "rlimit" not in fields:
        return None
    above = _read_data(fields["rlimit"])
    lasts = fields["max"].duration(1.0, LONGEST_CEILING) if "max" in fields else None
    force = fields["force"].flag() if "force" in fields else False
    if above is None or force is None or ("max" in fields and lasts is None):
        return None
    return Traits(Ceiling(above, lasts, force))


def longest(_: object) -> Seconds:
    """How long an attempt can take."""
    return WITHIN


async def run(request: Request) -> Attempt:
    """Set a ceiling for every recipient. Settled at once: it wins nothing back by itself."""
    started = time.monotonic()
    options, brakes = request.action.options, request.brakes
    if not isinstance(options, Ceiling) or brakes is None:
        return Attempt(Verdict.FAILED, started, started, Reason.ERROR, "not the options of a limit, or no undo records")
    stop = threading.Event()
    try:
        parts = await _THREADS.run(lambda: _each(request, options, brakes, stop), min(request.deadline, WITHIN))
    except TimeoutError as error:
        late = refusal_of(error, "set the limit")
        parts = [Part(late.verdict, late.detail, late.reason)]
    finally:
        stop.set()
    return sum_up(parts, started, settled=True)


def _read_data(node: Node) -> Bytes | None:
    fields = node.mapping(("data",))
    if fields is None:
        return None
    if "data" not in fields:
        node.fault("no resource", "`data: +200MB`")
        return None
    wanted = "a size above what is in use, such as +200MB"
    text = fields["data"].scalar(wanted)
    if text is None:
        return None
    try:
        if not text.startswith("+"):
            raise ValueError(wanted)
        above = parse_size(text[1:])
        if above < 1:
            raise ValueError(wanted)
        return above
    except ValueError:
        fields["data"].fault(fields["data"].shown, wanted, "a fixed limit could lie below what is in use")
        return None


def _each(request: Request, options: Ceiling, brakes: Brakes, stop: threading.Event) -> list[Part]:
    """One part for each recipient. Runs on a thread; begins nothing more once `stop` is set."""
    parts = []
    for recipient in request.recipients[:_MOST]:
        if stop.is_set():
            break
        label = f"{recipient.process.pid} ({one_line(recipient.comm, 16)})" if recipient.comm else ""
        label = label or str(recipient.process.pid)
        try:
            parts.append(Part(Verdict.RUN, f"{label}: {_set(recipient, options, brakes, request.procfs)}"))
        except Exception as error:  # noqa: BLE001 - what stops one process must not stop the others; all of it is told
            refused = refusal_of(error, "set RLIMIT_DATA of another user's process")
            parts.append(Part(refused.verdict, f"{label}: {refused.detail}", refused.reason))
    return parts


def _set(recipient: Recipient, options: Ceiling, brakes: Brakes, procfs: str) -> str:
    """Set one process's ceiling. Raises Refused, OSError, MalformedProcFile."""
    process = recipient.process
    if not options.force and not runs_python(process.pid, procfs):
        raise Refused(
            Reason.UNSUPPORTED,
            "it runs no Python, and other programs often end where memory is refused; `force: true` does it anyway",
        )
    data = read_status(procfs, process.pid).vm_data
    if data is None:
        raise Refused(Reason.VANISHED, "it has exited")
    soft, hard = limit_of(process.pid)
    ours = _marked(data + max(options.above, FLOOR))
    if soft is not None and soft <= ours:
        raise Refused(Reason.BUSY, f"its soft RLIMIT_DATA is {format_bytes(soft)} already, which is tighter")
    hold = brakes.begin(LimitChange(process, ours, soft), options.lasts)
    try:
        hold.make(lambda: _write(recipient, ours, hard, procfs))
    except BaseException:
        brakes.abandon(hold)
        raise
    return f"RLIMIT_DATA {format_bytes(ours)}, {format_bytes(ours - data)} above what it has"


def _write(recipient: Recipient, ours: Bytes, hard: Bytes | None, procfs: str) -> None:
    """Set the limit right after a second look: prlimit(2) takes a PID and knows no pidfd."""
    process = recipient.process
    if exited(recipient.pidfd) or read_stat(procfs, process.pid).start_ticks != process.start_ticks:
        raise ProcessLookupError(process.pid)
    set_limit(process.pid, ours, hard)


def _marked(wanted: int) -> Bytes:
    """The next whole page, and a number below a page: the kernel counts pages, and we know the value again by it.

    No two ceilings have the same value by chance, so that taking back one finds its heirs and nobody else's.
    """
    return Bytes(-(-wanted // _PAGE) * _PAGE + 1 + next(_marks) % (_PAGE - 1))
