"""Does a journal know to a second when its daemon was last alive, however that one ended?"""

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from tests.record.journals import BOOT, Kept, clock, rows

from brimwatch.core.moment import Moment
from brimwatch.record.journal_life import last_sign, later, owner, sign

LOCK = "journal.lock"
ROW = Moment(1000.0, 50.0, "a")


@pytest.fixture
def lock(tmp_path: Path) -> int:
    return os.open(tmp_path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)


def signed(path: Path) -> Moment | None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return last_sign(descriptor)
    finally:
        os.close(descriptor)


def test_a_run_that_was_killed_was_alive_until_its_last_sign_and_not_its_last_row(tmp_path: Path) -> None:
    async def test() -> None:
        kept = Kept(tmp_path / "first")
        await kept.ready()
        begun = signed(tmp_path / "first" / LOCK)
        assert begun is not None
        await kept.until(lambda: (signed(tmp_path / "first" / LOCK) or begun).mono > begun.mono + 0.5)
        shutil.copytree(tmp_path / "first", tmp_path / "killed")  # as a kill would leave it: in no order
        await kept.close()
        last = signed(tmp_path / "killed" / LOCK)

        kept = Kept(tmp_path / "killed")
        past = (await kept.ready()).past
        await kept.close()
        assert (past.after_crash, past.ended) == (True, last)

    asyncio.run(test())


def test_a_run_that_ended_in_order_was_alive_until_its_end(tmp_path: Path) -> None:
    async def test() -> None:
        kept = Kept(tmp_path)
        await kept.ready()
        await kept.close()
        ((wall,),) = rows(tmp_path, "SELECT wall FROM kept WHERE kind = 'run'")  # type: ignore[misc]
        kept = Kept(tmp_path)
        past = (await kept.ready()).past
        await kept.close()
        assert past.ended is not None
        assert abs(past.ended.wall - wall) < 0.1

    asyncio.run(test())


def test_a_folder_that_was_made_anew_has_its_lock_and_the_old_descriptor_is_not_written_to(tmp_path: Path) -> None:
    async def test() -> None:
        folder = tmp_path / "state"
        kept = Kept(folder)
        await kept.ready()
        shutil.rmtree(folder)
        kept.journal.put("message", "a", {})
        await kept.failed()
        await kept.ready(2)
        assert signed(folder / LOCK) is not None
        await kept.close()

    asyncio.run(test())


def test_a_sign_is_read_as_it_was_written_whatever_was_there_before(lock: int) -> None:
    sign(lock, Moment(1_700_000_000.5, 123_456_789.5, "b" * 36))
    sign(lock, Moment(1_700_000_001.5, 7.5, BOOT))
    assert last_sign(lock) == Moment(1_700_000_001.5, 7.5, BOOT)
    assert owner(lock) == str(os.getpid())
    os.close(lock)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"123\n",
        b"123\n1 2\n",
        b"1\nnan 2 a\n",
        b"1\n1 inf a\n",
        b"1\nx y z\n",
        b"\xff\xfe\n1 2 a\n",
        b"1\n1 2 a b\n",
    ],
)
def test_a_sign_that_cannot_be_understood_is_none(lock: int, text: bytes) -> None:
    os.pwrite(lock, text, 0)
    assert last_sign(lock) is None
    os.close(lock)


def test_where_nothing_can_be_written_only_the_sign_is_lost(tmp_path: Path, lock: int) -> None:
    reading = os.open(tmp_path / LOCK, os.O_RDONLY)
    sign(reading, clock())
    assert (last_sign(reading), owner(reading)) == (None, "unknown")
    os.close(reading)
    os.close(lock)


@pytest.mark.parametrize(
    ("row", "found", "expected"),
    [
        pytest.param(ROW, Moment(900.0, 60.0, "a"), Moment(900.0, 60.0, "a"), id="a sign after the row"),
        pytest.param(ROW, Moment(1100.0, 40.0, "a"), ROW, id="a sign before the row, whatever the wall clock says"),
        pytest.param(ROW, Moment(1100.0, 60.0, "b"), ROW, id="a sign of another boot"),
        pytest.param(ROW, None, ROW, id="no sign"),
        pytest.param(None, ROW, None, id="no run"),
    ],
)
def test_the_later_of_row_and_sign_counts(row: Moment | None, found: Moment | None, expected: Moment | None) -> None:
    assert later(row, found) == expected
