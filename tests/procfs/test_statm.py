import os

import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.statm import PAGE, Statm, parse_statm, read_statm


def test_counts_are_pages_and_results_are_bytes():
    assert parse_statm(b"30092 27238 773 1 0 27950 0\n", 4096) == Statm(123256832, 111566848, 3166208)


def test_pages_of_64_kib_as_on_some_arm_machines():
    assert parse_statm(b"10 2 1 0 0 0 0\n", 65536) == Statm(655360, 131072, 65536)


def test_a_zombie_reads_zeros():
    assert parse_statm(b"0 0 0 0 0 0 0\n") == Statm(0, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"1 2\n", id="too few fields"),
        pytest.param(b"1 2 x 0 0 0 0\n", id="a word where a number belongs"),
        pytest.param(b"1 -2 0 0 0 0 0\n", id="a negative count"),
        pytest.param(b"\xff\xfe 2 3\n", id="bytes that are no text"),
    ],
)
def test_malformed(text: bytes):
    with pytest.raises(MalformedProcFile, match="statm: found"):
        parse_statm(text)


@pytest.mark.live
def test_this_very_process():
    found = read_statm("/proc", os.getpid())
    assert found.size > found.resident > found.shared > 0
    assert found.resident % PAGE == 0


def test_a_process_that_is_not_there(tmp_path):
    with pytest.raises(ProcessLookupError):
        read_statm(str(tmp_path), 4711)
