"""What do the threads of any process do, whatever its language, and what is its memory made of?

From /proc alone: names, states, what each waits for in the kernel, and the sums of its memory map. Nothing is stopped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice

from brimwatch.act.one_line import one_line
from brimwatch.act.request import Finding
from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.descriptor import read_file
from brimwatch.procfs.smaps_rollup import read_smaps_rollup
from brimwatch.procfs.stat import parse_stat
from brimwatch.procfs.status import read_status

MOST = 256  # threads of one process
STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "waiting for a disk or a page",
    "T": "stopped",
    "t": "stopped by a debugger",
    "I": "idle",
    "Z": "ended",
    "X": "ended",
}


def memory_of(procfs: str, pid: int) -> Finding:
    """One line about a process's memory; what cannot be read is left out, and why stands in `missing`.

    Takes its mmap lock, and may wait for as long as that is held. Raises ProcessLookupError.
    """
    found: dict[str, object] = {"record": "memory", "pid": pid}
    missing: list[str] = []
    for name, read in (("status", _status), ("smaps_rollup", _rollup)):
        try:
            found |= read(procfs, pid)
        except ProcessLookupError:
            raise
        except (OSError, MalformedProcFile) as error:
            missing.append(f"{name}: {one_line(getattr(error, 'strerror', None) or str(error))}")
    return found | ({"missing": missing} if missing else {})


def thread_states(procfs: str, pid: int) -> list[Finding]:
    """One line for each thread, at most `MOST`. Raises ProcessLookupError, PermissionError."""
    try:
        with os.scandir(f"{procfs}/{pid}/task") as entries:
            threads = [entry.name for entry in islice(entries, MOST)]
    except FileNotFoundError:
        raise ProcessLookupError(f"no process {pid}") from None
    return list(_lines(f"{procfs}/{pid}/task", threads, pid))


def _lines(folder: str, threads: list[str], pid: int) -> Iterator[Finding]:
    for thread in threads:
        try:
            stat = parse_stat(read_file(f"{folder}/{thread}/stat"))
        except (FileNotFoundError, ProcessLookupError, MalformedProcFile):
            continue  # that thread has ended meanwhile
        line: dict[str, object] = {
            "record": "thread",
            "pid": pid,
            "tid": int(thread),
            "name": one_line(stat.comm, 64),
            "state": STATES.get(stat.state, stat.state),
            "cpu_ticks": stat.utime_ticks + stat.stime_ticks,
        }
        waits = _optional(lambda thread=thread: read_file(f"{folder}/{thread}/wchan"))  # type: ignore[misc]
        if waits and waits != b"0":
            line["waits_in"] = one_line(waits, 64)
        yield line


def _status(procfs: str, pid: int) -> dict[str, object]:
    status = read_status(procfs, pid)
    found = {
        "peak_rss_bytes": status.peak_rss,
        "anon_bytes": status.anon,
        "file_bytes": status.file,
        "shmem_bytes": status.shmem,
        "swap_bytes": status.swap,
        "threads": status.threads,
    }
    return {key: value for key, value in found.items() if value is not None}


def _rollup(procfs: str, pid: int) -> dict[str, object]:
    rollup = read_smaps_rollup(procfs, pid)
    return {"rss_bytes": rollup.rss, "pss_bytes": rollup.pss, "uss_bytes": rollup.uss}


def _optional(read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except (OSError, MalformedProcFile):
        return b""  # a kernel that hides it, or a thread that has ended
