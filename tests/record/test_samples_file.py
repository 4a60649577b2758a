"""Is a file that is torn, damaged, compressed, empty or endless read as far as it is good, and is the damage said?"""

import gzip
import os
from pathlib import Path

import pytest

from brimwatch.core import recorded as rows
from brimwatch.errors import BrimwatchError
from brimwatch.record import samples_file
from brimwatch.record.samples_file import SampleFile
from brimwatch.record.samples_write import RowWriter

HEADER = rows.Header("h", "b", 1.0, 2.0, rows.Terms(1.0, False, False), "0.1")
GOOD = b"".join(map(RowWriter().line, (HEADER, rows.Beat(1.0, 2.0), rows.Beat(2.0, 3.0))))


def read(content: bytes, folder: Path) -> tuple[int, SampleFile]:
    path = folder / "run.jsonl"
    path.write_bytes(content)
    file = SampleFile(str(path))
    return len(list(file.rows())), file


def test_a_whole_recording(tmp_path: Path) -> None:
    count, file = read(GOOD, tmp_path)
    assert (count, file.torn, file.line) == (3, None, 3)


def test_a_last_line_that_is_cut_off_is_passed_over_and_said(tmp_path: Path) -> None:
    count, file = read(GOOD[:-5], tmp_path)
    assert (count, file.torn) == (2, 3)


def test_a_compressed_recording(tmp_path: Path) -> None:
    assert read(gzip.compress(GOOD), tmp_path)[0] == 3


def test_a_compressed_recording_that_is_cut_off_is_torn(tmp_path: Path) -> None:
    body = GOOD + os.urandom(0) + b"".join(RowWriter().line(rows.Beat(float(at), at * 1.1)) for at in range(5000))
    count, file = read(gzip.compress(body)[:-500], tmp_path)
    assert count > 100
    assert file.torn is not None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "run.jsonl: found an empty file; wanted a recording, as `brimwatch record -o run.jsonl` makes one$"),
        (b"\x7fELF" + bytes(4096), "found a binary file"),
        (b"\xff\xfe" * 99, "found a binary file"),
        (b"global: {interval: 1s}\n", "found YAML; .*--config.file F --replay run.jsonl"),
        (b"# comment\ntargets:\n", "found YAML"),
        (b"hello world, this is a log of another program\n", "found a text that begins with 'hello world"),
        (b"\x1b[2J!\n", r"found a text that begins with '\\x1b\[2J!'"),
        (b"{\n", "found JSON of something else"),
        (b"[1, 2]\n", "found JSON of something else"),
        (b"[section]\n", "found a text that begins with"),
        (b"\x1f\x8b" + bytes(100), "cannot be read"),
        (b"{}\n", "found JSON of something else"),
        (GOOD[:40], "found a recording that is cut off in its first line"),
        (GOOD.partition(b"\n")[2], "found rows without the header"),
        (GOOD + b"garbage\n" + GOOD, r":4: found something else"),
        (GOOD + GOOD, r":4: wanted no second header"),
        (GOOD.replace(b'"version":1', b'"version":99'), r":1: version 99; this Brimwatch reads version 1"),
    ],
    ids=["empty", "a program", "noise", "a configuration", "a comment", "a text", "a hostile text", "JSON over lines",
         "a JSON list", "TOML",
         "noise that says it is gzip", "another JSON", "one torn line", "no header", "garbage within",
         "two in one", "of tomorrow"],
)  # fmt: skip
def test_damage_is_told_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(BrimwatchError, match=said):
        read(content, tmp_path)


def test_a_line_without_an_end_costs_no_more_memory_than_the_longest_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples_file, "LONGEST_LINE", 1000)
    path = tmp_path / "run.jsonl"
    with path.open("wb") as file:
        file.write(GOOD)
        file.truncate(1 << 30)  # a hole: zeros that take no disk
    with pytest.raises(BrimwatchError, match=r":4: longer than 1000 bytes"):
        list(SampleFile(str(path)).rows())


@pytest.mark.parametrize("path", ["/nonexistent/run.jsonl", "/", "a\0b"])
def test_what_is_no_file_is_said(path: str) -> None:
    with pytest.raises(BrimwatchError, match="wanted a recording"):
        SampleFile(path)
