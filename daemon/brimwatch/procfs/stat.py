"""Who is a process, whose child, since when, and has it called exec? One line of /proc/PID/stat.

Does *not* cover memory in bytes: pages and ticks stay as the kernel counts them.
"""

from __future__ import annotations

from typing import NamedTuple

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.descriptor import read_process_file

_LAST_FIELD = 26  # start_stack is field 28; the first two stand before the split
_EXITING = 0x00000004  # PF_EXITING, include/linux/sched.h: set before the memory is given back, and never cleared
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD, include/linux/sched.h


class Stat(NamedTuple):
    """Fields of proc_pid_stat(5). Times are clock ticks, `vsize` bytes, `rss_pages` pages.

    `start_code` and `start_stack` change with each exec; where we may not trace the process the kernel shows 1 and 0.
    """

    pid: int
    comm: str
    state: str
    ppid: int
    start_ticks: int
    utime_ticks: int
    stime_ticks: int
    threads: int
    vsize: int
    rss_pages: int
    start_code: int = 0
    start_stack: int = 0
    flags: int = 0

    @property
    def is_kernel_thread(self) -> bool:
        """True for a thread of the kernel, by its own flag: in a container PID 2 may be anything."""
        return bool(self.flags & _KERNEL_THREAD)

    @property
    def is_exiting(self) -> bool:
        """True from the start of its exit on; its memory goes piece by piece then."""
        return bool(self.flags & _EXITING)

    @property
    def is_dead(self) -> bool:
        """True for a zombie. A leader that has ended while its threads live reads Z too, with more than one thread."""
        return self.state in "ZXx" and self.threads <= 1


def parse_stat(text: bytes) -> Stat:
    """Read one /proc/PID/stat line.

    The name may hold anything, `) Z 1` and newlines included: it ends at the last parenthesis. Bytes that are no UTF-8
    are shown as `\\xNN`, so that the name can always be encoded again. Source: proc_pid_stat(5). Raises
    MalformedProcFile.
    """
    opening, closing = text.find(b"("), text.rfind(b")")
    fields = text[closing + 1 :].split(None, _LAST_FIELD)
    try:
        if opening < 0 or closing < opening:
            raise ValueError
        return Stat(
            int(text[:opening]),
            text[opening + 1 : closing].decode("utf-8", "backslashreplace"),
            fields[0].decode("ascii"),
            int(fields[1]),
            int(fields[19]),
            int(fields[11]),
            int(fields[12]),
            int(fields[17]),
            int(fields[20]),
            int(fields[21]),
            int(fields[23]),
            int(fields[25]),
            int(fields[6]),
        )
    except (ValueError, IndexError):
        raise MalformedProcFile(f"stat: found {text[:200]!r}, wanted the fields of proc_pid_stat(5)") from None


def read_stat(procfs: str, pid: int) -> Stat:
    """Read `procfs`/`pid`/stat. Raises ProcessLookupError, PermissionError, MalformedProcFile."""
    return parse_stat(read_process_file(procfs, pid, "stat"))
