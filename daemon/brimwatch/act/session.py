"""Which processes belong to a started command, and how are they all ended?

The command leads a session of its own: whatever it starts is in it, background jobs and their groups included, unless
it makes a session of its own. While its parents live, that is found as well, by following children. What has left the
session and outlived its parents on purpose (a daemon) is not found, and lives: a command may restart a service.
Source: setsid(2), proc_tid_children(5).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable

from brimwatch.act.exits import exited, exits_within
from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.stat import read_stat

ASK = 2.0  # seconds between SIGTERM and SIGKILL
INSIST = 1.0  # seconds that SIGKILL is waited for: a process in an uninterruptible sleep does not end
_MOST = 4096  # members held at once
_GAP = 0.01
_ROUNDS = 3  # looks for what was started while the others were being ended
_MOMENT = 20  # milliseconds; a killed process needs about one


class Session:
    """A command that was started and not reaped: as long as that lasts, nobody else can get its PID or session."""

    def __init__(self, leader: int, procfs: str) -> None:
        """Take over a child that leads a session. Raises OSError when it cannot be held; then it was ended."""
        self.leader = leader
        self._procfs = procfs
        self._members: dict[int, int] = {}  # PID to pidfd
        try:
            self.pidfd = os.pidfd_open(leader)
        except OSError:
            os.killpg(leader, signal.SIGKILL)
            os.waitpid(leader, 0)
            raise

    async def end(self) -> None:
        """Ask all members to end, insist after `ASK` seconds, and wait until they have, or `INSIST` is over as well."""
        for number, patience in ((signal.SIGTERM, ASK), (signal.SIGKILL, INSIST)):
            until = time.monotonic() + patience
            asked: set[int] = set()
            while alive := self._find():
                for pid in alive - asked:
                    self._signal(pid, number)
                asked |= alive
                left = until - time.monotonic()
                if left <= 0:
                    break
                await exits_within(self._members[min(alive)], left)
                await asyncio.sleep(min(_GAP, left))
            else:
                return

    def kill(self) -> None:
        """End all members at once: the way out when there is no time left. Blocks for the leader's exit, a moment."""
        for _ in range(_ROUNDS):
            alive = self._find()
            for pid in alive:
                self._signal(pid, signal.SIGKILL)
            if not alive:
                return
            exited(self.pidfd, _MOMENT)

    def close(self) -> int | None:
        """Reap the leader and let go of everything; its exit code (negative: the signal), None where it still lives.

        A leader that still lives is reaped when it has exited, as long as the loop runs.
        """
        for pid, pidfd in self._members.items():
            if pid != self.leader:
                _reap(pidfd)
            os.close(pidfd)
        self._members.clear()
        if exited(self.pidfd):
            os.close(self.pidfd)
            return os.waitstatus_to_exitcode(os.waitpid(self.leader, 0)[1])
        loop, leader, pidfd = asyncio.get_running_loop(), self.leader, self.pidfd

        def reap() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            os.waitpid(leader, 0)

        loop.add_reader(pidfd, reap)
        return None

    def _find(self) -> set[int]:
        """Every member that is still alive; what is found is held from then on."""
        for name in os.listdir(self._procfs):
            if name.isdigit() and int(name) not in self._members:
                self._hold(int(name), self._is_in_session)
        frontier = [self.leader, *self._members]
        while frontier and len(self._members) < _MOST:
            children = self._children(frontier.pop())
            frontier.extend(pid for pid in children if pid not in self._members and self._hold(pid, self._is_child))
        return {pid for pid, pidfd in self._members.items() if not exited(pidfd)}

    def _hold(self, pid: int, belongs: Callable[[int], bool]) -> bool:
        """Hold a process that belongs to us; looked at twice, since a PID may change hands before it is held."""
        if not belongs(pid):
            return False
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            return False
        if belongs(pid) and len(self._members) < _MOST:
            self._members[pid] = pidfd
            return True
        os.close(pidfd)
        return False

    def _is_in_session(self, pid: int) -> bool:
        try:
            return os.getsid(pid) == self.leader
        except OSError:
            return False

    def _is_child(self, pid: int) -> bool:
        try:
            parent = read_stat(self._procfs, pid).ppid
        except (OSError, MalformedProcFile):
            return False
        return parent == self.leader or parent in self._members

    def _children(self, pid: int) -> list[int]:
        """The children of a process; none where the kernel was built without that list."""
        found: list[int] = []
        try:
            for task in os.listdir(f"{self._procfs}/{pid}/task"):
                with open(f"{self._procfs}/{pid}/task/{task}/children", "rb") as stream:
                    found.extend(map(int, stream.read(1 << 16).split()))
        except (OSError, ValueError):
            return found
        return found

    def _signal(self, pid: int, number: int) -> None:
        # Gone by itself, or of another user (a set-user-ID program): the wait ends by its own time.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(self._members[pid], number)


def _reap(pidfd: int) -> None:
    """Take a member off the process table where it became our child: we are PID 1, or take in orphans."""
    with contextlib.suppress(OSError):
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
