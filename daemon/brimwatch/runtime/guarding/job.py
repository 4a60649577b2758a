"""How does a guarded command live? It is started, gets its signals, is waited for, and accounted for.

Does *not* cover the watching (`watching`), on which nothing here depends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from brimwatch.act.spawn import is_ours
from brimwatch.errors import MalformedProcFile
from brimwatch.model import Policy
from brimwatch.procfs.stat import read_stat
from brimwatch.record.account import Account, Left
from brimwatch.record.redact import redact
from brimwatch.runtime.guarding.course import Course
from brimwatch.runtime.guarding.launch import Launched
from brimwatch.runtime.guarding.oom import OomCount
from brimwatch.runtime.guarding.passing import ENDING, Taken, descends, is_stopped, pass_on, reached, stop_here
from brimwatch.runtime.guarding.reaping import Ended, Reaper

if TYPE_CHECKING:  # a fault in there must not keep the command from running
    from brimwatch.runtime.guarding.watching import Watching

BEAT = 1.0  # seconds: nothing waits for it but orphans and the check of the watch
CLOSING = 0.05
LAST_PATIENCE = 5.0  # seconds for the watch to close its files


class Job:
    """One command from its start to its account."""

    def __init__(self, words: Sequence[str], launched: Launched, taken: Taken, oom: OomCount) -> None:
        self._words = words
        self._launched = launched
        self._taken = taken
        self._oom = oom
        self._started = time.time()
        self._reaper = Reaper(launched.pid, is_ours)
        self._stopped_here = False

    def wait(self, watching: Watching | None) -> Ended:
        """Pass signals on until the command has ended."""
        while (ended := self._reaper.command()) is None:
            self._reaper.reap()
            info = signal.sigtimedwait(self._taken.numbers, BEAT)
            if info is not None and info.si_signo != signal.SIGCHLD:
                self._answer(info)
            if watching is not None:
                watching.check()
        return ended

    def close(self, watching: Watching, patience: float) -> None:
        """Let the watch end; a signal to end says that it need not end well."""
        watching.end()
        give_up = time.monotonic() + patience + LAST_PATIENCE
        while watching.running and time.monotonic() < give_up:
            info = signal.sigtimedwait(self._taken.numbers, CLOSING)
            if info is not None and info.si_signo in ENDING:
                watching.hurry()
                give_up = min(give_up, time.monotonic() + LAST_PATIENCE)
            self._reaper.reap()

    def account(self, ended: Ended, at: float, course: Course, policy: Policy, unwatched: str) -> Account:
        """All that is known at the end."""
        course.close(at)
        kills = dict(course.oom_kills)
        counted = self._oom.since()
        if counted is not None:
            kills["cgroup"] = max(counted, kills.get("cgroup", 0))
        ending = {action.name for rule in policy.tiers for action in rule.do if action.ends_process}
        return Account(
            command=redact(self._words),
            pid=self._launched.pid,
            started=self._started,
            ended=at,
            code=ended.code,
            cpu=ended.cpu,
            peak_process=max(ended.peak, self._reaper.orphan_peak),
            floor=self._launched.floor,
            looks=course.looks,
            start=course.start,
            last=course.last,
            peak_group=course.peak,
            most_processes=course.most_processes,
            growth=course.growth(),
            limit=None if course.limit is None else int(course.limit.bytes),
            limit_source="" if course.limit is None else course.limit.source,
            least_headroom=course.least_headroom,
            entries=tuple(course.entries),
            deeds=tuple(course.deeds),
            passed=course.marks_passed(),
            ahead=course.ahead(policy),
            oom_kills={evidence: count for evidence, count in kills.items() if count},
            ended_by_us=any(deed.action in ending and deed.result == "ran" for deed in course.deeds),
            left=left_running(),
            unwatched=unwatched,
            orphans=self._reaper.orphans,
        )

    def _answer(self, info: signal.struct_siginfo) -> None:
        """Pass a signal on, unless the command has it; stop and go on with the command."""
        number, child = info.si_signo, self._launched.pid
        already = reached(info, child)
        if number == signal.SIGCONT:
            if is_stopped(child) or not (already or self._stopped_here):
                pass_on(number, child)
            self._stopped_here = False
            return
        if not already:
            pass_on(number, child)
        if number == signal.SIGTSTP:
            self._stopped_here = True
            stop_here()


def left_running(procfs: str = "/proc") -> tuple[Left, ...]:
    """Our descendants but for what actions started: the command has ended, they have not."""
    found = []
    for name in os.listdir(procfs):
        if not name.isdigit() or is_ours(int(name)):
            continue
        with contextlib.suppress(OSError, MalformedProcFile):  # gone meanwhile
            stat = read_stat(procfs, int(name))
            if not stat.is_dead and not stat.is_kernel_thread and descends(stat.pid, procfs):
                found.append(Left(stat.pid, stat.comm))
    return tuple(found)
