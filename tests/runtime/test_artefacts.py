"""Are artefacts ours alone, bounded, gone in time, and never in the way?"""

import asyncio
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

import brimwatch.runtime.artefacts as module
from brimwatch.runtime.artefacts import FILE_BYTES, Artefacts

WALL = 1_800_000_000.123
LINES = [{"record": "artefact", "about": "oom"}, {"record": "sample", "rss_bytes": 1}]


class Failures(list[tuple[str, str]]):
    def __call__(self, path: str, why: str) -> None:
        self.append((path, why))


def kept(folder: Path, work: Callable[[Artefacts], None], retention: float = 3600.0) -> Failures:
    """Run `work` with a store below `folder`, write everything, and return what failed."""
    failures = Failures()

    async def run() -> None:
        files = Artefacts(str(folder), retention, asyncio.get_running_loop(), failures)
        work(files)
        files.close()
        await asyncio.sleep(0)  # what the thread had to say is said on the loop
        await asyncio.sleep(0)

    asyncio.run(run())
    return failures


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder / "artefacts"))


def lines_of(path: Path) -> list[Mapping[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_file_is_json_lines_under_the_name_that_was_given_at_once(tmp_path: Path) -> None:
    begun: list[str] = []
    assert kept(tmp_path, lambda files: begun.append(files.path(files.begin(WALL, "shop-oom", lambda: LINES)))) == []
    assert begun == [str(tmp_path / "artefacts" / "20270115T080000.123Z-0001-shop-oom.jsonl")]
    assert lines_of(Path(begun[0])) == LINES


def test_file_and_folder_are_ours_alone(tmp_path: Path) -> None:
    os.umask(before := os.umask(0))
    os.umask(0)
    try:
        kept(tmp_path, lambda files: files.begin(WALL, "a", lambda: LINES) and None)
    finally:
        os.umask(before)
    folder = tmp_path / "artefacts"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


def test_a_folder_that_others_may_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "artefacts").mkdir(mode=0o755)
    kept(tmp_path, lambda files: files.begin(WALL, "a", lambda: LINES) and None)
    assert stat.S_IMODE((tmp_path / "artefacts").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param("../../etc/cron.d/x", ".._.._etc_cron.d_x", id="a way out"),
        pytest.param("a\n\x1b[31m\0b", "a_31m_b", id="control characters"),
        pytest.param("x" * 300, "x" * 100, id="an endless name"),
        pytest.param("Zürich", "Z_rich", id="letters beyond ASCII"),
    ],
)
def test_no_name_leaves_the_folder(tmp_path: Path, words: str, shown: str) -> None:
    kept(tmp_path, lambda files: files.begin(WALL, words, lambda: LINES) and None)
    assert names(tmp_path) == [f"20270115T080000.123Z-0001-{shown}.jsonl"]
    assert os.listdir(tmp_path) == ["artefacts"]


def test_lines_are_added_to_a_file_that_was_begun(tmp_path: Path) -> None:
    kept(tmp_path, lambda files: files.add(files.begin(WALL, "a", lambda: LINES), lambda: [{"record": "frame"}]))
    assert lines_of(tmp_path / "artefacts" / names(tmp_path)[0]) == [*LINES, {"record": "frame"}]


def test_a_file_is_cut_at_its_greatest_length_and_says_so_once(tmp_path: Path) -> None:
    long = {"record": "frame", "at": "x" * 1000}

    def work(files: Artefacts) -> None:
        name = files.begin(WALL, "a", lambda: [long] * 2000)
        files.add(name, lambda: [long])
        files.add(name, lambda: [long])

    kept(tmp_path, work)
    path = tmp_path / "artefacts" / names(tmp_path)[0]
    assert path.stat().st_size <= FILE_BYTES
    assert [line["record"] for line in lines_of(path)].count("cut") == 1


def planted(tmp_path: Path, count: int, size: int = 10, age: float = 0.0) -> list[Path]:
    folder = tmp_path / "artefacts"
    folder.mkdir(mode=0o700, exist_ok=True)
    made = []
    for number in range(count):
        path = folder / f"20260101T000000.{number:03d}Z-0001-old.jsonl"
        path.write_bytes(b"x" * size)
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
        made.append(path)
    return made


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    old = planted(tmp_path, module.MOST_FILES + 5)
    kept(tmp_path, lambda files: files.begin(WALL, "new", lambda: LINES) and None)
    left = names(tmp_path)
    assert len(left) == module.MOST_FILES
    assert left[-1].endswith("-new.jsonl")
    assert [path.exists() for path in old[:7]] == [False] * 6 + [True]


