"""How much of a process is stacks? What is there of the mappings that its threads' stack pointers lie in."""

from __future__ import annotations

import os
from itertools import islice

from brimwatch.inspect.maps import Mapping
from brimwatch.inspect.pages import Pages
from brimwatch.procfs.descriptor import read_file
from brimwatch.units import Bytes

MOST = 10_000  # threads
_LARGEST = 256 << 20  # bytes: a mapping beyond is no stack alone


def stack_bytes(process: str, mappings: tuple[Mapping, ...], pages: Pages) -> Bytes:
    """Resident bytes of stacks. A thread that runs right now does not tell its pointer, so its stack is left out.

    `process` is `/proc/PID`. Raises ProcessLookupError, PermissionError. Source: proc_pid_syscall(5).
    """
    found = {one for one in mappings if one.path.startswith("[stack")}
    try:
        with os.scandir(f"{process}/task") as entries:
            threads = [entry.name for entry in islice(entries, MOST)]
    except FileNotFoundError:
        raise ProcessLookupError(f"{process} is gone") from None
    ordered = sorted(one for one in mappings if one.heap_like and one.end - one.start <= _LARGEST)
    for pointer in sorted(_pointers(process, threads)):
        while ordered and ordered[0].end <= pointer:
            ordered.pop(0)
        if ordered and ordered[0].start <= pointer:
            found.add(ordered[0])
    return Bytes(sum(pages.present(one.start, one.end) for one in found if one.path != "[heap]"))


def _pointers(process: str, threads: list[str]) -> list[int]:
    """The stack pointers of threads that wait in a system call: the last number but one."""
    pointers = []
    for thread in threads:
        try:
            words = read_file(f"{process}/task/{thread}/syscall").split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # that thread has ended meanwhile, or this kernel does not tell
        if len(words) >= 3:
            pointers.append(int(words[-2], 16))
    return pointers
