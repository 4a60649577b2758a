"""Where does a recording go? A file that only its owner may read and that always ends with a whole line, or a pipe."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import threading

from brimwatch.errors import BrimwatchError, UsageError

_LOST = re.compile(rb'^\{"row":"lost","rows":(\d+)', re.MULTILINE)


class Sink:
    """Takes pieces of lines and writes whole ones. `rows`, `size` (bytes) and `lost` count what was written.

    `-` is standard output. Raises UsageError where the file is there already and `force` is not given, or cannot be
    made. Used from one thread at a time; `write` may be on its way on another one when `end` is called.
    """

    def __init__(self, path: str, force: bool, largest: int) -> None:
        self.rows = self.size = self.lost = 0
        self.gone = False  # nothing was written, and the file was taken away again
        self.shown = "standard output" if path == "-" else path
        self._largest = largest
        self._path, self._fresh = path, not force
        self._rest = b""
        self._torn = False  # the last line was cut off, in a pipe that takes nothing back
        self._lock = threading.Lock()
        self._closed = False
        self._file = sys.stdout.fileno() if path == "-" else _create(path, force)
        self._owned = path != "-"
        self._regular = self._owned and stat.S_ISREG(os.fstat(self._file).st_mode)

    def write(self, piece: bytes) -> bool:
        """Write what is whole; False once the largest size is reached. Raises BrimwatchError for a full disk."""
        with self._lock:
            if self._closed:
                return False
            head, newline, self._rest = (self._rest + piece).rpartition(b"\n")
            whole = head + newline
            room = self._largest - self.size
            if len(whole) > room:
                self._put(whole[: whole.rfind(b"\n", 0, room) + 1])
                return False
            self._put(whole)
            return True

    def end(self, line: bytes) -> None:
        """Write a last line, and close. Raises BrimwatchError."""
        with self._lock:
            if self._closed:
                return
            try:
                if not self._torn:
                    self._put(line)
            finally:
                self._closed = True
                if self._owned:
                    os.close(self._file)

    def abandon(self) -> None:
        """Close without a last line; a new file in which nothing was written is taken away again."""
        with self._lock:
            if self._owned and not self._closed:
                os.close(self._file)
                if self._regular and self._fresh and not self.size:
                    os.unlink(self._path)
                    self.gone = True
            self._closed = True

    def _put(self, whole: bytes) -> None:
        view = memoryview(whole)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except BaseException as error:  # an interruption in the middle of a line as well
            self._cut(len(whole) - len(view))
            if isinstance(error, BrokenPipeError):
                raise BrimwatchError(f"{self.shown}: nobody reads any more, after {self.rows} rows") from None
            if isinstance(error, OSError):
                kept = "what was written before stays good" if self._regular else "the last line may be cut off"
                why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
                raise BrimwatchError(f"{self.shown}: {why}, after {self.rows} rows; {kept}") from None
            raise
        self.size += len(whole)
        self.rows += whole.count(b"\n")
        self.lost += sum(int(found) for found in _LOST.findall(whole))

    def _cut(self, written: int) -> None:
        """Take a part of a line back, where that can be done."""
        self._torn = not self._regular and written > 0
        if self._regular:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)


def _create(path: str, force: bool) -> int:
    """A new file for us alone; with `force` an old one is emptied. A symbolic link is never followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_TRUNC if force else os.O_EXCL)
    try:
        descriptor = os.open(path, flags, 0o600)
        if force and stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)
    except FileExistsError:
        raise UsageError(f"-o {path}: is there already; --force writes over it") from None
    except OSError as error:
        why = "a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise UsageError(f"-o {path}: {why}; wanted a file that can be made") from None
    return descriptor
