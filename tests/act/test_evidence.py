import asyncio
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.act.processes import start_catcher

from brimwatch.act import evidence
from brimwatch.act.evidence import Image, Observed, image_of, observe
from brimwatch.act.runtimes import Evidence

STAT = (
    "7 (x) S 1 7 7 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 500 9000000 100 18446744073709551615 {code} 2 {stack}"
    + 24 * " 0"
)
LINE = "7f0000000000-7f0000001000 r-xp 00000000 08:01 1234                       {path}\n"


def fake(tmp_path: Path, maps: str, cmdline: bytes = b"java\0-jar\0a.jar\0", code: int = 10, stack: int = 20) -> str:
    place = tmp_path / "7"
    place.mkdir(exist_ok=True)
    (place / "stat").write_text(STAT.format(code=code, stack=stack))
    (place / "maps").write_text(maps)
    (place / "cmdline").write_bytes(cmdline)
    if not (place / "exe").is_symlink():
        (tmp_path / "program").write_bytes(b"#!")
        (place / "exe").symlink_to(tmp_path / "program")
    return str(tmp_path)


def look(procfs: str, within: float = 10.0) -> Observed:
    return asyncio.run(observe(7, procfs, within))


def test_what_is_seen(tmp_path: Path) -> None:
    maps = "".join(
        LINE.format(path=path) for path in ("/usr/lib/libc.so.6", "/opt/jvm/lib/server/libjvm.so", "[heap]", "")
    )
    seen = look(fake(tmp_path, maps))
    executable = str(tmp_path / "program")
    assert seen.image == Image(executable, 10, 20)
    assert seen.evidence == Evidence(executable, ("java", "-jar", "a.jar", ""), frozenset({"libjvm.so"}), frozenset())


@pytest.mark.parametrize("before", [1, 900, 20_000])
def test_a_library_is_found_wherever_it_stands(tmp_path: Path, before: int) -> None:
    maps = LINE.format(path="/srv/data") * before + LINE.format(path="/opt/libjvm.so") + LINE.format(path="/srv/data")
    assert look(fake(tmp_path, maps)).evidence.libraries == {"libjvm.so"}


@pytest.mark.parametrize("chunk", [1, 7, 50, 64, 100])
def test_a_line_that_is_read_in_pieces_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(evidence, "_CHUNK", chunk)
    maps = LINE.format(path="/srv/data") + LINE.format(path="/opt/libjvm.so") + LINE.format(path="/srv/data")
    assert look(fake(tmp_path, maps)).evidence.libraries == {"libjvm.so"}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/srv/libjvm.so.d/data", id="a directory of that name"),
        pytest.param("/srv/notlibjvm.so", id="the end of another name"),
        pytest.param("libjvm.so", id="no path"),
    ],
)
def test_what_is_no_library(tmp_path: Path, path: str) -> None:
    assert look(fake(tmp_path, LINE.format(path=path))).evidence.libraries == frozenset()


def test_a_list_of_mappings_without_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "_LONGEST_MAPS", 4096)
    monkeypatch.setattr(evidence, "_CHUNK", 64)
    with pytest.raises(OSError, match="maps more files than can be looked at"):
        look(fake(tmp_path, LINE.format(path="/srv/data") * 10))


def test_hostile_arguments_are_bounded_text(tmp_path: Path) -> None:
    seen = look(fake(tmp_path, "", cmdline=b"\xff\xfe%s{pid}\0" + b"a" * 100_000))
    assert seen.evidence.arguments[0] == "\ufffd\ufffd%s{pid}"
    assert len("\0".join(seen.evidence.arguments)) <= 4096


def test_a_process_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(ProcessLookupError):
        look(str(tmp_path))


def test_a_look_that_hangs_is_left_behind_and_two_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: Any
) -> None:
    release, begun = threading.Event(), []

    def hang(*place: Any) -> Observed:
        begun.append(place)
        release.wait(30)
        raise ProcessLookupError

    monkeypatch.setattr(evidence, "_read_all", hang)
    try:
        for _ in range(4):
            with pytest.raises(TimeoutError):
                look(str(tmp_path), within=0.05)
        wait_until(lambda: len(begun) == 2)
    finally:
        release.set()
    wait_until(lambda: not any(thread.name == "brimwatch-runtime" for thread in threading.enumerate()))
    assert len(begun) == 2
    monkeypatch.undo()
    assert look(fake(tmp_path, "")).image.start_code == 10


def test_many_quick_looks_leave_no_thread_and_no_descriptor(tmp_path: Path) -> None:
    procfs = fake(tmp_path, LINE.format(path="/opt/libjvm.so"))
    look(procfs)
    before = len(os.listdir("/proc/self/fd"))

    async def look_often() -> None:
        for _ in range(100):
            await observe(7, procfs, 10.0)

    asyncio.run(look_often())
    assert len(os.listdir("/proc/self/fd")) == before
    assert threading.active_count() < 4


def test_a_program_is_read_once_and_again_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    procfs, reads = fake(tmp_path, ""), []
    monkeypatch.setattr(evidence, "marks_of", lambda descriptor: reads.append(descriptor) or frozenset({"go"}))
    assert [look(procfs).evidence.marks for _ in range(3)] == [frozenset({"go"})] * 3
    assert len(reads) == 1
    (tmp_path / "program").write_bytes(b"another one")
    look(procfs)
    assert len(reads) == 2


@pytest.mark.live
def test_exec_makes_another_image_of_the_same_program(spawn: Any) -> None:
    child = start_catcher(spawn)
    before = image_of(child.pid, "/proc")
    assert image_of(child.pid, "/proc") == before
    child.stdin.write(f"exec {sys.executable} -c while(1):pass\n")
    child.stdin.flush()
    end = time.monotonic() + 10
    while image_of(child.pid, "/proc") == before:
        assert time.monotonic() < end
        time.sleep(0.002)
