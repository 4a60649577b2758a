"""Which other workers does this server have, and what became of a reclaim in each of them?

Workers are children of one parent, in one process group, of one user, and run the same program file: so are those of
gunicorn, uvicorn, Hypercorn and uWSGI. Each is asked through the socket of its own agent, all at once.
Source: proc_pid_stat(5).
"""

from __future__ import annotations

import os
import time

from brimwatch.hooks.answers import Answer, Pending
from brimwatch.hooks.attempt import describe
from brimwatch.hooks.lane import run_beside
from brimwatch.hooks.mounted.asking import Absent, connect, exchange
from brimwatch.hooks.mounted.reply import Reply
from brimwatch.hooks.process import read
from brimwatch.hooks.wire import DEADLINE, ERROR, RECLAIM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST = 64  # other workers asked at once
GRACE = 1.0  # seconds after the deadline for their answers to arrive


def family(pid: int | str) -> tuple[int, int, int] | None:
    """Parent, process group and start time (clock ticks) of a process; None where there is none."""
    text = read(f"/proc/{pid}/stat")
    fields = b"" if text is None else text[text.rfind(b")") + 1 :]
    try:
        values = fields.split()
        return int(values[1]), int(values[2]), int(values[19])
    except (ValueError, IndexError):
        return None


def siblings() -> list[tuple[int, int]]:
    """PID and start time of every other worker, in the order of their PIDs."""
    own, program = family("self"), _program("self")
    if own is None or program is None:
        return []
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            other = family(name)
            if other is not None and other[:2] == own[:2] and _program(name) == program and _is_ours(name):
                found.append((int(name), other[2]))
    return sorted(found)


def _program(pid: str) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


def _is_ours(pid: str) -> bool:
    try:
        return os.stat(f"/proc/{pid}").st_uid == os.geteuid()
    except OSError:
        return False


class Crew:
    """One reclaim in all workers: in this one, as `own` tells, and beside it in the others."""

    def __init__(self, own: Answer | Pending, body: dict[str, Any], run_dir: str | None, seconds: float) -> None:
        self._own, self._body, self._run_dir = own, body, run_dir
        self._since = time.monotonic()
        self._until = self._since + seconds
        self._found: list[tuple[int, int]] | None = None
        self._told: dict[int, dict[str, Any] | None] = {}  # None: it has no agent

    def pending(self) -> Pending:
        """Begin; the answer comes when all have answered."""
        run_beside(self._ask_all, "brimwatch-workers")
        return Pending(self._ready, self._answer, self._since, self._until + GRACE)

    def _ask_all(self) -> None:
        found = siblings()
        self._found = found
        for pid, ticks in found[:MOST]:
            run_beside(self._asking(pid, ticks), "brimwatch-worker")

    def _asking(self, pid: int, ticks: int) -> Callable[[], None]:
        def work() -> None:
            self._told[pid] = self._ask(pid, ticks)

        return work

    def _ask(self, pid: int, ticks: int) -> dict[str, Any] | None:
        try:
            with connect(pid, ticks, self._run_dir) as connection:
                _, body = exchange(connection, RECLAIM, self._body, self._until + GRACE)
        except Absent:
            return None
        except TimeoutError:
            return {"error": DEADLINE, "detail": "it has not answered in time"}
        except (OSError, ValueError, RecursionError) as fault:
            return {"error": ERROR, "detail": describe(fault)}
        return body

    def _ready(self) -> bool:
        mine = self._own
        return (
            (isinstance(mine, Answer) or mine.ready() or time.monotonic() >= mine.until)
            and self._found is not None
            and len(self._told) == min(len(self._found), MOST)
        )

    def _answer(self) -> Reply:
        mine = self._own if isinstance(self._own, Answer) else self._own.make()
        workers = [mine.body]
        others = self._found or []
        told = dict(self._told)
        silent = {"error": DEADLINE, "detail": "it has not answered in time"}
        for pid, _ in others[:MOST]:
            answer = told.get(pid, silent)
            if answer is not None:
                workers.append({**answer, "pid": pid})
        return Reply(200, {
            "workers": workers,
            "without_agent": [pid for pid, _ in others[:MOST] if told.get(pid, silent) is None],
            "not_asked": [pid for pid, _ in others[MOST:]],
            "reclaimed_bytes": _sum(workers, "reclaimed_bytes"),
            "claimed_bytes": _sum(workers, "claimed_bytes"),
            "complete": self._found is not None and all(worker.get("complete") is True for worker in workers),
        })  # fmt: skip


def _sum(workers: list[dict[str, Any]], key: str) -> int:
    values = [worker.get(key) for worker in workers]
    return sum(value for value in values if isinstance(value, int))
