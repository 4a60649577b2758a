"""Who is a process, what does it hold in detail, and which signals does it catch?"""

from __future__ import annotations

import re
from signal import SIGKILL
from typing import NamedTuple

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.descriptor import read_process_file
from brimwatch.procfs.kilobytes import parse_kilobytes
from brimwatch.units import Bytes

# `Name` comes first and may hold anything but a line feed, which the kernel escapes: it cannot forge a line.
_LINES = re.compile(
    rb"^(Uid|Gid|NSpid|Threads|VmHWM|VmRSS|RssAnon|RssFile|RssShmem|VmData|VmSwap|SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt):\s*(.*)$",
    re.M,
)


class Status(NamedTuple):
    """Sizes are bytes, None where the process has no memory of its own or the kernel does not say.

    `uid` and `gid` are the effective ones. `ns_pid` are its PIDs from our namespace inwards. Signal sets are masks:
    bit n - 1 stands for signal n.
    """

    uid: int
    gid: int
    threads: int
    ns_pid: tuple[int, ...] = ()
    rss: Bytes | None = None
    anon: Bytes | None = None
    file: Bytes | None = None
    shmem: Bytes | None = None
    swap: Bytes | None = None
    peak_rss: Bytes | None = None
    vm_data: Bytes | None = None
    sig_blocked: int = 0
    sig_ignored: int = 0
    sig_caught: int = 0
    sig_pending: int = 0  # of the thread or of the whole process

    def catches(self, number: int) -> bool:
        """Whether the process has a handler for the signal. Caught does not mean that it does any good."""
        return bool(self.sig_caught >> (number - 1) & 1)

    @property
    def is_being_killed(self) -> bool:
        """Whether SIGKILL is on its way: the kernel counts a kill before its victim notices."""
        return bool(self.sig_pending >> (SIGKILL - 1) & 1)


def parse_status(text: bytes) -> Status:
    """Read /proc/PID/status. A zombie or kernel thread has no sizes.

    The peak is the highest ever, reset by exec and by writing 5 to clear_refs; swap does not count shared memory. The
    read takes no mmap lock. Source: proc_pid_status(5). Raises MalformedProcFile.
    """
    found = dict(_LINES.findall(text))
    try:
        return Status(
            uid=int(found[b"Uid"].split()[1]),
            gid=int(found[b"Gid"].split()[1]),
            threads=int(found[b"Threads"]),
            ns_pid=tuple(map(int, found.get(b"NSpid", b"").split())),
            rss=parse_kilobytes(found, b"VmRSS", "status"),
            anon=parse_kilobytes(found, b"RssAnon", "status"),
            file=parse_kilobytes(found, b"RssFile", "status"),
            shmem=parse_kilobytes(found, b"RssShmem", "status"),
            swap=parse_kilobytes(found, b"VmSwap", "status"),
            peak_rss=parse_kilobytes(found, b"VmHWM", "status"),
            vm_data=parse_kilobytes(found, b"VmData", "status"),
            sig_blocked=int(found.get(b"SigBlk", b"0"), 16),
            sig_ignored=int(found.get(b"SigIgn", b"0"), 16),
            sig_caught=int(found.get(b"SigCgt", b"0"), 16),
            sig_pending=int(found.get(b"SigPnd", b"0"), 16) | int(found.get(b"ShdPnd", b"0"), 16),
        )
    except KeyError as error:
        raise MalformedProcFile(f"status: found no line {error.args[0].decode()}") from None
    except (IndexError, ValueError):
        raise MalformedProcFile("status: found no number in Uid, Gid, NSpid, Threads or a signal set") from None


def read_status(procfs: str, pid: int, thread: int | None = None) -> Status:
    """Open, read, close, of a thread where one is named. Raises ProcessLookupError, OSError, MalformedProcFile."""
    return parse_status(read_process_file(procfs, pid, "status" if thread is None else f"task/{thread}/status"))
