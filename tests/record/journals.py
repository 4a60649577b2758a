"""A journal on a folder of the test's own, and what it said."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from brimwatch.core.moment import Moment
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event, Recorded
from brimwatch.record.journal import Journal
from brimwatch.record.journal_file import NAME
from brimwatch.record.journal_writer import Failed, Ready, Writer

BOOT = "0b2a"


def clock() -> Moment:
    return Moment(time.time(), time.monotonic(), BOOT)


def prepare(folder: str) -> str | None:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return None


class Kept:
    """A running journal; `said` is what it reported."""

    def __init__(self, folder: Path, largest: int = 64 << 20) -> None:
        self.folder = folder
        self.said: list[Ready | Failed] = []
        self.journal = Journal(
            lambda report: Writer(str(folder), prepare, clock, report, largest, first_retry=0.05),
            clock,
            asyncio.get_running_loop(),
            self.said.append,
        )

    async def until(self, predicate: Callable[[], object], deadline: float = 10.0) -> None:
        end = time.monotonic() + deadline
        while not predicate():
            assert time.monotonic() < end, self.said
            await asyncio.sleep(0.005)

    async def ready(self, times: int = 1) -> Ready:
        await self.until(lambda: sum(isinstance(one, Ready) for one in self.said) >= times)
        return [one for one in self.said if isinstance(one, Ready)][-1]

    async def failed(self, times: int = 1) -> Failed:
        await self.until(lambda: sum(isinstance(one, Failed) for one in self.said) >= times)
        return [one for one in self.said if isinstance(one, Failed)][-1]

    async def close(self) -> None:
        assert await self.journal.close(5.0)


def event(number: int, text: str = "") -> Recorded:
    return Recorded(number, Event(Name.TARGET_LOST, 1_700_000_000.0 + number, "a", None, {"reason": text}))


def rows(
    folder: Path, sql: str = "SELECT kind, key, body FROM kept WHERE kind <> 'run' ORDER BY rowid"
) -> list[object]:
    connection = sqlite3.connect(folder / NAME)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