def test_the_oldest_go_when_they_are_too_large_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 3500)
    old = planted(tmp_path, 5, size=1000)
    kept(tmp_path, lambda files: files.tidy())
    assert [path.exists() for path in old] == [False, False, True, True, True]


def test_what_is_older_than_the_retention_goes(tmp_path: Path) -> None:
    planted(tmp_path, 3, age=100.0)
    kept(tmp_path, lambda files: files.begin(WALL, "new", lambda: LINES) and None, retention=50.0)
    assert [name.endswith("-new.jsonl") for name in names(tmp_path)] == [True]


def test_what_somebody_else_put_there_is_left_alone(tmp_path: Path) -> None:
    planted(tmp_path, 1, age=100.0)
    folder = tmp_path / "artefacts"
    (folder / "notes.txt").write_text("mine")
    (folder / "20260101T000000.000Z-0001-folder.jsonl").mkdir()
    os.utime(folder / "notes.txt", (0, 0))
    kept(tmp_path, lambda files: files.tidy(), retention=50.0)
    assert names(tmp_path) == ["20260101T000000.000Z-0001-folder.jsonl", "notes.txt"]


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "artefacts").symlink_to(tmp_path / "elsewhere")
    failures = kept(tmp_path, lambda files: files.begin(WALL, "a", lambda: LINES) and None)
    assert len(failures) == 2  # the file, and the look at what is too old
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "artefacts").mkdir(mode=0o700)
    secret = tmp_path / "secret"
    secret.write_text("untouched")

    def work(files: Artefacts) -> None:
        name = "20270115T080000.123Z-0001-a.jsonl"
        os.symlink(secret, files.path(name))
        assert files.begin(WALL, "a", lambda: LINES) == name
        files.add(name, lambda: LINES)

    assert [why for _, why in kept(tmp_path, work)] == ["File exists", "Too many levels of symbolic links"]
    assert secret.read_text() == "untouched"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away: run the tests as root")
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "artefacts").mkdir(mode=0o700)
    os.chown(tmp_path / "artefacts", 65534, 65534)
    failures = kept(tmp_path, lambda files: files.begin(WALL, "a", lambda: LINES) and None)
    assert failures[0][1] == "the folder belongs to another user"


def test_lines_that_cannot_be_made_cost_their_file_only(tmp_path: Path) -> None:
    def broken() -> Iterator[Mapping[str, object]]:
        yield LINES[0]
        raise ValueError("a fault of ours")

    def work(files: Artefacts) -> None:
        files.begin(WALL, "bad", broken)
        files.begin(WALL, "good", lambda: LINES)

    assert [why for _, why in kept(tmp_path, work)] == ["ValueError('a fault of ours')"]
    assert [name.endswith("-good.jsonl") for name in names(tmp_path)] == [True]


def test_a_full_disk_is_told_and_half_a_file_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(module.os, "write", lambda fd, data: _full(write, fd, data))
    failures = kept(tmp_path, lambda files: files.add(files.begin(WALL, "a", lambda: LINES), lambda: LINES))
    assert [why for _, why in failures] == ["No space left on device"]
    assert names(tmp_path) == []


def _full(write: Callable[[int, bytes], int], descriptor: int, data: bytes) -> int:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(28, os.strerror(28))
    return write(descriptor, data)


def test_what_a_disk_does_not_take_in_time_is_given_up(tmp_path: Path) -> None:
    def work(files: Artefacts) -> None:
        for _ in range(module.MOST_WAITING + 3):
            files.begin(WALL, "a", lambda: LINES)

    assert [why for _, why in kept(tmp_path, work)] == ["the disk does not keep up"] * 3


def test_writing_waits_until_the_loop_has_done_what_is_urgent(tmp_path: Path) -> None:
    """Handed in and not yet written; then written by itself, by a thread that ends when it has nothing to do."""

    async def until(true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.01)

    async def run() -> bool:
        files = Artefacts(str(tmp_path), 60.0, asyncio.get_running_loop(), Failures())
        path = files.path(files.begin(WALL, "a", lambda: LINES))

        def written() -> bool:
            return os.path.lexists(path)

        at_once = written()
        await until(written)
        await until(lambda: not any(thread.name == "artefacts" for thread in threading.enumerate()))
        return at_once

    assert asyncio.run(run()) is False
