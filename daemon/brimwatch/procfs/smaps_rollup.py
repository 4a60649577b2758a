"""How much of a process's memory is its own, once shared pages are divided among those who share them?"""

from __future__ import annotations

import re
from typing import NamedTuple

from brimwatch.procfs.descriptor import read_process_file
from brimwatch.procfs.kilobytes import need_kilobytes, parse_kilobytes
from brimwatch.units import Bytes

_LINES = re.compile(rb"^(Rss|Pss|Private_Clean|Private_Dirty|Anonymous|Swap|SwapPss):\s*(.*)$", re.M)


class SmapsRollup(NamedTuple):
    """Bytes. `uss` are the private pages, clean and dirty: what an end of the process would give back."""

    rss: Bytes
    pss: Bytes
    uss: Bytes
    anon: Bytes | None = None
    swap: Bytes | None = None
    swap_pss: Bytes | None = None


def parse_smaps_rollup(text: bytes) -> SmapsRollup:
    """Read /proc/PID/smaps_rollup. Huge pages from hugetlbfs are in none of these figures, as they are not in RSS.

    The kernel walks every page table of the process under its mmap lock for this: about 16 ms per resident GiB, and it
    may wait for as long as the target's own page faults do. Source: proc_pid_smaps(5), Linux 4.14 and later.
    Raises MalformedProcFile.
    """
    found = dict(_LINES.findall(text))
    private = need_kilobytes(found, b"Private_Clean", "smaps_rollup") + need_kilobytes(
        found, b"Private_Dirty", "smaps_rollup"
    )
    return SmapsRollup(
        rss=need_kilobytes(found, b"Rss", "smaps_rollup"),
        pss=need_kilobytes(found, b"Pss", "smaps_rollup"),
        uss=Bytes(private),
        anon=parse_kilobytes(found, b"Anonymous", "smaps_rollup"),
        swap=parse_kilobytes(found, b"Swap", "smaps_rollup"),
        swap_pss=parse_kilobytes(found, b"SwapPss", "smaps_rollup"),
    )


def read_smaps_rollup(procfs: str, pid: int, thread: int | None = None) -> SmapsRollup:
    """Open, read, close: a held file stays bound to the memory of the time it was opened, and an exec ends that.

    Raises ProcessLookupError (also for a process without memory), FileNotFoundError, PermissionError,
    MalformedProcFile.
    """
    name = "smaps_rollup" if thread is None else f"task/{thread}/smaps_rollup"
    return parse_smaps_rollup(read_process_file(procfs, pid, name))
