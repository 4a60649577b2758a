"""Which processes does Brimwatch never end?

PID 1, Brimwatch itself, whatever started it, and kernel threads. The first process of another container (PID 1 in
there only) may be ended: that is how a container is restarted.
"""

from __future__ import annotations

import os

from brimwatch.errors import MalformedProcFile
from brimwatch.model import ProcessId, Reason
from brimwatch.procfs.stat import read_stat

_LONGEST_LINE = 256


def protected(identity: ProcessId, procfs: str) -> Reason | None:
    """`Reason.PROTECTED` for a process that is never to be ended, else None.

    Raises ProcessLookupError when it is gone, PermissionError, MalformedProcFile when it cannot be told.
    """
    if identity.pid <= 1 or identity.pid in _own_line(procfs):
        return Reason.PROTECTED
    return Reason.PROTECTED if read_stat(procfs, identity.pid).is_kernel_thread else None


def _own_line(procfs: str) -> set[int]:
    """This process and its ancestors, as numbered in this procfs."""
    try:
        pid = int(os.readlink(f"{procfs}/self"))
    except (OSError, ValueError):
        pid = os.getpid()
    line: set[int] = set()
    while pid > 0 and pid not in line and len(line) < _LONGEST_LINE:
        line.add(pid)
        try:
            pid = read_stat(procfs, pid).ppid
        except (OSError, MalformedProcFile):
            break  # an ancestor outside our view, or one that ended just now: the line as far as it can be seen
    return line
