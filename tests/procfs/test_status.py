import os
import signal

import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.status import Status, parse_status, read_status

WHOLE = b"""Name:\tgunicorn
Umask:\t0022
State:\tS (sleeping)
Tgid:\t9302
Uid:\t1000\t1001\t1002\t1003
Gid:\t2000\t2001\t2002\t2003
NSpid:\t9302\t17\t1
VmPeak:\t  200000 kB
VmHWM:\t    1816 kB
VmRSS:\t    1700 kB
RssAnon:\t     112 kB
RssFile:\t    1504 kB
RssShmem:\t      84 kB
VmData:\t     360 kB
VmSwap:\t       8 kB
Threads:\t3
SigQ:\t0/96365
SigPnd:\t0000000000000000
ShdPnd:\t0000000000004000
SigBlk:\t0000000000000001
SigIgn:\t0000000000001000
SigCgt:\t0000000000004200
"""


def test_every_field():
    assert parse_status(WHOLE) == Status(
        uid=1001, gid=2001, threads=3, ns_pid=(9302, 17, 1), rss=1740800, anon=114688, file=1540096, shmem=86016,
        swap=8192, peak_rss=1859584, vm_data=368640, sig_blocked=1, sig_ignored=0x1000,
        sig_caught=0x4200, sig_pending=0x4000,
    )  # fmt: skip


@pytest.mark.parametrize("where", [b"SigPnd", b"ShdPnd"], ids=["one thread", "all of it"])
def test_a_kill_that_is_on_its_way_is_seen(where: bytes):
    assert not parse_status(WHOLE).is_being_killed
    coming = WHOLE.replace(b"ShdPnd:\t0000000000004000\n", where + b":\t0000000000000100\n")
    assert parse_status(coming).is_being_killed


def test_a_zombie_has_no_sizes():
    text = b"Name:\tsleep\nState:\tZ (zombie)\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nThreads:\t1\nSigCgt:\t0\n"
    assert parse_status(text) == Status(uid=0, gid=0, threads=1)


def test_a_name_forges_no_line():
    name = b"Name:\tx\\nVmHWM:\t1 kB\rVmSwap:\t99 kB\n"
    assert parse_status(name + WHOLE.split(b"\n", 1)[1]) == parse_status(WHOLE)


def test_signals_are_counted_from_1():
    status = parse_status(WHOLE)
    caught = [number for number in range(1, 65) if status.catches(number)]
    assert caught == [signal.SIGUSR1, signal.SIGTERM]


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        pytest.param(b"Uid:\t1000\t1001\t1002\t1003\n", b"", "no line Uid", id="no uid"),
        pytest.param(b"Threads:\t3\n", b"", "no line Threads", id="no threads"),
        pytest.param(b"Threads:\t3\n", b"Threads:\tmany\n", "no number", id="threads that are no number"),
        pytest.param(b"1000\t1001\t1002\t1003", b"1000", "no number", id="one uid of four"),
        pytest.param(b"    1816 kB", b"1816 MB", "VmHWM: found", id="another unit than kB"),
        pytest.param(b"    1816 kB", b"-1816 kB", "VmHWM: found", id="a negative size"),
        pytest.param(b"0000000000004200", b"zz", "no number", id="a signal set that is no number"),
    ],
)
def test_malformed(line: bytes, instead: bytes, message: str):
    assert line in WHOLE
    with pytest.raises(MalformedProcFile, match=message):
        parse_status(WHOLE.replace(line, instead))


@pytest.mark.live
def test_this_very_process():
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        found = read_status("/proc", os.getpid())
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert found.catches(signal.SIGUSR2)
    assert (found.uid, found.gid) == (os.geteuid(), os.getegid())
    assert found.ns_pid[-1] == os.getpid()
    assert found.rss is not None
    assert found.peak_rss is not None
    assert found.anon is not None
    assert found.peak_rss >= found.anon > 0


@pytest.mark.live
def test_a_thread_tells_of_its_process():
    assert read_status("/proc", os.getpid(), os.getpid()).ns_pid == read_status("/proc", os.getpid()).ns_pid


def test_a_process_that_is_not_there(tmp_path):
    with pytest.raises(ProcessLookupError):
        read_status(str(tmp_path), 4711)
