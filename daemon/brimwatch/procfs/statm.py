"""How large are a process's address space and resident set right now, for the price of one short read?"""

from __future__ import annotations

import os
from typing import NamedTuple

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.descriptor import read_process_file
from brimwatch.units import Bytes

PAGE = os.sysconf("SC_PAGE_SIZE")


class Statm(NamedTuple):
    """Bytes. `shared` are resident file and shared-memory pages: `resident - shared` is anonymous memory."""

    size: Bytes
    resident: Bytes
    shared: Bytes


def parse_statm(text: bytes, page: int = PAGE) -> Statm:
    """Read one /proc/PID/statm line; counts are pages, results are bytes.

    The read takes no mmap lock and costs the same for any size. Kernels 6.2 to 6.16 sum the counters only roughly: each
    of the three may be off by max(32, 2 * CPUs) pages per CPU; before, by 64 pages per thread; since 6.17 they are
    exact. Zeros throughout are a zombie, a kernel thread, or a process whose leader has ended: no measurement.
    Source: proc_pid_statm(5); Linux commits f1a7941243c1 and 82241a83cd15. Raises MalformedProcFile.
    """
    fields = text.split(None, 3)
    try:
        size, resident, shared = int(fields[0]), int(fields[1]), int(fields[2])
    except (IndexError, ValueError):
        raise MalformedProcFile(f"statm: found {text[:80]!r}, wanted seven page counts") from None
    if size < 0 or resident < 0 or shared < 0:
        raise MalformedProcFile(f"statm: found {text[:80]!r}, wanted counts of at least 0")
    return Statm(Bytes(size * page), Bytes(resident * page), Bytes(shared * page))


def read_statm(procfs: str, pid: int) -> Statm:
    """Open, read, close. Raises ProcessLookupError, PermissionError, MalformedProcFile."""
    return parse_statm(read_process_file(procfs, pid, "statm"))
