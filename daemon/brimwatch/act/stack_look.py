"""What do the processes of a target do right now? Threads and memory of each, and stacks where it is Python."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from brimwatch.act.aside import aside
from brimwatch.act.exits import exited
from brimwatch.act.one_line import one_line
from brimwatch.act.py_spy import Answer, ask, find_py_spy
from brimwatch.act.request import Finding, Keep, Recipient
from brimwatch.act.thread_states import memory_of, thread_states
from brimwatch.errors import MalformedProcFile
from brimwatch.model import Reason, Verdict
from brimwatch.procfs.statm import read_statm

MOST = 4  # processes of one target
_OUR_FAULT = (Reason.DENIED, Reason.DEADLINE, Reason.ERROR, Reason.NOT_FOUND)

Told = tuple[Verdict, Reason | None, str]


class _Seen(NamedTuple):
    """What was found of one process."""

    lines: tuple[Finding, ...]
    reason: Reason | None
    told: str


async def look_at(recipients: Sequence[Recipient], show_locals: bool, until: float, procfs: str, keep: Keep) -> Told:
    """Look at the largest of them until `until` (monotonic seconds), keep what was seen, and say how that went."""
    chosen = sorted(recipients, key=lambda one: -_resident(procfs, one))[:MOST]
    seen = [await _look(one, show_locals, until, procfs) for one in chosen]
    lines = [line for one in seen for line in one.lines]
    name = keep(lines) if lines else ""
    return _judge(seen, len(recipients), name)


async def _look(recipient: Recipient, show_locals: bool, until: float, procfs: str) -> _Seen:
    """One process: its threads first, which cost little, then its stacks."""
    pid = recipient.process.pid
    lines: list[Finding] = []
    for read in (lambda: thread_states(procfs, pid), lambda: [memory_of(procfs, pid)]):
        left = until - time.monotonic()
        if left <= 0:
            break  # the processes before took all the time; `_stacks` says so
        try:
            lines += await aside(read, left / 3, "brimwatch-threads")
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


# "Kept for": the file is written a moment later, and where it cannot be, `artefact_failed` names it.
def _judge(seen: list[_Seen], processes: int, name: str) -> Told:
    ran = [one for one in seen if one.reason is None]
    if ran:
        count = sum(line.get("record") == "python_thread" for one in ran for line in one.lines)
        others = f" of {processes}" if processes > len(ran) else ""
        things = "process" if processes == 1 else "processes"
        told = f"{count} Python thread{'' if count == 1 else 's'} in {len(ran)}{others} {things}"
        return Verdict.RUN, None, f"{told}, kept for {name}"
    worst = next((one for one in seen if one.reason in _OUR_FAULT), seen[0])
    verdict = Verdict.FAILED if worst.reason in _OUR_FAULT else Verdict.SUPPRESSED
    others = f"; its threads and memory map are kept for {name}" if name else ""
    return verdict, worst.reason, f"{worst.told}{others}"


def _resident(procfs: str, recipient: Recipient) -> int:
    try:
        return read_statm(procfs, recipient.process.pid).resident
    except (OSError, MalformedProcFile):
        return 0
