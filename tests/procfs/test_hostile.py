"""Whatever stands in a file, a parser answers with its type or with MalformedProcFile."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.meminfo import parse_meminfo
from brimwatch.procfs.memory_files import parse_amount, parse_limit, parse_memory_stat, parse_oom_kills
from brimwatch.procfs.mountinfo import parse_mountinfo
from brimwatch.procfs.pressure import parse_pressure
from brimwatch.procfs.smaps_rollup import parse_smaps_rollup
from brimwatch.procfs.statm import parse_statm
from brimwatch.procfs.status import parse_status

CASES: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "statm": (parse_statm, b"100 20 3 0 0 0 0\n"),
    "status": (
        parse_status,
        b"Name:\tx\nUid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nNSpid:\t7\t1\nVmHWM:\t 8 kB\nThreads:\t1\nSigCgt:\tff\n",
    ),
    "smaps_rollup": (parse_smaps_rollup, b"Rss: 8 kB\nPss: 4 kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: 1 kB\n"),
    "meminfo": (parse_meminfo, b"MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable: 2 kB\nSwapTotal: 0 kB\n"),
    "pressure": (parse_pressure, b"some avg10=1.00 avg60=0.00 avg300=0.00 total=7\n"),
    "mountinfo": (parse_mountinfo, b"9 1 0:26 /a\\040b /cg rw,x shared:1 - cgroup cgroup rw,memory\n"),
    "memory.stat v1": (lambda text: parse_memory_stat(text, 1), b"total_rss 5\ntotal_inactive_file 3\n"),
    "memory.stat v2": (lambda text: parse_memory_stat(text, 2), b"anon 5\ninactive_file 3\n"),
    "memory.events": (parse_oom_kills, b"oom 1\noom_kill 1\n"),
    "memory.max": (lambda text: parse_limit(text, "memory.max"), b"1000\n"),
    "memory.current": (lambda text: parse_amount(text, "memory.current"), b"1000\n"),
}
SPLICES = (
    b"", b"0", b"-1", b"1_0", b"1e9", b"9" * 30, b"9" * 5000, b"\n", b"\t", b" ", b"\r", b"\0", b"\xff", b"kB", b"max",
    b"nan", b"inf", b".", b":", b"-", b" - ", b"/..", b"\\777", "\u0663".encode(),
)  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_text_to_be_spoilt_is_sound(name: str):
    parse, sound = CASES[name]
    assert parse(sound) is not None


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_text_spoilt_anywhere(name: str, data: st.DataObject):
    parse, sound = CASES[name]
    start = data.draw(st.integers(0, len(sound)))
    end = data.draw(st.integers(start, min(start + 12, len(sound))))
    splice = data.draw(st.one_of(st.sampled_from(SPLICES), st.binary(max_size=20)))
    message = ""
    try:
        parse(sound[:start] + splice + sound[end:])
    except MalformedProcFile as error:
        message = str(error)
    assert len(message) < 400


def test_digits_without_end():
    with pytest.raises(MalformedProcFile, match="MemTotal: found"):
        parse_meminfo(b"MemTotal: " + b"9" * 5000 + b" kB\nMemFree: 1 kB\n")
