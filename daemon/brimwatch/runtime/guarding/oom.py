"""Has the kernel killed in the command's memory cgroup? Counted before and after: the command begins in ours."""

from __future__ import annotations

import os

from brimwatch.errors import MalformedProcFile
from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup import read_cgroup
from brimwatch.procfs.cgroup_memory import read_cgroup_memory
from brimwatch.procfs.cgroup_place import Place, locate_memory, own_mounts
from brimwatch.procfs.stat import read_stat


class OomCount:
    """OOM kills in our own memory cgroup since this was made; None where that cannot be read, or there is none."""

    def __init__(self, procfs: str = "/proc") -> None:
        self._place: Place | None = None
        try:
            pid = os.getpid()
            process = ProcessId(pid, read_stat(procfs, pid).start_ticks)
            self._place = locate_memory(read_cgroup(procfs, pid), own_mounts(procfs), procfs, process)
        except (OSError, MalformedProcFile):
            self._place = None
        self._before = self._count()

    def since(self) -> int | None:
        """How many have been counted since."""
        after = self._count()
        return None if after is None or self._before is None else max(0, after - self._before)

    def _count(self) -> int | None:
        try:
            memory = None if self._place is None else read_cgroup_memory(self._place)
        except (OSError, MalformedProcFile):
            return None
        return None if memory is None else memory.oom_kills
