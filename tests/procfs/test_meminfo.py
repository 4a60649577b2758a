import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.meminfo import Meminfo, parse_meminfo, read_meminfo

WHOLE = b"""MemTotal:       24684092 kB
MemFree:        24400672 kB
MemAvailable:   24346360 kB
Buffers:            4444 kB
SwapTotal:          2048 kB
SwapFree:           1024 kB
HugePages_Total:       0
"""


def test_every_field():
    assert parse_meminfo(WHOLE) == Meminfo(
        total=25276510208, free=24986288128, available=24930672640, swap_total=2097152, swap_free=1048576
    )


def test_a_kernel_before_3_14_has_no_estimate():
    text = WHOLE.replace(b"MemAvailable:   24346360 kB\n", b"")
    assert parse_meminfo(text).available is None


def test_a_machine_without_swap_has_none():
    assert parse_meminfo(b"MemTotal: 8 kB\nMemFree: 4 kB\n") == Meminfo(total=8192, free=4096)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(b"", "no line MemTotal", id="nothing"),
        pytest.param(b"MemTotal: 8 kB\n", "no line MemFree", id="cut short"),
        pytest.param(b"MemTotal: eight kB\nMemFree: 4 kB\n", "MemTotal: found", id="a word for a number"),
    ],
)
def test_malformed(text: bytes, message: str):
    with pytest.raises(MalformedProcFile, match=message):
        parse_meminfo(text)


@pytest.mark.live
def test_this_machine():
    found = read_meminfo("/proc")
    assert found.available is not None
    assert found.total > found.available > 0


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_meminfo(str(tmp_path))
