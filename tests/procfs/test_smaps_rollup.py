import os

import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.smaps_rollup import SmapsRollup, parse_smaps_rollup, read_smaps_rollup

WHOLE = b"""55d76db18000-7fff667d1000 ---p 00000000 00:00 0                          [rollup]
Rss:                1844 kB
Pss:                 382 kB
Pss_Dirty:           112 kB
Shared_Clean:       1632 kB
Private_Clean:       100 kB
Private_Dirty:       112 kB
Referenced:         1844 kB
Anonymous:           113 kB
Private_Hugetlb:    2048 kB
Swap:                  7 kB
SwapPss:               5 kB
Locked:                0 kB
"""


def test_every_field():
    expected = SmapsRollup(rss=1888256, pss=391168, uss=217088, anon=115712, swap=7168, swap_pss=5120)
    assert parse_smaps_rollup(WHOLE) == expected


def test_an_old_kernel_knows_no_swap_share():
    text = b"".join(line for line in WHOLE.splitlines(True) if not line.startswith((b"Swap", b"Anon")))
    assert parse_smaps_rollup(text) == SmapsRollup(rss=1888256, pss=391168, uss=217088)


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        pytest.param(b"Pss:                 382 kB\n", b"", "no line Pss", id="no Pss"),
        pytest.param(b"Private_Dirty:       112 kB\n", b"", "no line Private_Dirty", id="half of the private pages"),
        pytest.param(b" 1844 kB\nPss:", b" much\nPss:", "Rss: found", id="a size that is no number"),
    ],
)
def test_malformed(line: bytes, instead: bytes, message: str):
    assert line in WHOLE
    with pytest.raises(MalformedProcFile, match=message):
        parse_smaps_rollup(WHOLE.replace(line, instead))


@pytest.mark.live
def test_this_very_process():
    found = read_smaps_rollup("/proc", os.getpid())
    assert found.rss >= found.pss >= found.uss > 0


def test_a_kernel_without_the_file_is_not_a_process_that_is_gone(tmp_path):
    (tmp_path / "7").mkdir()
    with pytest.raises(FileNotFoundError):
        read_smaps_rollup(str(tmp_path), 7)
    with pytest.raises(ProcessLookupError):
        read_smaps_rollup(str(tmp_path), 8)
