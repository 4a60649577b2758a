"""What stands in the journal? Two tables: events in the order of their ids, and what is kept under a kind and a key.

What is kept are small JSON documents (a waiting webhook, an open alert, a subject's tiers, a budget), each with the
moment at which it was written. A row that cannot be understood is passed over: the rest is still good.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from brimwatch.core.moment import Moment
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event, Recorded

if TYPE_CHECKING:
    import sqlite3

APPLICATION = 0x4252494D  # "BRIM": tells our file from any other SQLite database
SCHEMA = 1
LONGEST_BODY = 65_536  # characters of one document; what is longer is not kept
EVENTS_SHOWN = 1000  # events that a new run reads back
EVENTS_KEPT = 20_000
ROWS_READ = 50_000  # of kept documents
RUN, MESSAGE, ALERT, STATE, BUDGET = "run", "message", "alert", "state", "budget"

_STAMP = "wall REAL NOT NULL, mono REAL NOT NULL, boot TEXT NOT NULL"
TABLES = (
    "CREATE TABLE events (id INTEGER PRIMARY KEY, wall REAL NOT NULL, body TEXT NOT NULL)",
    f"CREATE TABLE kept (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, {_STAMP}, UNIQUE (kind, key))",
)
_TO_THE_NTH = "DELETE FROM events WHERE id <= (SELECT id FROM events ORDER BY id DESC LIMIT 1 OFFSET ?)"
_OLDER_HALF = "SELECT id FROM events ORDER BY id LIMIT 1 OFFSET (SELECT count(*) / 2 FROM events)"
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Statement = tuple[str, tuple[object, ...]]


class Kept(NamedTuple):
    """One document, and when it was written."""

    key: str
    body: Mapping[str, Json]
    saved: Moment


class Past(NamedTuple):
    """What an earlier run left. `after_crash` is None where there was none; `ended` is when it was last alive."""

    events: tuple[Recorded, ...] = ()
    kept: Mapping[str, tuple[Kept, ...]] = {}  # by kind, oldest first
    after_crash: bool | None = None
    ended: Moment | None = None

    def of(self, kind: str) -> tuple[Kept, ...]:
        """The documents of one kind, in the order in which they were first written."""
        return self.kept.get(kind, ())


def keep_event(recorded: Recorded) -> Statement:
    """Write an event; one that is there already stays."""
    event = recorded.event
    body = {"n": event.name.value, "t": event.target, "m": event.member, "f": dict(event.facts)}
    return "INSERT OR IGNORE INTO events VALUES (?, ?, ?)", (recorded.id, event.wall, json.dumps(body))


def keep(kind: str, key: str, body: Mapping[str, object], now: Moment) -> Statement | None:
    """Write a document in the place of an earlier one, whose turn it keeps; None where it is too long."""
    text = json.dumps(body)
    if len(text) > LONGEST_BODY:
        return None
    sql = (
        "INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET"
        " body = excluded.body, wall = excluded.wall, mono = excluded.mono, boot = excluded.boot"
    )
    return sql, (kind, key, text, now.wall, now.mono, now.boot)


def drop(kind: str, key: str) -> Statement:
    """Forget a document."""
    return "DELETE FROM kept WHERE kind = ? AND key = ?", (kind, key)


def drop_all() -> Statement:
    """Forget every document, because all that is known follows."""
    return "DELETE FROM kept WHERE kind <> ?", (RUN,)


def prune(before_wall: float, most: int = EVENTS_KEPT) -> tuple[Statement, ...]:
    """Forget events from before `before_wall`, and more than `most`. The last 1,000 stay, whatever the clock says."""
    return (_TO_THE_NTH, (most,)), (_TO_THE_NTH + " AND wall < ?", (EVENTS_SHOWN, before_wall))


def halve() -> Statement:
    """Forget the older half of the events: the file has reached its largest size."""
    return f"DELETE FROM events WHERE id <= ({_OLDER_HALF})", ()  # noqa: S608 - a constant of ours


def read_past(connection: sqlite3.Connection) -> Past:
    """Everything that a new run wants to know. Raises sqlite3.Error."""
    rows = connection.execute("SELECT id, wall, body FROM events ORDER BY id DESC LIMIT ?", (EVENTS_SHOWN,))
    events = tuple(filter(None, (_event(*row) for row in rows)))[::-1]
    kept: dict[str, list[Kept]] = {}
    for kind, *rest in connection.execute("SELECT kind, key, body, wall, mono, boot FROM kept LIMIT ?", (ROWS_READ,)):
        found = _kept(*rest)
        if found is not None and isinstance(kind, str):
            kept.setdefault(kind, []).append(found)
    run = next(iter(kept.get(RUN, ())), None)
    documents = {kind: tuple(rows) for kind, rows in kept.items()}
    return Past(events, documents, run and run.body.get("running") is not False, run and run.saved)


def execute(connection: sqlite3.Connection, statements: Iterable[Statement]) -> None:
    """Run statements as one transaction: all of them or none. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, values in statements:
            connection.execute(sql, values)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _event(number: object, wall: object, body: object) -> Recorded | None:
    try:
        read = json.loads(str(body))
        target, member, facts = read["t"], read["m"], read["f"]
        fits = (
            isinstance(number, int)
            and isinstance(wall, float)
            and isinstance(target, str | None)
            and isinstance(member, int | None)
            and all(isinstance(value, str | int | float) for value in facts.values())
        )
        facts = {sys.intern(key): value for key, value in facts.items()}  # a thousand events have few keys
        return Recorded(number, Event(Name(read["n"]), wall, target, member, facts)) if fits else None  # type: ignore[arg-type]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _kept(key: object, body: object, wall: object, mono: object, boot: object) -> Kept | None:
    try:
        read = json.loads(str(body))
    except (ValueError, RecursionError):
        return None
    if not (isinstance(read, dict) and isinstance(wall, float) and isinstance(mono, float)):
        return None
    return Kept(str(key), read, Moment(wall, mono, str(boot)))
