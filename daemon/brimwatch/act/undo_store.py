"""Where are undo records kept, so that a killed daemon's successor finds them, and nobody else can write one?

In a folder `undo` (0700) of the run directory, or of a place of our own where that cannot be used. A file is locked as
long as its daemon lives (flock(2), which the kernel gives up with the process): without a lock it is a leftover.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from brimwatch.act.undo import Change, Undo
from brimwatch.act.undo_record import LONGEST, from_text, to_text
from brimwatch.procfs.openat2 import filesystem_type

NAME = "undo"
MOST = 4096  # records of one folder that are looked at
_TMPFS = frozenset({0x01021994, 0x858458F6})  # TMPFS_MAGIC, RAMFS_MAGIC
_READING = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_RECORD = re.compile(r"[0-9a-f]{16}\.json", re.ASCII)
_UNFINISHED = re.compile(r"[0-9a-f]{16}\.new", re.ASCII)


class RecordFile(NamedTuple):
    """One record on disk. The descriptor holds the lock."""

    folder: Folder
    name: str
    descriptor: int

    def remove(self) -> None:
        """What it records is undone. Raises OSError where the file stays; it is locked then as before."""
        with contextlib.suppress(FileNotFoundError):  # somebody cleared the folder: there is nothing left to find
            os.unlink(self.name, dir_fd=self.folder.descriptor)
        os.close(self.descriptor)


class Leftover(NamedTuple):
    """A file that no living daemon holds: a record, or why it is not believed."""

    name: str
    file: RecordFile | None = None
    undo: Undo | None = None
    why: str = ""


class Folder:
    """An open folder of records that belongs to us alone."""

    __slots__ = ("descriptor", "path")

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @property
    def in_memory(self) -> bool:
        """Whether it is on a file system that no disk can hold up."""
        try:
            return filesystem_type(self.descriptor) in _TMPFS
        except OSError:
            return False

    def write(self, undo: Undo) -> RecordFile:
        """Write a record that is whole and locked from the moment it is there. Raises OSError.

        Not synced: the machine that loses it in a crash has lost what it records as well.
        """
        token = secrets.token_hex(8)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(f"{token}.new", flags, 0o600, dir_fd=self.descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            text = to_text(undo)
            if os.write(descriptor, text) != len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
            name = f"{token}.json"
            os.rename(f"{token}.new", name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except BaseException:
            os.unlink(f"{token}.new", dir_fd=self.descriptor)
            os.close(descriptor)
            raise
        return RecordFile(self, name, descriptor)

    def leftovers(self) -> Iterator[Leftover]:
        """What a daemon that was killed has left. An unfinished record recorded nothing yet, and is removed."""
        for name in sorted(os.listdir(self.descriptor))[:MOST]:
            if _RECORD.fullmatch(name) or _UNFINISHED.fullmatch(name):
                found = self._read(name)
                if found is not None:
                    yield found

    def records(self, change: Change) -> bool:
        """Whether some daemon has a change of the same thing on record here. Raises OSError."""
        for name in os.listdir(self.descriptor)[:MOST]:
            if _RECORD.fullmatch(name):
                try:
                    descriptor = os.open(name, _READING, dir_fd=self.descriptor)
                except OSError:
                    continue  # undone just now, or not a record
                try:
                    if from_text(os.pread(descriptor, LONGEST + 1, 0)).change.key == change.key:
                        return True
                except (OSError, ValueError):
                    continue  # not to be believed
                finally:
                    os.close(descriptor)
        return False

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)

    def _read(self, name: str) -> Leftover | None:
        try:
            descriptor = os.open(name, _READING, dir_fd=self.descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Leftover(name, why=error.strerror or "cannot be opened")
        try:
            why = _not_ours(os.fstat(descriptor))
            if why:
                os.close(descriptor)
                return Leftover(name, why=why)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file = RecordFile(self, name, descriptor)
            if name.endswith(".new"):
                file.remove()
                return None
            return Leftover(name, file, from_text(os.pread(descriptor, LONGEST + 1, 0)))
        except BlockingIOError:
            os.close(descriptor)
            return None  # the daemon that wrote it lives
        except (OSError, ValueError) as error:
            os.close(descriptor)
            return Leftover(name, why=str(error))


def places(run_dir: str, environ: Mapping[str, str] = os.environ, uid: int | None = None) -> tuple[str, ...]:
    """The folders to try, the best first: the run directory, then places of this user's own, all in memory if usual."""
    owner = os.geteuid() if uid is None else uid
    own = environ.get("XDG_RUNTIME_DIR", "")
    # What others may write to holds folders of our own alone: `open_folder` refuses one that somebody else made there.
    shared = [f"{folder}/brimwatch-{owner}" for folder in ("/dev/shm", "/tmp")]  # noqa: S108 - see above
    found = [run_dir, f"/run/user/{owner}/brimwatch", *shared]
    if own.startswith("/"):
        found.insert(1, f"{own}/brimwatch")
    return tuple(dict.fromkeys(found))


def open_folder(parent: str, create: bool = True) -> Folder:
    """The folder of records below `parent`, both made where they are missing and may be made.

    Raises OSError: PermissionError where somebody else could have put records there.
    """
    if create:
        _make(parent, 0o755)
        _make(f"{parent}/{NAME}", 0o700)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    above = os.open(parent, flags)
    try:
        _refuse_foreign(parent, os.fstat(above), frozenset({0, os.geteuid()}), stat.S_IWGRP | stat.S_IWOTH)
        descriptor = os.open(NAME, flags, dir_fd=above)
    finally:
        os.close(above)
    path = f"{parent}/{NAME}"
    try:
        _refuse_foreign(path, os.fstat(descriptor), frozenset({os.geteuid()}), 0o077)
        if create and not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, "not ours to write to", path)
    except BaseException:
        os.close(descriptor)
        raise
    return Folder(path, descriptor)


def _make(path: str, mode: int) -> None:
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return


def _refuse_foreign(path: str, found: os.stat_result, owners: frozenset[int], modes: int) -> None:
    if found.st_uid not in owners:
        raise PermissionError(errno.EPERM, f"belongs to uid {found.st_uid}", path)
    if found.st_mode & modes and not (found.st_mode & stat.S_ISVTX and modes != 0o077):
        raise PermissionError(errno.EPERM, f"is open to others (mode {stat.S_IMODE(found.st_mode):04o})", path)


def _not_ours(found: os.stat_result) -> str:
    """Why a file is no record of ours, or an empty text."""
    if not stat.S_ISREG(found.st_mode):
        return "no regular file"
    if found.st_uid != os.geteuid():
        return f"belongs to uid {found.st_uid}"
    if found.st_mode & 0o077 or found.st_nlink != 1:
        return f"open to others (mode {stat.S_IMODE(found.st_mode):04o}, {found.st_nlink} links)"
    return "" if found.st_size <= LONGEST else f"{found.st_size} bytes long, wanted at most {LONGEST}"
