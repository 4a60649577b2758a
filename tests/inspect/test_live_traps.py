"""Real processes that are hard to look into: they end meanwhile, are another by now, have 60,000 mappings, or lie."""

import random
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.inspect.pythons import start_python

from brimwatch.inspect.census import take_census
from brimwatch.inspect.found import Census, Want
from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat

pytestmark = pytest.mark.live

EVERYTHING = frozenset(Want)
LOADED = "kept = [{'a': i, 'b': [i]} for i in range(100000)]\n"
MAPPINGS = """
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
area = mmap.mmap(-1, 60000 * 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
start = ctypes.addressof(ctypes.c_char.from_buffer(area))
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
split = sum(libc.mprotect(start + i * 4096, 4096, 1) == 0 for i in range(0, 60000, 2))
"""
# 64 MiB of random bytes, of words that are their own addresses, of headers that begin like pools and end unlike them.
LIES = """
import array, ctypes, mmap, os, struct
size = 16 << 20
areas = [mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for i in range(4)]
starts = [ctypes.addressof(ctypes.c_char.from_buffer(area)) for area in areas]
areas[0][:] = os.urandom(size)
areas[1][:] = array.array("Q", range(starts[1], starts[1] + size, 8)).tobytes()
header = struct.pack("<I4xQQQIIII", 100, 0, 0, 0, 0, 3, 48 + 64, 16384)
areas[2][:] = (header + bytes(4096 - len(header))) * (size // 4096)
areas[3][:] = (struct.pack("<I4xQQQIIII", 60000, 0, 0, 0, 0, 0, 48, 16384 - 16) + bytes(4096 - 48)) * (size // 4096)
"""


def census_of(pid: int, wants: frozenset[Want] = EVERYTHING) -> Census:
    return take_census("/proc", ProcessId(pid, read_stat("/proc", pid).start_ticks), wants)


def test_60_000_mappings_hide_nothing(spawn: Any) -> None:
    looked = start_python(spawn, sys.executable, LOADED + MAPPINGS)
    assert len(looked.maps()) > 50_000
    found = census_of(looked.pid)
    assert found.pools is not None
    assert found.pools.blocks == pytest.approx(looked.said["blocks"], rel=0.01)
    assert (found.threads, found.missing) == (1, ())
    assert 0 <= (found.objects or 0) - looked.said["objects"] <= 3


def test_lies_in_its_memory_change_no_figure(spawn: Any) -> None:
    looked = start_python(spawn, sys.executable, LOADED + LIES)
    before = looked.resident()
    found = census_of(looked.pid)
    assert found.pools is not None
    assert found.pools.blocks == pytest.approx(looked.said["blocks"], rel=0.01)
    assert found.arenas is not None
    assert found.arenas.whole
    assert (found.threads, found.missing, looked.resident()) == (1, (), before)


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.06, 0.12, 0.2])
def test_a_process_that_ends_meanwhile_is_gone_or_told_in_part(spawn: Any, delay: float) -> None:
    looked = start_python(spawn, sys.executable, LOADED)
    process = ProcessId(looked.pid, read_stat("/proc", looked.pid).start_ticks)
    ended = threading.Timer(delay, looked.process.send_signal, (signal.SIGKILL,))
    ended.start()
    try:
        found = take_census("/proc", process, EVERYTHING)
        exact = None if found.objects is None else found.objects - looked.said["objects"]
        assert exact is None or 0 <= exact <= 3
    except ProcessLookupError:
        assert looked.process.wait(5) == -signal.SIGKILL
    ended.join()


def test_another_process_under_the_same_number_is_not_looked_into(spawn: Any) -> None:
    looked = start_python(spawn, sys.executable)
    start = read_stat("/proc", looked.pid).start_ticks
    with pytest.raises(ProcessLookupError, match="another process by now"):
        take_census("/proc", ProcessId(looked.pid, start - 1), EVERYTHING)


def test_a_zombie_shows_no_inside(spawn: Any, wait_until: Callable[..., Any]) -> None:
    process = spawn(["true"])
    wait_until(lambda: read_stat("/proc", process.pid).state == "Z")
    found = census_of(process.pid)
    assert (found.python, found.arenas, found.denied) == (None, None, False)
    assert [missing.what for missing in found.missing] == ["mappings"]


def test_a_process_that_maps_and_unmaps_all_the_time_is_looked_at_without_harm(spawn: Any) -> None:
    churn = "import mmap\nkept = [[] for i in range(50000)]\n"
    looked = start_python(spawn, sys.executable, churn)
    assert looked.process.stdin is not None
    looked.process.stdin.write("for i in range(3000): mmap.mmap(-1, 1 << 20)[:] = bytes(1 << 20)\n")
    looked.process.stdin.flush()
    seen = [census_of(looked.pid, frozenset(random.Random(n).sample(sorted(Want), 3))) for n in range(8)]
    assert [one for one in seen if one.python is None or one.threads not in (1, None)] == []
    assert looked.process.poll() is None
