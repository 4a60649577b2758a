"""Does a process run Python, so that a refused allocation is a MemoryError that the program can handle?"""

from __future__ import annotations

import os
import re

_NAMED = re.compile(r"(?:python|pypy)[0-9.]*(?:-[a-z]+)?t?", re.ASCII)
_MAPPED = re.compile(rb"/(?:libpython[23][^/\n]*\.so[^/\n]*|libpypy[^/\n]*\.so[^/\n]*)(?: \(deleted\))?\n")
_CHUNK = 1 << 16
_LONGEST_MAPS = 16 << 20
_LONGEST_LINE = 4096 + 128


def runs_python(pid: int, procfs: str) -> bool:
    """By its executable's name, or a mapped libpython: an embedded one counts.

    Waits for the process's mmap lock where the name does not tell. Raises ProcessLookupError, PermissionError, OSError.
    """
    try:
        executable = os.readlink(f"{procfs}/{pid}/exe").removesuffix(" (deleted)")
        return _NAMED.fullmatch(executable.rpartition("/")[2]) is not None or _maps_python(f"{procfs}/{pid}/maps")
    except FileNotFoundError:
        raise ProcessLookupError(f"process {pid} is gone") from None


def _maps_python(path: str) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        tail = b""
        for _ in range(_LONGEST_MAPS // 4096):
            chunk = os.read(descriptor, _CHUNK)
            if not chunk:
                return False
            text = tail + chunk
            if _MAPPED.search(text):
                return True
            tail = text[text.rfind(b"\n") + 1 :][-_LONGEST_LINE:]
        return False
    finally:
        os.close(descriptor)
