"""Which vector is whose? Keys, priorities and texts, in SQLite, with an index by words (FTS5) beside.

Source: the documents of SQLite on FTS5 and on write-ahead logging.
"""

from __future__ import annotations

import os
import sqlite3

from brimwatch.hooks.vectors.libraries import VectorStoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS docs (row INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, priority REAL NOT NULL);
CREATE TABLE IF NOT EXISTS free (row INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS store (id BLOB NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text);
"""
_CACHE_KIB = 512
_WAIT = 10.0  # seconds for another process
_MOST_WORDS = 32  # of a query
_AT_ONCE = 500  # values of one statement


class Texts:
    """One connection. Not thread-safe: the store has a lock."""

    def __init__(self, path: str, writable: bool) -> None:
        self.path = path
        self._made = writable and not os.path.exists(path)
        try:
            if self._made:
                os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))  # its log takes the mode over
            mode = "rw" if writable else "ro"
            uri = f"file:{_quoted(path)}?mode={mode}"
            self._db = sqlite3.connect(uri, _WAIT, uri=True, check_same_thread=False, isolation_level=None)
            self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            if writable:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._db.executescript(_SCHEMA)
            self._db.execute("SELECT rowid FROM words LIMIT 1").fetchone()
        except (sqlite3.Error, OSError) as fault:
            raise _told(path, fault) from fault

    def id(self) -> bytes | None:
        """Of the store whose texts these are; None where there are none yet."""
        found = self._one("SELECT id FROM store")
        return None if found is None else bytes(found[0])

    def begin(self) -> None:
        """What follows is done together."""
        self._run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Raises VectorStoreError where the disk is full; then nothing is done."""
        self._run("COMMIT")

    def rollback(self) -> None:
        """Undo what was begun, if anything was."""
        if self._db.in_transaction:
            self._run("ROLLBACK")

    def name(self, id_: bytes) -> None:
        """Say whose they are."""
        self._run("INSERT INTO store VALUES (?)", (id_,))

    def put(self, row: int, key: str, priority: float, text: str) -> int | None:
        """A vector's row and text under a key; returns the row that it had before, which is free now."""
        before = self.take(key)
        self._run("INSERT INTO docs VALUES (?, ?, ?)", (row, key, priority))
        self._run("INSERT INTO words (rowid, text) VALUES (?, ?)", (row, text))
        return before

    def take(self, key: str) -> int | None:
        """Forget a key; returns its row, which is free now. None where there is none."""
        found = self._one("SELECT row FROM docs WHERE key = ?", (key,))
        if found is None:
            return None
        row = int(found[0])
        for statement in ("DELETE FROM docs WHERE row = ?", "DELETE FROM words WHERE rowid = ?"):
            self._run(statement, (row,))
        self._run("INSERT OR REPLACE INTO free VALUES (?)", (row,))
        return row

    def use_free(self, most: int) -> list[int]:
        """Rows that are free, and are not any more."""
        rows = [int(row) for (row,) in self._run("SELECT row FROM free ORDER BY row LIMIT ?", (most,))]
        for row in rows:
            self._run("DELETE FROM free WHERE row = ?", (row,))
        return rows

    def set_free(self, rows: Iterable[int]) -> None:
        """These rows are nobody's."""
        for row in rows:
            self._run("INSERT OR REPLACE INTO free VALUES (?)", (row,))

    def cut(self, rows: int) -> int:
        """Forget what has a row from this number on; returns how many keys that were."""
        keys = [key for (key,) in self._run("SELECT key FROM docs WHERE row >= ?", (rows,)).fetchall()]
        for key in keys:
            self.take(key)
        self._run("DELETE FROM free WHERE row >= ?", (rows,))
        return len(keys)

    def all_rows(self) -> Iterator[tuple[int, float]]:
        """Every row that has a key, with its priority."""
        return iter(self._run("SELECT row, priority FROM docs"))

    def count(self) -> int:
        """How many keys there are."""
        found = self._one("SELECT count(*) FROM docs")
        return 0 if found is None else int(found[0])

    def row_of(self, key: str) -> int | None:
        """None where there is no such key."""
        found = self._one("SELECT row FROM docs WHERE key = ?", (key,))
        return None if found is None else int(found[0])

    def of_rows(self, rows: list[int]) -> dict[int, tuple[str, float, str]]:
        """Key, priority and text of those rows that have them."""
        found: dict[int, tuple[str, float, str]] = {}
        for first in range(0, len(rows), _AT_ONCE):
            some = rows[first : first + _AT_ONCE]
            marks = ",".join("?" * len(some))
            select = f"SELECT row, key, priority, text FROM docs JOIN words ON words.rowid = row WHERE row IN ({marks})"  # noqa: S608
            found.update({row: (key, priority, text) for row, key, priority, text in self._run(select, some)})
        return found

    def by_words(self, text: str, k: int, weigh: bool) -> list[tuple[str, float, float, str]]:
        """Key, priority, score (higher is better) and text of those with the words, rare ones counting most."""
        words = _words(text)
        if not words:
            return []
        rank = "bm25(words) * priority" if weigh else "bm25(words)"
        select = (
            f"SELECT key, priority, -{rank} AS score, text FROM words JOIN docs ON docs.row = words.rowid "  # noqa: S608
            "WHERE words MATCH ? ORDER BY score DESC LIMIT ?"
        )
        return list(self._run(select, (" OR ".join(words), k)))

    def shrink(self) -> None:
        """Give back what SQLite keeps in memory."""
        self._run("PRAGMA shrink_memory")

    def close(self) -> None:
        """The end; SQLite puts its log into the file."""
        self._db.close()

    def _run(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error as fault:
            raise _told(self.path, fault) from fault

    def _one(self, statement: str, values: Any = ()) -> Any:
        return self._run(statement, values).fetchone()


def _words(text: str) -> list[str]:
    """Each word as a string of FTS5, so that nothing in it is an operator."""
    words = "".join(letter if letter.isalnum() else " " for letter in text).split()
    return [f'"{word}"' for word in dict.fromkeys(words)][:_MOST_WORDS]


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _told(path: str, fault: Exception) -> VectorStoreError:
    if "no such module: fts5" in str(fault):
        return VectorStoreError(f"{path}: the SQLite of this Python has no FTS5, which keyword search needs")
    return VectorStoreError(f"{path}: {fault}")
