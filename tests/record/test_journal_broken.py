"""Does a journal that is damaged, foreign, full or gone never stop anything, and is that said?"""

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import fill
from tests.record.journals import Kept, event, rows

from brimwatch.record.journal_file import ASIDE_KEPT, NAME


async def filled(folder: Path, documents: int = 50) -> None:
    kept = Kept(folder)
    await kept.ready()
    for number in range(documents):
        kept.journal.event(event(number, "x" * 500))
        kept.journal.put("message", str(number), {"text": "y" * 500})
    assert await kept.journal.settled(10.0)
    await kept.close()


def broken(folder: Path) -> list[Path]:
    return list(folder.glob(NAME + ".broken-*"))


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 100)


def scribbled(path: Path) -> None:
    chance = random.Random(7)
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 2000] = chance.randbytes(2000)
    path.write_bytes(content)


def text(path: Path) -> None:
    path.write_text("my shopping list\n" * 100)


def linked(path: Path) -> None:
    other = path.with_name("other")
    path.rename(other)
    path.symlink_to(other)


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _alter(*statements: str) -> Callable[[Path], None]:
    def alter(path: Path) -> None:
        connection = sqlite3.connect(path)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    return alter


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(truncated, "damaged", id="a truncated file"),
        pytest.param(scribbled, "damaged", id="random bytes in it"),
        pytest.param(text, "not a database", id="a text file"),
        pytest.param(linked, "a symbolic link", id="a symbolic link that somebody planted"),
        pytest.param(piped, "no regular file", id="a pipe that would hang whoever opens it"),
        pytest.param(folder, "no regular file", id="a folder"),
        pytest.param(_alter("PRAGMA user_version = 99"), "a later Brimwatch", id="a later version's"),
        pytest.param(_alter("PRAGMA application_id = 7"), "another program", id="another program's database"),
        pytest.param(_alter("DROP TABLE kept"), "its tables", id="a table is missing"),
    ],
)
def test_what_is_unfit_is_renamed_and_a_new_journal_begun(
    tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    async def test() -> None:
        await filled(tmp_path)
        damage(tmp_path / NAME)
        before = (tmp_path / NAME).lstat()
        kept = Kept(tmp_path)
        ready = await kept.ready()
        assert said in ready.aside
        assert ready.past.events == ()
        kept.journal.put("message", "new", {})
        await kept.close()
        (aside,) = broken(tmp_path)
        assert aside.name in ready.aside
        assert (aside.lstat().st_ino, aside.lstat().st_size) == (before.st_ino, before.st_size)
        assert rows(tmp_path) == [("message", "new", "{}")]
        assert kept.said == [ready]

    asyncio.run(test())


def test_an_empty_file_is_a_new_journal(tmp_path: Path) -> None:
    async def test() -> None:
        (tmp_path / NAME).touch()
        kept = Kept(tmp_path)
        assert (await kept.ready()).aside == ""
        await kept.close()

    asyncio.run(test())


def test_three_broken_ones_are_kept(tmp_path: Path) -> None:
    async def test() -> None:
        for _ in range(ASIDE_KEPT + 2):
            (tmp_path / NAME).write_text("no database at all, but long enough to be looked at" * 50)
            kept = Kept(tmp_path)
            await kept.ready()
            await kept.close()
        assert len(broken(tmp_path)) == ASIDE_KEPT

    asyncio.run(test())


def test_a_file_that_is_removed_under_way_is_noticed_and_begun_anew(tmp_path: Path) -> None:
    async def test() -> None:
        kept = Kept(tmp_path / "state")
        await kept.ready()
        shutil.rmtree(tmp_path / "state")
        kept.journal.put("message", "lost", {})
        failed = await kept.failed()
        assert "No such file" in failed.detail
        await kept.ready(2)
        kept.journal.put("message", "new", {})
        assert await kept.journal.settled(5.0)
        await kept.close()
        assert rows(tmp_path / "state") == [("message", "new", "{}")]

    asyncio.run(test())


def test_a_journal_at_its_largest_gives_up_the_older_half_of_its_events(tmp_path: Path) -> None:
    async def test() -> None:
        kept = Kept(tmp_path, largest=1 << 20)
        await kept.ready()
        kept.journal.put("message", "waits", {})
        for number in range(3000):
            kept.journal.event(event(number, "x" * 1000))
            if number % 100 == 0:
                assert await kept.journal.settled(10.0)
        assert await kept.journal.settled(10.0)
        await kept.close()
        assert [type(one).__name__ for one in kept.said] == ["Ready"]
        assert (tmp_path / NAME).stat().st_size <= 1 << 20
        ((count, last),) = rows(tmp_path, "SELECT count(*), max(id) FROM events")  # type: ignore[misc]
        assert 100 < count < 1000
        assert last == 2999
        assert rows(tmp_path) == [("message", "waits", "{}")]

    asyncio.run(test())


def test_a_full_disk_is_said_once_and_writing_goes_on_when_there_is_room(small_disk: Path) -> None:
    async def test() -> None:
        kept = Kept(small_disk)
        await kept.ready()
        hog = small_disk / "hog"
        fill(hog)
        for number in range(200):
            kept.journal.event(event(number, "x" * 1000))
        failed = await kept.failed()
        assert "full" in failed.detail
        assert await kept.journal.settled(1.0), "nobody waits for a journal that does not work"
        await asyncio.sleep(0.3)
        assert [type(one).__name__ for one in kept.said] == ["Ready", "Failed"]
        hog.unlink()
        await kept.ready(2)
        kept.journal.put("message", "new", {})
        assert await kept.journal.settled(5.0)
        await kept.close()
        assert rows(small_disk) == [("message", "new", "{}")]

    asyncio.run(test())


def test_a_folder_that_cannot_be_used_is_said_once_and_tried_again(tmp_path: Path) -> None:
    async def test() -> None:
        place = tmp_path / "state"
        place.write_text("a file stands here")
        kept = Kept(place)
        await kept.failed()
        kept.journal.put("message", "a", {})
        assert await kept.journal.settled(1.0)
        place.unlink()
        await kept.ready()
        await kept.close()
        assert [type(one).__name__ for one in kept.said] == ["Failed", "Ready"]

    asyncio.run(test())
