"""How is a kernel file read again and again at the cost of one system call?

A held descriptor of a `/proc/PID` file stays bound to that process. Once the process is gone it answers ESRCH, and
never for the one that was given its PID.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable

from brimwatch.errors import MalformedProcFile

STAT_LIKE = 64 * 1024  # bytes: more than any file of a few lines holds
LISTS = 1024 * 1024  # bytes: memory.stat, mountinfo
RESERVE = 64  # descriptors left to sockets, pidfds, files that are open for a moment


def read_descriptor(descriptor: int, bound: int) -> bytes:
    """The whole text behind an open descriptor, from its position on.

    Raises MalformedProcFile where it is longer than `bound` bytes: half a text would read as another one.
    """
    pieces: list[bytes] = []
    size = 0
    while size <= bound:
        piece = os.read(descriptor, bound + 1 - size)
        if not piece:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
    raise MalformedProcFile(f"longer than {bound} bytes")


def read_file(path: str, bound: int = STAT_LIKE) -> bytes:
    """Open, read whole, close. Raises OSError as the kernel has it, MalformedProcFile above `bound` bytes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_descriptor(descriptor, bound)
    finally:
        os.close(descriptor)


def read_process_file(procfs: str, pid: int, name: str, bound: int = STAT_LIKE) -> bytes:
    """Read one file of a process.

    Raises ProcessLookupError where the process is gone, FileNotFoundError where it lives but this kernel has no such
    file, PermissionError, MalformedProcFile.
    """
    try:
        return read_file(f"{procfs}/{pid}/{name}", bound)
    except FileNotFoundError:
        if os.path.exists(f"{procfs}/{pid}"):
            raise
        raise ProcessLookupError(f"{procfs}/{pid} is gone") from None


def ceiling() -> float:
    """Descriptors from this number on are not kept; the kernel always gives the lowest free one."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return float("inf")
    return soft - min(RESERVE, soft // 2)


class HeldFile:
    """One small kernel file, opened once and read from its start each time.

    `source` is a path, or a function that opens and returns a descriptor. Where descriptors are scarce the file is
    opened, read and closed at each read instead, until there are enough again; the reader sees no difference.
    """

    __slots__ = ("_bound", "_descriptor", "_source")

    def __init__(self, source: str | Callable[[], int], bound: int = 4096) -> None:
        self._descriptor = -1
        self._source = source
        self._bound = bound

    @property
    def held(self) -> bool:
        """Whether the next read costs one system call."""
        return self._descriptor >= 0

    @property
    def descriptor(self) -> int:
        """What is held, to be polled; -1 where nothing is."""
        return self._descriptor

    def read(self) -> bytes:
        """At most `bound` bytes from the start. Raises what opening and reading raise; ESRCH is ProcessLookupError."""
        if self._descriptor >= 0:
            return os.pread(self._descriptor, self._bound, 0)
        return self._open_and_read()

    def close(self) -> None:
        """Give the descriptor back; reading again would open anew."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()

    def _open_and_read(self) -> bytes:
        source = self._source
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC) if isinstance(source, str) else source()
        try:
            text = os.pread(descriptor, self._bound, 0)
            if descriptor < ceiling():
                self._descriptor, descriptor = descriptor, -1
            return text
        finally:
            if descriptor >= 0:
                os.close(descriptor)
