"""Is the limit that a file tells used where the cgroup tells none, and nowhere else?"""

import os
from pathlib import Path

import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.model import Limit, Reading, Sample
from brimwatch.quantity import Quantity
from brimwatch.sample.limit_file import LimitFiles, read_limit

MB = 1_000_000
READINGS = {
    Quantity.RSS: Reading(150 * MB, 5.0),
    Quantity.TIME_TO_LIMIT: Reading(60.0, 5.0),
    Quantity.MEMORY_USED: Reading(0.3, 5.0),
}


def sample(limit: Limit | None = None, headroom: int | None = None) -> Sample:
    return Sample(5.0, READINGS, limit, headroom)


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "app").write_text("400000000\n")
    return str(tmp_path / "app")


def read(files: LimitFiles, path: str, now: float) -> int:
    """Make every read that is due, as a lane would; how many."""
    reads = files.due(path, now)
    for slow in reads:
        try:
            result: object = slow.read()
        except Exception as error:  # noqa: BLE001 - as the lanes do
            result = error
        files.accept(slow, result, now, 0.0)
    return len(reads)


@pytest.fixture
def files(path: str) -> LimitFiles:
    known = LimitFiles()
    read(known, path, 1.0)
    return known


@pytest.mark.parametrize("text", [b"", b"max\n", b"0\n", b"-1", b"512Mi", b"4" * 65, b"\xff"])
def test_what_is_no_number_of_bytes_is_refused_with_what_was_found(tmp_path: Path, text: bytes):
    (tmp_path / "app").write_bytes(text)
    with pytest.raises(MalformedProcFile):
        read_limit(str(tmp_path / "app"))


def test_without_a_limit_the_file_s_is_in_force(files, path):
    known = files.applied(path, sample())
    assert (known.limit, known.headroom) == (Limit(400 * MB, "file"), None)


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(Limit(500 * MB, "cgroup"), id="the cgroup's is always the truth: a file may be stale"),
        pytest.param(Limit(300 * MB, "cgroup"), id="also where it is less"),
        pytest.param(Limit(300 * MB, "machine"), id="a machine that has less than the file says"),
    ],
)
def test_what_the_kernel_tells_is_left_as_it_is(files, path, limit):
    assert files.applied(path, sample(limit, 7)) == sample(limit, 7)


def test_a_larger_machine_does_not_count_nor_what_was_reckoned_against_it(files, path):
    known = files.applied(path, sample(Limit(8000 * MB, "machine"), 200 * MB))
    assert (known.limit, known.headroom) == (Limit(400 * MB, "file"), None)
    assert set(known.readings) == {Quantity.RSS}


def test_a_file_is_read_anew_every_ten_seconds(files, path):
    Path(path).write_text("600000000")
    assert read(files, path, 10.0) == 0
    assert read(files, path, 11.0) == 1
    assert files.applied(path, sample()).limit == Limit(600 * MB, "file")


def test_one_read_is_out_at_a_time_until_it_counts_as_lost(path):
    files = LimitFiles()
    assert len(files.due(path, 1.0)) == 1
    assert files.due(path, 100.0) == ()
    assert len(files.due(path, 122.0)) == 1


def test_what_is_gone_is_believed_no_more_and_what_is_late_is(files, path):
    (slow,) = files.due(path, 20.0)
    files.accept(slow, TimeoutError("no answer"), 20.0, 0.0)
    assert files.capable(path) == {"limit_file": False}
    assert files.applied(path, sample()).limit is not None
    os.unlink(path)
    read(files, path, 40.0)
    assert files.applied(path, sample()) == sample()
    assert files.capable(path) == {"limit_file": False}


def test_nothing_is_said_of_what_nobody_named_or_has_read(files, path):
    assert files.capable(None) == {}
    assert files.capable("/another") == {}
    assert files.capable(path) == {"limit_file": True}
    assert files.applied("/another", sample()) == sample()
