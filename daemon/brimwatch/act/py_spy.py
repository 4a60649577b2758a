"""What is each thread of a Python program doing? Asked of py-spy, which reads its memory and does not stop it.

py-spy runs as a program of its own: what it trips over in another process's memory is not the daemon's fault. Its
answer is taken apart here, and only what is named here is kept: of the command line that it may print, nothing is.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from brimwatch.act.aside import aside
from brimwatch.act.one_line import one_line
from brimwatch.act.output import Beginning, Output
from brimwatch.act.request import Finding
from brimwatch.act.run_command import PATH, complete
from brimwatch.act.session import Session
from brimwatch.act.spawn import spawn
from brimwatch.model import Reason

MOST_BYTES = 2 << 20  # of its answer: 100 bytes a frame, and local variables where they are wanted
MOST_THREADS = 256
MOST_FRAMES = 100
MOST_LOCALS = 30
TRIES = 3  # a program that runs while it is read may be seen half changed
_NICE = 10
_READING = 5.0  # seconds; 2 MB take 20 ms
_SHOWN = 200
_FAULTS = (
    ("Failed to find python version", Reason.UNSUPPORTED, "no Python program, or one that py-spy does not know"),
    ("ermission", Reason.DENIED, "not allowed to read its memory: CAP_SYS_PTRACE is needed"),
    ("Operation not permitted", Reason.DENIED, "not allowed to read its memory: CAP_SYS_PTRACE is needed"),
    ("Check that the process is running", Reason.VANISHED, "the process has exited"),
    ("No such process", Reason.VANISHED, "the process has exited"),
)


class Answer(NamedTuple):
    """Lines of evidence, or why there are none."""

    lines: tuple[Finding, ...] = ()
    reason: Reason | None = None
    detail: str = ""


def find_py_spy(executable: str = sys.executable, path: str | None = None) -> str | None:
    """The program that was installed with Brimwatch, else one on PATH; None where there is none."""
    beside = os.path.join(os.path.dirname(executable), "py-spy")
    if os.path.isfile(beside) and os.access(beside, os.X_OK):
        return os.path.abspath(beside)
    found = shutil.which("py-spy", path=path)
    return None if found is None else os.path.abspath(found)


async def ask(program: str, pid: int, show_locals: bool, until: float, procfs: str) -> Answer:
    """Ask for the stacks of one process, up to `until` (monotonic seconds). Raises OSError where it cannot start."""
    arguments = [program, "dump", "--nonblocking", "--json", "--full-filenames", "--pid", str(pid)]
    arguments += ["--locals"] if show_locals else []
    answer = Answer(reason=Reason.DEADLINE, detail="no time was left")
    for _ in range(TRIES):
        if time.monotonic() >= until:
            break
        answer = await _ask_once(arguments, pid, until, procfs)
        if answer.reason is not Reason.ERROR:
            break
    return answer


async def _ask_once(arguments: list[str], pid: int, until: float, procfs: str) -> Answer:
    said = Beginning(MOST_BYTES)
    try:
        complained = Beginning(MOST_BYTES // 64)
    except OSError:
        said.close()
        raise
    try:
        child = spawn(arguments, {"PATH": PATH, "LANG": "C.UTF-8"}, said.end, procfs, complained.end)
        _step_back(child)
        session = Session(child, procfs)
        _follow(said, complained)
        over = await complete(session, until - time.monotonic())
        said.finish()
        complained.finish()
        if not over.in_time:
            return Answer(reason=Reason.DEADLINE, detail="py-spy did not end in time")
        if over.code:
            return Answer((), *read_fault(bytes(complained.text), over.code))
        return await aside(lambda: read_answer(bytes(said.text), pid), _READING, "brimwatch-stacks")
    finally:
        said.close()
        complained.close()


def _follow(*outputs: Output) -> None:
    for output in outputs:
        output.follow()


def _step_back(child: int) -> None:
    """Let everyone else go first. It may have ended already; it is not reaped, so the number is still its own."""
    try:
        os.setpriority(os.PRIO_PROCESS, child, _NICE)
    except OSError:
        return


def read_answer(text: bytes, pid: int) -> Answer:
    """Take py-spy's JSON apart: a line for each thread, and one for each frame, innermost first."""
    try:
        threads = json.loads(text)
    except ValueError:
        return Answer(reason=Reason.ERROR, detail=f"py-spy answered no JSON ({len(text)} bytes)")
    if not isinstance(threads, list):
        return Answer(reason=Reason.ERROR, detail="py-spy answered something else than a list of threads")
    found = [thread for thread in threads[:MOST_THREADS] if isinstance(thread, dict)]
    if not found:
        return Answer(reason=Reason.ERROR, detail="py-spy saw no thread")
    return Answer(tuple(line for thread in found for line in _thread(thread, pid)))


def _thread(thread: Mapping[str, object], pid: int) -> Iterator[Finding]:
    frames = thread.get("frames")
    frames = frames if isinstance(frames, list) else []
    tid = thread.get("os_thread_id") or thread.get("thread_id")
    yield {
        "record": "python_thread",
        "pid": pid,
        "tid": tid if isinstance(tid, int) else None,
        "name": one_line(str(thread.get("thread_name") or ""), 64),
        "active": thread.get("active") is True,
        "holds_gil": thread.get("owns_gil") is True,
        "frames": len(frames),
    }
    for frame in frames[:MOST_FRAMES]:
        if isinstance(frame, dict):
            yield _frame(frame)


def _frame(frame: Mapping[str, object]) -> Finding:
    line = frame.get("line")
    place = f"{frame.get('name')} ({frame.get('filename')}:{line if isinstance(line, int) else 0})"
    found: dict[str, object] = {"record": "frame", "at": one_line(place, _SHOWN)}
    values = frame.get("locals")
    if isinstance(values, list) and values:
        known = [value for value in values[:MOST_LOCALS] if isinstance(value, dict)]
        found["locals"] = {
            one_line(str(value.get("name")), 64): one_line(str(value.get("repr")), _SHOWN) for value in known
        }
    return found


def read_fault(complaint: bytes, code: int) -> tuple[Reason, str]:
    """What py-spy's complaint means: the reason, and a sentence."""
    text = complaint.decode("utf-8", "replace")
    for sign, reason, told in _FAULTS:
        if sign in text:
            return reason, told
    first = next((line for line in text.splitlines() if line.strip()), "nothing said")
    return Reason.ERROR, one_line(f"py-spy ended with {code}: {first.removeprefix('Error: ')}")
