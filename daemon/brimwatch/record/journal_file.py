"""Can the journal be used as it is, and what becomes of one that cannot?

A file that is damaged, of another program or of a later Brimwatch is renamed, never written to and never deleted; three
of these are kept. Nothing that somebody put in its place (a symbolic link, a pipe) is followed or opened.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from brimwatch.record.journal_life import owner
from brimwatch.record.journal_rows import APPLICATION, SCHEMA, TABLES

if TYPE_CHECKING:
    import sqlite3

NAME = "journal.sqlite3"
ASIDE_KEPT = 3
PAGE = 4096
LARGEST = 64 << 20  # bytes of the journal; beyond it the older half of its events goes
CHECK = 2.0  # seconds that the check of a journal may take when it is opened
_BESIDE = ("", "-wal", "-shm", "-journal")
_CORRUPT, _FULL, _NOT_A_DATABASE = 11, 13, 26  # source: sqlite.org/rescode.html


class Unfit(Exception):  # noqa: N818 - a finding about a file, which is then set aside
    """This file is no journal of ours."""


class Held(OSError):  # noqa: N818 - a finding as well
    """Another process has the journal."""


class Opened(NamedTuple):
    """An open journal; `aside` says what was found in its place, and where that is now."""

    connection: sqlite3.Connection
    aside: str = ""


def holds(folder: str, held: int) -> bool:
    """Is this descriptor the folder's lock still? Not where the folder was removed, and perhaps made anew."""
    try:
        return os.path.samestat(os.fstat(held), os.stat(_lock_of(folder), follow_symlinks=False))
    except OSError:
        return False


def hold(folder: str) -> int:
    """Take the lock of a folder for as long as this process lives; returns its descriptor. Raises Held, OSError.

    Source: flock(2). The kernel lets go of it however the process ends.
    """
    descriptor = os.open(_lock_of(folder), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        who = owner(descriptor)
        os.close(descriptor)
        raise Held(f"another Brimwatch (pid {who}) keeps its journal in {folder}") from None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def open_journal(path: str, largest: int = LARGEST, check: float = CHECK) -> Opened:
    """Open the journal, or begin a new one where what is there is unfit. Raises sqlite3.Error, OSError.

    `largest`: bytes it may take; `check`: seconds that looking for damage may take.
    """
    fault = _planted(path)
    if not fault:
        try:
            return Opened(_open(path, largest, check))
        except Unfit as found:
            fault = str(found)
    aside = set_aside(path)
    return Opened(_open(path, largest, check), f"{fault}; it is kept as {os.path.basename(aside)}")


def set_aside(path: str) -> str:
    """Rename a journal and what belongs to it, and delete the oldest where there are too many. Returns the new name."""
    aside = f"{path}.broken-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    name, number = aside, 1
    while os.path.lexists(name):
        number += 1
        name = f"{aside}-{number}"
    for ending in _BESIDE:
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + ending, name + ending)
    endings = tuple(filter(None, _BESIDE))
    old = [one for one in glob.glob(f"{glob.escape(path)}.broken-*") if not one.endswith(endings)]
    for one in sorted(old, key=_age)[:-ASIDE_KEPT]:
        for ending in _BESIDE:
            with contextlib.suppress(OSError):
                os.unlink(one + ending)
    return name


def is_corrupt(error: Exception) -> bool:
    """Does this error say that the file is damaged, and not that the disk is?"""
    return _code(error) in (_CORRUPT, _NOT_A_DATABASE)


def is_full(error: Exception) -> bool:
    """Does this error say that the file or the disk is full?"""
    return _code(error) == _FULL


def at_largest(connection: sqlite3.Connection) -> bool:
    """Is it the file that has no more room by its own limit, and not the disk? Raises sqlite3.Error.

    A transaction that was too large is undone by now, so that the file is not full any more: half full counts.
    """
    (pages,), (most,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "max_page_count"))
    return bool(pages >= most // 2)


def _lock_of(folder: str) -> str:
    return os.path.join(folder, "journal.lock")


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _age(path: str) -> tuple[float, str]:
    try:
        return os.lstat(path).st_ctime, path
    except OSError:
        return 0.0, path


def _planted(path: str) -> str:
    """What stands in the journal's place that is no file, in words; else nothing."""
    for ending in _BESIDE:
        try:
            mode = os.lstat(path + ending).st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(mode):
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
            return f"{os.path.basename(path + ending)} is {kind}"
    return ""


def _open(path: str, largest: int, check: float) -> sqlite3.Connection:
    import sqlite3  # where nothing is kept, 1.5 MB are not loaded

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, cached_statements=16)
    try:
        _prepare(connection, largest, check)
    except (sqlite3.Error, Unfit) as error:
        connection.close()
        if is_corrupt(error):
            raise Unfit(f"it is damaged: {error}") from error
        raise
    return connection


def _prepare(connection: sqlite3.Connection, largest: int, check: float) -> None:
    """Look before anything is written: a file that is not ours must stay as it was found."""
    pragma = connection.execute
    # In this mode the index of the write-ahead log is on our heap: no mapped file that somebody could cut short
    # under us (SIGBUS), and no second process in it. It has to be set before the first access.
    pragma("PRAGMA locking_mode = EXCLUSIVE")
    (application,), (version,) = pragma("PRAGMA application_id").fetchone(), pragma("PRAGMA user_version").fetchone()
    tables = {name for (name,) in pragma("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables:
        _recognise(application, version, tables)
        _look_for_damage(connection, check)
    # NORMAL: a commit is in the kernel's hands, so it survives the end of this process however it comes; fsync happens
    # when the log is folded in. FULL would wait for the disk at each commit, just when the machine may be thrashing,
    # to save the last seconds before a power failure as well.
    pragma("PRAGMA journal_mode = WAL")
    pragma("PRAGMA synchronous = NORMAL")
    pragma("PRAGMA cache_size = -512")
    pragma("PRAGMA temp_store = MEMORY")
    pragma("PRAGMA wal_autocheckpoint = 256")
    pragma(f"PRAGMA journal_size_limit = {1 << 20}")
    pragma(f"PRAGMA max_page_count = {max(64, largest // PAGE)}")
    if not tables:
        pragma("BEGIN IMMEDIATE")
        for table in TABLES:
            pragma(table)
        pragma(f"PRAGMA application_id = {APPLICATION}")
        pragma(f"PRAGMA user_version = {SCHEMA}")
        pragma("COMMIT")


def _recognise(application: int, version: int, tables: set[str]) -> None:
    if application != APPLICATION:
        raise Unfit("it is a database of another program")
    if version > SCHEMA:
        raise Unfit(f"a later Brimwatch wrote it (schema {version}, this one knows {SCHEMA})")
    if version != SCHEMA or not {"events", "kept"} <= tables:
        raise Unfit(f"its tables are not those of schema {SCHEMA}")


def _look_for_damage(connection: sqlite3.Connection, check: float) -> None:
    """Raises Unfit where damage is found within `check` seconds."""
    import sqlite3

    end = time.monotonic() + check
    connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if _code(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        found = "ok"  # as far as there was time to look
    finally:
        connection.set_progress_handler(None, 0)
    if found != "ok":
        raise Unfit(f"it is damaged: {found:.100}")
