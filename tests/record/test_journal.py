"""Is what was put into the journal there for the next run, and only whole?"""

import asyncio
import json
import os
import stat
from pathlib import Path

import pytest
from tests.record.journals import BOOT, Kept, event, rows

from brimwatch.record.journal_file import NAME
from brimwatch.record.journal_rows import EVENTS_SHOWN, LONGEST_BODY, drop_all, prune


def test_a_new_run_finds_events_and_documents_in_their_order(tmp_path: Path) -> None:
    async def test() -> None:
        kept = Kept(tmp_path)
        first = await kept.ready()
        assert (first.past.after_crash, first.past.events, dict(first.past.kept)) == (None, (), {})
        for number in (1, 2, 3):
            kept.journal.event(event(number, "because"))
        for key in ("b", "a", "c"):
            kept.journal.put("message", key, {"turn": key})
        kept.journal.put("message", "b", {"turn": "b again"})
        kept.journal.drop("message", "a")
        assert await kept.journal.settled(5.0)
        await kept.close()

        kept = Kept(tmp_path)
        past = (await kept.ready()).past
        await kept.close()
        assert past.events == tuple(event(number, "because") for number in (1, 2, 3))
        assert [(row.key, row.body, row.saved.boot) for row in past.of("message")] == [
            ("b", {"turn": "b again"}, BOOT),
            ("c", {"turn": "c"}, BOOT),
        ]
        assert past.after_crash is False

    asyncio.run(test())


def test_a_run_that_did_not_end_is_known(tmp_path: Path) -> None:
    async def test() -> None:
        kept = Kept(tmp_path)
        await kept.ready()
        await kept.close()
        with_ending = rows(tmp_path, "SELECT body FROM kept WHERE kind = 'run'")
        assert with_ending == [('{"running": false}',)]

        import sqlite3

        with sqlite3.connect(tmp_path / NAME) as connection:
            connection.execute("UPDATE kept SET body = '{\"running\": true}' WHERE kind = 'run'")
        connection.close()
        kept = Kept(tmp_path)
        assert (await kept.ready()).past.after_crash is True
        await kept.close()

    asyncio.run(test())


def test_what_is_put_in_one_turn_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    async def test() -> None:
        kept = Kept(tmp_path)
        await kept.ready()
        kept.journal.put("message", "a", {})
        kept.journal.run(("INSERT INTO no_such_table VALUES (1)", ()))
        await kept.failed()
        await kept.ready(2)
        await kept.close()
        assert rows(tmp_path) == []

    asyncio.run(test())


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    async def test() -> None:
        folder = tmp_path / "state"
        old = os.umask(0)
        try:
            kept = Kept(folder)
            await kept.ready()
            kept.journal.put("message", "a", {})
            await kept.journal.settled(5.0)
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
            await kept.close()
        finally:
            os.umask(old)
        assert modes == dict.fromkeys(("journal.lock", NAME, NAME + "-wal"), 0o600)

    asyncio.run(test())


def test_a_second_daemon_on_the_folder_is_told_who_has_it_and_takes_over_when_that_one_ends(tmp_path: Path) -> None:
    async def test() -> None:
        first = Kept(tmp_path)
        await first.ready()
        first.journal.put("message", "a", {"left": 1})
        second = Kept(tmp_path)
        assert f"pid {os.getpid()}" in (await second.failed()).detail
        assert not second.journal.working
        await first.close()
        past = (await second.ready()).past
        await second.close()
        assert [row.key for row in past.of("message")] == ["a"]

    asyncio.run(test())


def test_rows_that_cannot_be_understood_are_passed_over(tmp_path: Path) -> None:
    async def test() -> None:
        kept = Kept(tmp_path)
        await kept.ready()
        kept.journal.event(event(1))
        kept.journal.put("message", "good", {})
        kept.journal.put("message", "long", {"text": "x" * LONGEST_BODY})
        good = json.dumps({"n": "target_lost", "t": None, "m": None, "f": {}})
        for number, body in enumerate(
            ("", "7", "{}", "[" * 9000, good.replace("lost", "sold"), good.replace("{}", "7")), 2
        ):
            kept.journal.run(("INSERT INTO events VALUES (?, 1.0, ?)", (number, body)))
        for key, body in (("a", "7"), ("b", "{"), ("c", b"\xff\x00")):
            kept.journal.run(("INSERT INTO kept VALUES ('message', ?, ?, 1.0, 1.0, '')", (key, body)))
        kept.journal.run(("INSERT INTO kept VALUES ('message', 'd', '{}', 'soon', 1.0, '')", ()))
        await kept.journal.settled(5.0)
        await kept.close()
        kept = Kept(tmp_path)
        past = (await kept.ready()).past
        await kept.close()
        assert [recorded.id for recorded in past.events] == [1]
        assert [row.key for row in past.of("message")] == ["good"]

    asyncio.run(test())


@pytest.mark.parametrize(
    ("before_wall", "most", "left"),
    [
        pytest.param(0.0, 1500, 1500, id="what is too much goes"),
        pytest.param(1_700_000_000.0 + 700, 9000, 1301, id="what is too old goes"),
        pytest.param(9e12, 9000, EVENTS_SHOWN, id="with a clock far ahead the last ones stay"),
    ],
)
def test_events_are_forgotten(tmp_path: Path, before_wall: float, most: int, left: int) -> None:
    async def test() -> None:
        kept = Kept(tmp_path)
        await kept.ready()
        for number in range(2001):
            kept.journal.event(event(number))
        kept.journal.run(*prune(before_wall, most))
        assert await kept.journal.settled(10.0)
        await kept.close()
        assert rows(tmp_path, "SELECT count(*), max(id) FROM events") == [(left, 2000)]

    asyncio.run(test())


def test_everything_is_forgotten_but_that_a_run_goes_on(tmp_path: Path) -> None:
    async def test() -> None:
        kept = Kept(tmp_path)
        await kept.ready()
        kept.journal.put("state", "a", {})
        kept.journal.run(drop_all())
        await kept.close()
        assert rows(tmp_path, "SELECT kind FROM kept") == [("run",)]

    asyncio.run(test())
