"""What bounds a process, how near is that, and whom would the kernel kill?"""

from __future__ import annotations

import re
import signal

from brimwatch.inspect.asking import Gaps
from brimwatch.inspect.report import Bounds
from brimwatch.model import Limit, ProcessId
from brimwatch.procfs.cgroup import CgroupPaths
from brimwatch.procfs.cgroup_memory import CgroupMemory, read_cgroup_memory
from brimwatch.procfs.cgroup_place import locate_memory, own_mounts
from brimwatch.procfs.descriptor import read_process_file
from brimwatch.procfs.fd import count_descriptors
from brimwatch.procfs.meminfo import Meminfo, read_meminfo
from brimwatch.procfs.status import Status
from brimwatch.units import Bytes

RESOURCES = ("address space", "data size", "stack size", "resident set", "locked memory", "open files", "processes")
_SOFT = re.compile(rb"^Max ([a-z ]+?) {2,}(\d+) ", re.M)
_LIBRARY_S_OWN = (32, 33)  # glibc keeps these two for itself in every threaded program: nptl(7)


def read_cgroup_bounds(procfs: str, process: ProcessId, paths: CgroupPaths) -> CgroupMemory | None:
    """The memory cgroup that the process is charged to; None for the root. Raises OSError, MalformedProcFile."""
    place = locate_memory(paths, own_mounts(procfs), procfs, process)
    return None if place is None else read_cgroup_memory(place)


def parse_soft_limits(text: bytes) -> dict[str, int]:
    """The soft limits of /proc/PID/limits that can make a program fail; unlimited ones are not in it.

    Bytes, and numbers of files and processes. Source: proc_pid_limits(5).
    """
    found = {match[1].decode(): int(match[2]) for match in _SOFT.finditer(text)}
    return {name: found[name] for name in RESOURCES if name in found}


def signal_names(mask: int) -> tuple[str, ...]:
    """The names of the signals in a set, without SIG; real-time ones as `RTMIN+1`."""
    numbers = [number for number in range(1, 65) if mask >> (number - 1) & 1 and number not in _LIBRARY_S_OWN]
    return tuple(_signal_name(number) for number in numbers)


def _signal_name(number: int) -> str:
    if number > signal.SIGRTMIN:
        return f"RTMIN+{number - signal.SIGRTMIN}"
    return signal.Signals(number).name.removeprefix("SIG")


def read_bounds(
    procfs: str, process: ProcessId, paths: CgroupPaths | None, status: Status | None, thread: int | None, gaps: Gaps
) -> Bounds:
    """Everything that bounds the process; what cannot be read is noted. Raises ProcessLookupError."""
    memory = None
    if paths is not None:
        memory = gaps.ask("memory cgroup", lambda: read_cgroup_bounds(procfs, process, paths))
    machine = gaps.ask("the machine's memory", lambda: read_meminfo(procfs))
    text = gaps.ask("resource limits", lambda: read_process_file(procfs, process.pid, "limits"))
    return Bounds(
        limit=_limit(memory, machine),
        usage=None if memory is None else memory.usage,
        working_set=None if memory is None else memory.working_set,
        file_cache=None if memory is None else memory.inactive_file,
        headroom=_headroom(memory, machine),
        machine_total=None if machine is None else machine.total,
        machine_available=None if machine is None else machine.available,
        oom_kills=None if memory is None else memory.oom_kills,
        oom_score=gaps.ask("OOM score", lambda: int(read_process_file(procfs, process.pid, "oom_score"))),
        oom_score_adj=gaps.ask("OOM adjustment", lambda: int(read_process_file(procfs, process.pid, "oom_score_adj"))),
        soft={} if text is None else parse_soft_limits(text),
        open_files=gaps.ask("open files", lambda: count_descriptors(procfs, process.pid, thread)),
        signals=None if status is None else signal_names(status.sig_caught),
    )


def _limit(memory: CgroupMemory | None, machine: Meminfo | None) -> Limit | None:
    """The tightest: a cgroup's on the way up, else what the machine has."""
    if memory is not None and memory.limit is not None and (machine is None or memory.limit < machine.total):
        return Limit(memory.limit, "cgroup")
    return None if machine is None else Limit(machine.total, "machine")


def _headroom(memory: CgroupMemory | None, machine: Meminfo | None) -> Bytes | None:
    rooms = [None if memory is None else memory.headroom, None if machine is None else machine.available]
    known = [room for room in rooms if room is not None]
    return min(known) if known else None
