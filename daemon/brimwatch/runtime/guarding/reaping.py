"""How did the command end, and who else has ended that only we can take off the process table?

What an action started is reaped by that action: it is not touched here. Source: wait4(2), waitid(2).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

_UNIT = 1024  # bytes: getrusage(2) counts kilobytes


class Ended(NamedTuple):
    """How a process ended. `code` is negative for a signal, `peak` the largest of it and what it waited for, bytes."""

    code: int
    peak: int
    cpu: float  # seconds, of it and of what it waited for

    @property
    def exit_code(self) -> int:
        """What a shell makes of it: 128 and the signal's number where it died of one."""
        return 128 - self.code if self.code < 0 else self.code


class Reaper:
    """Waits for one command, and for the orphans that came to us. `spares(pid)`: an action's, not to be reaped."""

    def __init__(self, child: int, spares: Callable[[int], bool]) -> None:
        self._child = child
        self._spares = spares
        self.orphans = 0
        self.orphan_peak = 0  # bytes

    def command(self) -> Ended | None:
        """How the command ended; None while it lives. To be asked until it says so, not after."""
        pid, status, usage = os.wait4(self._child, os.WNOHANG)
        if pid == 0:
            return None
        return Ended(os.waitstatus_to_exitcode(status), usage.ru_maxrss * _UNIT, usage.ru_utime + usage.ru_stime)

    def reap(self) -> None:
        """Reap orphans that have ended. The kernel shows one at a time; an action's hides others until it is gone."""
        while (found := self._first()) is not None and found != self._child and not self._spares(found):
            _, _, usage = os.wait4(found, 0)
            self.orphans += 1
            self.orphan_peak = max(self.orphan_peak, usage.ru_maxrss * _UNIT)

    def _first(self) -> int | None:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return None
        return None if found is None else found.si_pid
