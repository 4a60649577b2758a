"""How many descriptors has a process open?"""

from __future__ import annotations

import os
from functools import lru_cache
from itertools import islice

_MOST = 1 << 20  # entries counted one by one
_NEAR = 4  # descriptors that other threads of ours may open or close between two looks at ourselves


@lru_cache(maxsize=8)
def size_is_count(procfs: str) -> bool:
    """Whether the size of /proc/PID/fd is the number of its entries, as since Linux 6.2 (found out on ourselves)."""
    try:
        size = os.stat(f"{procfs}/self/fd").st_size
        return size > 0 and abs(size - len(os.listdir(f"{procfs}/self/fd"))) <= _NEAR
    except OSError:
        return False


def count_descriptors(procfs: str, pid: int, thread: int | None = None) -> int:
    """Open descriptors of a process, or of a live thread of it where its leader has ended.

    With Linux 6.2 one stat that needs no privilege; before, a listing that needs the target's uid or CAP_SYS_PTRACE.
    Raises ProcessLookupError, PermissionError. Source: proc_pid_fd(5).
    """
    path = f"{procfs}/{pid}/fd" if thread is None else f"{procfs}/{pid}/task/{thread}/fd"
    try:
        if size_is_count(procfs):
            return os.stat(path).st_size
        with os.scandir(path) as entries:
            return sum(1 for _ in islice(entries, _MOST))
    except FileNotFoundError:
        raise ProcessLookupError(f"{procfs}/{pid} is gone") from None
