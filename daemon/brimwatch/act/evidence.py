"""What does a process show of its runtime, read off the loop and within a deadline?

The command line and the list of mapped files wait for the process's mmap lock, the executable for its file system: any
of them can hang, so they are read aside.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from brimwatch.act.aside import aside
from brimwatch.act.executable import marks_of
from brimwatch.act.runtime_table import RUNTIMES
from brimwatch.act.runtimes import Evidence
from brimwatch.procfs.stat import read_stat

_LONGEST_ARGUMENTS = 4096
_LONGEST_MAPS = 16 << 20  # 65,530 mappings, the kernel's default limit, are about 8 MB
_LONGEST_LINE = 4096 + 128
_CHUNK = 1 << 16
_LIBRARIES = re.compile(
    rb"/((?:%s)[^/\n]*)\n" % b"|".join(re.escape(name.encode()) for row in RUNTIMES for name in row.libraries)
)
_MOST_KNOWN = 256

_known_marks: dict[tuple[int, int, int, int], frozenset[str]] = {}


class Image(NamedTuple):
    """Which program a process has executed: exec replaces all of it. 0 and "" where it may not be read."""

    executable: str
    start_code: int
    start_stack: int


class Observed(NamedTuple):
    """What was seen, and of which image."""

    evidence: Evidence
    image: Image


def image_of(pid: int, procfs: str) -> Image:
    """What tells one program from the next in the same process. Raises ProcessLookupError, PermissionError."""
    stat = read_stat(procfs, pid)
    try:
        executable = os.readlink(f"{procfs}/{pid}/exe")
    except FileNotFoundError:
        raise ProcessLookupError(f"no executable of process {pid}") from None
    return Image(executable, stat.start_code, stat.start_stack)


async def observe(pid: int, procfs: str, within: float) -> Observed:
    """Look at a process's runtime, for at most `within` seconds.

    Raises TimeoutError, ProcessLookupError, PermissionError, MalformedProcFile, OSError.
    """
    return await aside(lambda: _read_all(pid, procfs), within, "brimwatch-runtime")


def _read_all(pid: int, procfs: str) -> Observed:
    image = image_of(pid, procfs)
    place = f"{procfs}/{pid}"
    arguments = tuple(_read(f"{place}/cmdline", _LONGEST_ARGUMENTS).decode("utf-8", "replace").split("\0"))
    evidence = Evidence(image.executable, arguments, _libraries(f"{place}/maps"), _marks(f"{place}/exe"))
    return Observed(evidence, image)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise ProcessLookupError(path) from None


def _read(path: str, longest: int) -> bytes:
    descriptor = _open(path)
    try:
        return os.read(descriptor, longest)
    finally:
        os.close(descriptor)


def _libraries(path: str) -> frozenset[str]:
    """Base names of mapped files that some row of the table names. Raises OSError for a list too long to judge."""
    found: set[bytes] = set()
    descriptor = _open(path)
    try:
        tail = b""
        for _ in range(_LONGEST_MAPS // 4096):
            chunk = os.read(descriptor, _CHUNK)
            if not chunk:
                return frozenset(name.decode("utf-8", "replace") for name in found)
            text = tail + chunk
            found.update(_LIBRARIES.findall(text))
            tail = text[text.rfind(b"\n") + 1 :][-_LONGEST_LINE:]
    finally:
        os.close(descriptor)
    raise OSError("it maps more files than can be looked at")


def _marks(path: str) -> frozenset[str]:
    descriptor = _open(path)
    try:
        facts = os.fstat(descriptor)
        key = (facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size)
        if key not in _known_marks:
            if len(_known_marks) >= _MOST_KNOWN:
                _known_marks.clear()
            _known_marks[key] = marks_of(descriptor)
        return _known_marks[key]
    finally:
        os.close(descriptor)
