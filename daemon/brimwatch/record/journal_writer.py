"""Who waits for the disk? One daemon thread, which writes what it is handed in transactions and says what became of it.

It never keeps the process from ending, and never gives up: where the journal cannot be opened or written (disk full,
read-only, removed, held by another), what it is handed is dropped, and it tries again and again. Who handed it in still
has it in memory and writes it anew then.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from brimwatch.core.moment import Moment
from brimwatch.record.journal_file import (
    LARGEST,
    NAME,
    at_largest,
    hold,
    holds,
    is_corrupt,
    is_full,
    open_journal,
    set_aside,
)
from brimwatch.record.journal_life import EVERY, last_sign, later, sign
from brimwatch.record.journal_rows import RUN, Past, Statement, execute, halve, keep, read_past

if TYPE_CHECKING:
    import sqlite3

FIRST_RETRY = 5.0  # seconds until a journal that failed is tried again; doubled each time
LAST_RETRY = 60.0
AT_ONCE = 200  # batches written in one transaction at most


class Batch(NamedTuple):
    """What belongs together: all of it is written, or none."""

    serial: int
    statements: tuple[Statement, ...]


class Ready(NamedTuple):
    """The journal can be written from now on. `aside`: what stood in its place was set aside."""

    past: Past
    aside: str


class Failed(NamedTuple):
    """It cannot be written now."""

    detail: str


class Done(NamedTuple):
    """Everything up to this serial was committed, or (`written` False) dropped."""

    serial: int
    written: bool


class Closed(NamedTuple):
    """The thread has let go of everything."""


News = Ready | Failed | Done | Closed


class Writer:
    """`prepare` makes the folder and says why it cannot be used; `report` is called on this thread."""

    def __init__(
        self,
        folder: str,
        prepare: Callable[[str], str | None],
        clock: Callable[[], Moment],
        report: Callable[[News], None],
        largest: int = LARGEST,
        first_retry: float = FIRST_RETRY,
    ) -> None:
        self._folder = folder
        self._path = os.path.join(folder, NAME)
        self._prepare = prepare
        self._clock = clock
        self._report = report
        self._largest = largest
        self._first_retry = self._retry = first_retry
        self._again = 0.0  # monotonic seconds of the next try
        self._work: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._lock = -1
        self._ended: Moment | None = None  # the last sign of life of whoever had the lock before
        self._signed = float("-inf")  # monotonic seconds of our own last one
        self._file: tuple[int, int] | None = None  # device and inode of the open journal
        self._said = False
        self._opened = float("-inf")  # monotonic seconds of the last success
        self._aside = ""

    def start(self) -> None:
        """Begin on a thread of its own."""
        threading.Thread(target=self._serve, name="journal", daemon=True).start()

    def submit(self, batch: Batch) -> None:
        """Have a batch written; `Done` follows."""
        self._work.put(batch)

    def end(self) -> None:
        """Write what was handed in, say that the run ended in order, and let go."""
        self._work.put(None)

    def _serve(self) -> None:
        self._open()
        ending = False
        while not ending:
            batches: list[Batch] = []
            try:
                wait = EVERY if self._connection is not None else max(0.0, self._again - time.monotonic())
                work = self._work.get(timeout=wait)
                while work is not None:
                    batches.append(work)
                    if len(batches) == AT_ONCE:
                        break
                    work = self._work.get_nowait()
                ending = work is None
            except queue.Empty:
                pass  # everything there is was taken, or it is time to try again
            if batches:
                self._commit(batches)
            elif not ending and self._connection is None:
                self._open()
            self._sign()
        self._close(in_order=True)
        if self._lock >= 0:
            os.close(self._lock)
        self._report(Closed())

    def _commit(self, batches: list[Batch]) -> None:
        written = False
        if self._connection is not None:
            try:
                self._write([one for batch in batches for one in batch.statements])
                written = True
            except Exception as error:  # noqa: BLE001 - whatever it is, the journal never stops the watching
                self._fail(error)
        self._report(Done(batches[-1].serial, written))

    def _write(self, statements: list[Statement]) -> None:
        connection = self._connection
        if connection is None:
            return
        found = os.stat(self._path, follow_symlinks=False)  # writing to a file that has no name any more raises nothing
        if (found.st_dev, found.st_ino) != self._file:
            raise FileNotFoundError(2, "it was replaced", self._path)
        try:
            execute(connection, statements)
        except Exception as error:
            if not is_full(error) or not at_largest(connection):
                raise
            execute(connection, (halve(),))
            execute(connection, statements)

    def _open(self) -> None:
        try:
            fault = self._prepare(self._folder)
            if fault is not None:
                raise OSError(fault)
            self._take_lock()
            self._connection, aside = open_journal(self._path, self._largest)
            found = os.stat(self._path, follow_symlinks=False)
            self._file = (found.st_dev, found.st_ino)
            past = read_past(self._connection)
            past = past._replace(ended=later(past.ended, self._ended))
            self._mark(running=True)  # also proves that it can be written
        except Exception as error:  # noqa: BLE001 - whatever it is, the journal never stops the watching
            self._fail(error)
            return
        self._said = False
        self._opened = time.monotonic()
        self._report(Ready(past, aside or self._aside))
        self._aside = ""

    def _take_lock(self) -> None:
        if self._lock >= 0 and holds(self._folder, self._lock):
            return
        if self._lock >= 0:
            held, self._lock = self._lock, -1  # its number may soon be that of another file
            os.close(held)
        self._lock = hold(self._folder)
        self._ended = last_sign(self._lock) or self._ended
        self._sign(at_once=True)

    def _sign(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if self._lock >= 0 and (at_once or now - self._signed >= EVERY):
            self._signed = now
            sign(self._lock, self._clock())

    def _fail(self, error: Exception) -> None:
        self._close()
        now = time.monotonic()
        if now - self._opened > LAST_RETRY:
            self._retry = self._first_retry
        self._again = now + self._retry
        self._retry = min(LAST_RETRY, 2 * self._retry)
        if is_corrupt(error):
            with contextlib.suppress(OSError):  # where it cannot be renamed, opening it says so
                self._aside = f"it is damaged: {error}; it is kept as {os.path.basename(set_aside(self._path))}"
                self._again = now
        if not self._said:
            self._said = True
            self._report(Failed(_words(error)))

    def _close(self, in_order: bool = False) -> None:
        if self._connection is None:
            return
        try:
            if in_order:
                self._mark(running=False)
            self._connection.close()
        except Exception:  # noqa: BLE001, S110 - it failed already, or the process ends: nobody is left to be told
            pass
        self._connection = None

    def _mark(self, running: bool) -> None:
        row = keep(RUN, "", {"running": running}, self._clock())
        if row is not None:
            self._write([row])


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or repr(error)
