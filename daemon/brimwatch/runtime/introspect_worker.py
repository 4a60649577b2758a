"""How does the daemon ask for a look inside a process without waiting for it? One worker, one question at a time.

The worker is a process of its own, started when it is first asked and ended when nobody asks for minutes. One that
dies, overruns its deadline or says what it should not is replaced; it ends with the daemon, whose end closes its input.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import brimwatch
from brimwatch.act.spawn import note_child
from brimwatch.errors import MalformedProcFile
from brimwatch.inspect.found import Want
from brimwatch.inspect.wire import LONGEST, Answer, parse_answer, question
from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat
from brimwatch.units import Seconds

DEADLINE = 60.0  # seconds on the clock; the worker is nice, and the machine may be busy
IDLE = 180.0  # seconds without a question after which it is ended
STUCK = 2  # workers that were killed and do not end, in a read that never returns: then no more are started
PAUSE = 30.0  # seconds until another is started where one ended by itself
_TICKS = os.sysconf("SC_CLK_TCK")
# No site-packages and no environment: it needs this package and the standard library, in 15 MB instead of 25.
_START = "import sys; sys.path.insert(0, sys.argv[1]); from brimwatch.inspect.worker import main; main(sys.argv[2])"
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "LANG": "C.UTF-8"}

Done = Callable[[Answer | None, Seconds], None]  # the answer or None, and what it cost in CPU seconds


class _Child(NamedTuple):
    """A worker that runs, and our ends of its pipes."""

    process: subprocess.Popen[bytes]
    questions: int
    answers: int


class Worker:
    """Asks on the loop. `ask` hands over a question, `done` follows once; `tick` is called about each second."""

    def __init__(
        self,
        procfs: str,
        loop: asyncio.AbstractEventLoop,
        failed: Callable[[str], None],
        deadline: float = DEADLINE,
        idle: float = IDLE,
    ) -> None:
        self._procfs, self._loop, self._failed = procfs, loop, failed
        self._deadline, self._idle = deadline, idle
        self._child: _Child | None = None
        self._ending: list[subprocess.Popen[bytes]] = []
        self._done: Done | None = None
        self._asked = 0.0
        self._not_before = 0.0
        self._spent = 0.0
        self._text = bytearray()

    @property
    def busy(self) -> bool:
        """A question is out."""
        return self._done is not None

    @property
    def pid(self) -> int | None:
        """Of the worker that runs now."""
        return None if self._child is None else self._child.process.pid

    def ready(self, now: float) -> bool:
        """Whether a question may be asked."""
        return self._done is None and (
            self._child is not None or (now >= self._not_before and len(self._ending) < STUCK)
        )

    def ask(self, process: ProcessId, wants: frozenset[Want], most: Seconds, done: Done) -> None:
        """Ask for one look; each reader may use about `most` CPU seconds. Only when `ready`."""
        self._asked, self._done = time.monotonic(), done
        try:
            if self._child is None:
                self._child = self._start()
            os.write(self._child.questions, question(process, wants, most))  # less than a pipe holds
        except OSError as error:
            self._give_up(f"it could not be asked: {error}")

    def tick(self, now: float) -> None:
        """Replace a worker that overran its deadline, end one that nobody needs, bury those that ended."""
        self._ending = [process for process in self._ending if process.poll() is None]
        if self._done is not None and now - self._asked > self._deadline:
            self._give_up(f"no answer within {self._deadline:g} s")
        elif self._done is None and self._child is not None and now - self._asked > self._idle:
            self._end()

    def close(self) -> None:
        """End the worker; no answer follows."""
        self._done = None
        self._end()
        for process in self._ending:
            process.kill()
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                continue  # stuck in a read that does not return: it ends with that

    def _start(self) -> _Child:
        package = os.path.dirname(os.path.dirname(os.path.abspath(brimwatch.__file__)))
        theirs, questions = os.pipe()
        answers, ours = os.pipe()
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, package, self._procfs],
                stdin=theirs,
                stdout=ours,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_ENVIRONMENT,
                start_new_session=True,
            )
            note_child(process.pid)
        except OSError:
            os.close(questions)
            os.close(answers)
            raise
        finally:
            os.close(theirs)
            os.close(ours)
        self._spent = 0.0
        self._text.clear()
        os.set_blocking(answers, False)
        self._loop.add_reader(answers, self._read, answers)
        return _Child(process, questions, answers)

    def _read(self, answers: int) -> None:
        try:
            piece = os.read(answers, 64 * 1024)
        except BlockingIOError:
            return
        self._text += piece
        if not piece:
            self._give_up("it ended")
        elif self._text.endswith(b"\n"):
            self._hear(bytes(self._text))
        elif len(self._text) > LONGEST:
            self._give_up("its answer has no end")

    def _hear(self, line: bytes) -> None:
        self._text.clear()
        try:
            answer = parse_answer(line)
        except (ValueError, RecursionError) as error:
            self._give_up(str(error))
            return
        if self._done is None:
            self._give_up("it spoke without being asked")
            return
        done, self._done = self._done, None
        cost, self._spent = answer.spent - self._spent, answer.spent
        done(answer, Seconds(max(0.0, cost)))

    def _give_up(self, why: str) -> None:
        """What was asked fails, and the worker goes."""
        now = time.monotonic()
        cost = max(0.0, self._used() - self._spent)
        self._end(kill=True)
        self._not_before = now + PAUSE
        self._failed(why)
        done, self._done = self._done, None
        if done is not None:
            done(None, Seconds(cost))

    def _used(self) -> float:
        """CPU seconds of the worker by the kernel's count; a question's whole time where it is gone already."""
        if self._child is not None:
            try:
                stat = read_stat("/proc", self._child.process.pid)
                return (stat.utime_ticks + stat.stime_ticks) / _TICKS
            except (OSError, MalformedProcFile):
                pass  # reaped already
        return self._spent + (time.monotonic() - self._asked if self._done is not None else 0.0)

    def _end(self, kill: bool = False) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        self._loop.remove_reader(child.answers)
        os.close(child.questions)
        os.close(child.answers)
        if kill:
            child.process.kill()
        if child.process.poll() is None:
            self._ending.append(child.process)
