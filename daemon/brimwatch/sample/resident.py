"""How is the resident set of exactly one process read, whatever became of it?

A zombie's statm is all zeros, and so is that of a process whose first thread has ended while others run on; those
others still say what is true. Zeros are never a measurement.
"""

from __future__ import annotations

import os
from functools import partial
from itertools import islice

from brimwatch.model import ProcessId
from brimwatch.procfs.descriptor import HeldFile
from brimwatch.procfs.stat import read_stat
from brimwatch.procfs.statm import Statm, parse_statm

_STATM = 256  # bytes: seven numbers
_THREADS = 256  # that are asked at most


def open_verified(procfs: str, process: ProcessId, name: str) -> int:
    """A descriptor of a file of exactly this process. Raises ProcessLookupError, PermissionError, OSError."""
    try:
        descriptor = os.open(f"{procfs}/{process.pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ProcessLookupError(f"{procfs}/{process.pid} is gone") from None
    try:
        # After opening, not before: a process that is still the one meant has been so all along.
        if read_stat(procfs, process.pid).start_ticks != process.start_ticks:
            raise ProcessLookupError(f"{procfs}/{process.pid} is another process by now")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class ResidentFile:
    """The held statm of a process; `thread` is the live one that is read where the first has ended.

    The descriptor follows the process through an exec. It answers ESRCH once the process is gone.
    """

    __slots__ = ("_file", "_process", "_procfs", "_statm", "_text", "thread")

    def __init__(self, procfs: str, process: ProcessId) -> None:
        self._procfs = procfs
        self._process = process
        self._text = b""
        self._statm: Statm | None = None
        self.thread: int | None = None
        self._file = self._open(None)

    def read(self) -> Statm | None:
        """Sizes in bytes, the same object while nothing changed; None where the process has no memory to measure.

        Raises ProcessLookupError once it is gone, a zombie without live threads included; PermissionError; OSError
        where no descriptor is to be had; MalformedProcFile.
        """
        try:
            text = self._file.read()
        except ProcessLookupError:
            if self.thread is None:
                raise
            self._use(None)  # that thread ended; an exec by another one makes it the first
            text = self._file.read()
        if text == self._text and self._statm is not None:
            return self._statm
        statm = parse_statm(text)
        if statm.size or statm.resident:
            self._text, self._statm = text, statm
            return statm
        self._text, self._statm = b"", None  # zeros are asked about each time
        return self._without_memory()

    def close(self) -> None:
        """Give the descriptor back."""
        self._file.close()

    def _without_memory(self) -> Statm | None:
        stat = read_stat(self._procfs, self._process.pid)
        if stat.start_ticks != self._process.start_ticks:
            raise ProcessLookupError(f"{self._procfs}/{self._process.pid} is another process by now")
        if stat.state not in ("Z", "X"):
            return None  # a kernel thread, or a process on its way out
        others = False
        for thread in self._other_threads():
            others = True
            self._use(thread)
            try:
                statm = parse_statm(self._file.read())
            except ProcessLookupError:
                continue
            if statm.size:
                return statm
        self._use(None)
        if others:
            return None
        raise ProcessLookupError(f"{self._procfs}/{self._process.pid} is a zombie")

    def _other_threads(self) -> list[int]:
        try:
            with os.scandir(f"{self._procfs}/{self._process.pid}/task") as entries:
                found = [int(entry.name) for entry in islice(entries, _THREADS) if entry.name.isdigit()]
        except FileNotFoundError:
            raise ProcessLookupError(f"{self._procfs}/{self._process.pid} is gone") from None
        return [thread for thread in found if thread != self._process.pid]

    def _use(self, thread: int | None) -> None:
        if thread != self.thread:
            self._file.close()
            self.thread = thread
            self._file = self._open(thread)

    def _open(self, thread: int | None) -> HeldFile:
        name = "statm" if thread is None else f"task/{thread}/statm"
        return HeldFile(partial(open_verified, self._procfs, self._process, name), _STATM)
