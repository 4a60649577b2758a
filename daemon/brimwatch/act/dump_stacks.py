"""What is the target doing right now? Written into the event's artefact: Python stacks, threads, memory map.

`stacks: {locals: false, timeout: 5s}` looks at up to four processes of the target, the largest first. Stacks come from
py-spy, which reads while the program runs on: nothing is stopped, and a stack may be half a step old. Every process,
of whichever language, gets its threads' names and states and the sums of its memory map.
"""

import time
from dataclasses import dataclass
from typing import NamedTuple

from brimwatch.act.aside import aside
from brimwatch.act.exits import exited
from brimwatch.act.one_line import one_line
from brimwatch.act.py_spy import Answer, ask, find_py_spy
from brimwatch.act.request import Finding, Recipient, Request, Traits
from brimwatch.act.session import ASK, INSIST
from brimwatch.act.thread_states import memory_of, thread_states
from brimwatch.config.nodes import Node
from brimwatch.errors import MalformedProcFile
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.procfs.statm import read_statm
from brimwatch.units import Seconds

KEYS = frozenset({"stacks"})
TIMEOUT = Seconds(5.0)
SHORTEST, LONGEST = 0.1, 60.0
MOST = 4  # processes of one target
_OUR_FAULT = (Reason.DENIED, Reason.DEADLINE, Reason.ERROR, Reason.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Stacks:
    """`show_locals`: local variables as well, which may hold secrets; `timeout` in seconds, for all processes."""

    show_locals: bool = False
    timeout: Seconds = TIMEOUT


class _Seen(NamedTuple):
    """What was found of one process."""

    lines: tuple[Finding, ...]
    reason: Reason | None
    told: str


def parse(node: Node) -> Traits | None:
    """Read `{stacks: {locals: false, timeout: 5s}}`."""
    fields = node.mapping()
    if fields is None or "stacks" not in fields:
        return None
    own = fields["stacks"]
    if own.is_null:
        return Traits(Stacks(), tells=True)
    options = own.mapping(("locals", "timeout"))
    if options is None:
        return None
    shows = options["locals"].flag() if "locals" in options else False
    timeout = options["timeout"].duration(SHORTEST, LONGEST) if "timeout" in options else TIMEOUT
    return None if shows is None or timeout is None else Traits(Stacks(shows, timeout), tells=True)


def longest(options: object) -> Seconds:
    """How long an attempt can take, the end of a py-spy that overran its time included."""
    return Seconds((options.timeout if isinstance(options, Stacks) else TIMEOUT) + ASK + INSIST + 1.0)


async def run(request: Request) -> Attempt:
    """Look once at each process and hand what was seen to the artefact."""
    started = time.monotonic()
    options = request.action.options
    if not isinstance(options, Stacks):
        return _ended(Verdict.FAILED, started, Reason.ERROR, "not the options of stacks")
    if request.keep is None:
        return _ended(Verdict.SUPPRESSED, started, Reason.UNSUPPORTED, "nothing is stored: there is no artefact")
    alive = [one for one in request.recipients if not exited(one.pidfd)]
    if not alive:
        return _ended(Verdict.SUPPRESSED, started, Reason.VANISHED, "no process is left to look at")
    chosen = sorted(alive, key=lambda one: -_resident(request.procfs, one))[:MOST]
    until = started + min(options.timeout, request.deadline)
    seen = [await _look(one, options.show_locals, until, request.procfs) for one in chosen]
    lines = [line for one in seen for line in one.lines]
    name = request.keep(lines) if lines else ""
    return _judge(seen, len(alive), name, started)


async def _look(recipient: Recipient, show_locals: bool, until: float, procfs: str) -> _Seen:
    """One process: its threads first, which cost little, then its stacks."""
    pid = recipient.process.pid
    lines: list[Finding] = []
    for read in (lambda: thread_states(procfs, pid), lambda: [memory_of(procfs, pid)]):
        left = until - time.monotonic()
        try:
            lines += await aside(read, max(0.0, left / 3), "brimwatch-threads")
        except (OSError, MalformedProcFile) as error:  # TimeoutError and ProcessLookupError are among them
            lines.append({"record": "missing", "pid": pid, "detail": one_line(str(error) or "no answer in time")})
    answer = await _stacks(pid, show_locals, until, procfs)
    if exited(recipient.pidfd):  # the number may be another's by now, and what was read may be that one's
        return _Seen((), Reason.VANISHED, f"process {pid} has exited")
    if answer.reason is not None:
        lines.append({"record": "missing", "pid": pid, "detail": f"stacks: {answer.detail}"})
    return _Seen((*lines, *answer.lines), answer.reason, f"pid {pid}: {answer.detail}")


async def _stacks(pid: int, show_locals: bool, until: float, procfs: str) -> Answer:
    program = find_py_spy()
    if program is None:
        return Answer(reason=Reason.NOT_FOUND, detail="py-spy is neither installed with Brimwatch nor on PATH")
    try:
        return await ask(program, pid, show_locals, until, procfs)
    except (OSError, ValueError) as error:
        return Answer(reason=Reason.ERROR, detail=f"py-spy cannot be started: {one_line(str(error))}")


def _judge(seen: list[_Seen], processes: int, name: str, started: float) -> Attempt:
    ran = [one for one in seen if one.reason is None]
    if ran:
        count = sum(line.get("record") == "python_thread" for one in ran for line in one.lines)
        others = f" of {processes}" if processes > len(ran) else ""
        things = "process" if processes == 1 else "processes"
        told = f"{count} Python thread{'' if count == 1 else 's'} in {len(ran)}{others} {things}"
        return _ended(Verdict.RUN, started, None, f"{told}, written to {name}")
    worst = next((one for one in seen if one.reason in _OUR_FAULT), seen[0])
    verdict = Verdict.FAILED if worst.reason in _OUR_FAULT else Verdict.SUPPRESSED
    others = f"; its threads and memory map were written to {name}" if name else ""
    return _ended(verdict, started, worst.reason, f"{worst.told}{others}")


def _resident(procfs: str, recipient: Recipient) -> int:
    try:
        return read_statm(procfs, recipient.process.pid).resident
    except (OSError, MalformedProcFile):
        return 0


def _ended(verdict: Verdict, started: float, reason: Reason | None, detail: str) -> Attempt:
    return Attempt(verdict, started, time.monotonic(), reason, detail, settled=True)
