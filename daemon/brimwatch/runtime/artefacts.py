"""Where is the evidence of an event kept? One file each below `<storage>/artefacts`, bounded, and gone in time.

A file is JSON Lines: its first line says what happened, each further line is one sample, thread or frame. Names begin
with the time in UTC, so that they sort by it. Everything is written by a thread that lives as long as there is work: a
disk that hangs or is full costs artefacts, never a look. Does *not* cover what is written (`runtime.evidence`).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import re
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from brimwatch.record.text import escaped, timestamp

FOLDER = "artefacts"
MOST_FILES = 200
MOST_BYTES = 64_000_000  # of all files together
FILE_BYTES = 1_000_000  # of one file
MOST_WAITING = 256  # writes that are handed in and not begun: a disk hangs
DEFER = 0.1  # seconds: what a tier sets going comes first, and shares the interpreter with the writing
LAST_CALL = 2.0  # seconds that the end of the daemon waits for what is still to be written
_NAME = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[A-Za-z0-9._-]{1,120}\.jsonl", re.ASCII)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_CUT = b'{"record":"cut","detail":"the file has reached its greatest length"}\n'
_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK

Lines = Iterable[Mapping[str, object]]


class _Write(NamedTuple):
    """Lines for a file that is to be made, or (`more`) that is there. `lines` is asked on the loop."""

    name: str
    more: bool
    lines: Callable[[], Lines]


class Artefacts:
    """The folder. `failed(path, why)` is called on the loop; `retention` is in seconds and may change."""

    def __init__(
        self, storage: str, retention: float, loop: asyncio.AbstractEventLoop, failed: Callable[[str, str], None]
    ) -> None:
        self.folder = os.path.join(storage, FOLDER)
        self.retention = retention
        self._loop = loop
        self._failed = failed
        self._waiting: deque[_Write] = deque()
        self._ready: deque[tuple[_Write, Lines]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._number = 0

    def path(self, name: str) -> str:
        """The whole path of a file."""
        return os.path.join(self.folder, name)

    def begin(self, wall: float, words: str, lines: Callable[[], Lines]) -> str:
        """Have a file made for an event at `wall`; returns its name at once. `words` tell one from another."""
        self._number = self._number % 9999 + 1
        moment = re.sub("[:-]", "", timestamp(wall))
        name = f"{moment}-{self._number:04d}-{_UNSAFE.sub('_', words)[:100]}.jsonl"
        self._submit(_Write(name, False, lines))
        return name

    def add(self, name: str, lines: Callable[[], Lines]) -> None:
        """Have lines added to a file that was begun."""
        self._submit(_Write(name, True, lines))

    def tidy(self) -> None:
        """Have what is too old, or too much, removed."""
        self._start()

    def close(self) -> None:
        """Write what was handed in, as far as that goes within `LAST_CALL` seconds."""
        self._hand_over()
        thread = self._thread
        if thread is not None:
            thread.join(LAST_CALL)

    def _submit(self, write: _Write) -> None:
        if len(self._waiting) + len(self._ready) >= MOST_WAITING:
            self._failed(self.path(write.name), "the disk does not keep up")
            return
        self._waiting.append(write)
        if self._timer is None:
            self._timer = self._loop.call_later(DEFER, self._hand_over)

    def _hand_over(self) -> None:
        """Ask for the lines, which is for the loop to do, and let the thread write them."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            write = self._waiting.popleft()
            self._ready.append((write, write.lines()))
        if self._ready:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._serve, name="artefacts", daemon=True)
                thread.start()
                self._thread = thread

    def _serve(self) -> None:
        while True:
            while self._ready:
                write, lines = self._ready.popleft()
                self._try(self.path(write.name), lambda write=write, lines=lines: self._write(write, lines))  # type: ignore[misc]
            self._try(self.folder, self._expire)
            with self._lock:
                if not self._ready:
                    self._thread = None
                    return

    def _try(self, path: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the next file may succeed
            why = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)[:200]
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                self._loop.call_soon_threadsafe(self._failed, path, why)

    def _write(self, write: _Write, lines: Lines) -> None:
        folder = open_folder(self.folder)
        try:
            flags = os.O_APPEND if write.more else os.O_CREAT | os.O_EXCL
            try:
                descriptor = os.open(write.name, _OPEN | flags, 0o600, dir_fd=folder)
            except FileNotFoundError:
                if write.more:
                    return  # its beginning could not be written, which was told, or it was the oldest of too many
                raise
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise OSError(errno.EINVAL, "not a file", write.name)
                _pour(descriptor, lines)
            except Exception:
                if not write.more:
                    os.unlink(write.name, dir_fd=folder)  # on a full disk half a file keeps the next from being whole
                raise
            finally:
                os.close(descriptor)
        finally:
            os.close(folder)

    def _expire(self) -> None:
        """Remove files that are too old; then the oldest, until number and bytes are within their bounds."""
        try:
            folder = open_folder(self.folder, make=False)
        except FileNotFoundError:
            return
        try:
            _remove_old(folder, time.time() - self.retention)
        finally:
            os.close(folder)


def open_folder(path: str, make: bool = True) -> int:
    """A descriptor of the folder, which is ours alone. Raises OSError, also for a link or somebody else's folder."""
    if make:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    found = os.fstat(folder)
    try:
        if found.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "the folder belongs to another user", path)
        if stat.S_IMODE(found.st_mode) & 0o077:
            os.fchmod(folder, 0o700)
    except OSError:
        os.close(folder)
        raise
    return folder


def _pour(descriptor: int, lines: Lines) -> None:
    """Write lines up to the greatest length of a file, the last of which then says so."""
    size = os.fstat(descriptor).st_size
    room = FILE_BYTES - len(_CUT) - size
    if os.pread(descriptor, len(_CUT), max(0, size - len(_CUT))) == _CUT:
        return
    pieces: list[bytes] = []
    for line in lines:
        text = json.dumps(line, ensure_ascii=True, default=lambda value: escaped(str(value))).encode() + b"\n"
        room -= len(text)
        if room < 0:
            pieces.append(_CUT)
            break
        pieces.append(text)
    rest = memoryview(b"".join(pieces))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _remove_old(folder: int, before: float) -> None:
    kept: list[tuple[str, int]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not _NAME.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                continue  # not ours to remove
            found = entry.stat(follow_symlinks=False)
            kept.append((entry.name, 0 if found.st_mtime < before else max(1, found.st_size)))
    total = files = 0
    for name, size in sorted(kept, reverse=True):
        if size and files < MOST_FILES and total + size <= MOST_BYTES:
            files, total = files + 1, total + size
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
