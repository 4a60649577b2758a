"""Real processes that hold real memory: what the samplers say of them against what they were told to do."""

import mmap
import os
import platform
import signal
import subprocess
import sys
import time

import pytest

from brimwatch.errors import MalformedProcFile
from brimwatch.model import ProcessId, Sample
from brimwatch.procfs.stat import read_stat
from brimwatch.quantity import Quantity
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.member import MemberSampler

pytestmark = pytest.mark.live

MIB = 1 << 20
EXIT_THREAD = {"x86_64": 60, "aarch64": 93}  # SYS_exit: ends the calling thread alone
TALK = """
import mmap, os, sys
held = []
def take(mib, kind=mmap.MAP_PRIVATE):
    block = mmap.mmap(-1, mib << 20, flags=kind | mmap.MAP_ANONYMOUS)
    for page in range(0, mib << 20, mmap.PAGESIZE):
        block[page] = 1
    held.append(block)
def drop():
    held.pop().close()
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Child:
    """A process that does as it is told, one line at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.pid = process.pid
        assert self._answer() == "ready\n"
        self.identity = ProcessId(self.pid, read_stat("/proc", self.pid).start_ticks)

    def do(self, line: str) -> None:
        self.send(line)
        assert self._answer() == "done\n"

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@pytest.fixture
def child(spawn):
    def start(**options) -> Child:
        return Child(
            spawn([sys.executable, "-c", TALK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        )

    return start


@pytest.fixture
def sampler():
    made: list[MemberSampler] = []

    def make(identity: ProcessId) -> MemberSampler:
        made.append(MemberSampler(identity, "/proc", frozenset(), CgroupCache()))
        return made[-1]

    yield make
    for one in made:
        one.close()


def read_all(member: MemberSampler, now: float) -> dict[str, object]:
    """Make every read at once; by source, what came of it."""
    results: dict[str, object] = {}
    for slow in member.due(now, everything=True):
        try:
            result = slow.read()
        except (OSError, MalformedProcFile) as error:
            result = error
        results[slow.source] = result
        member.accept(slow, result, now, 0.0)
    return results


def look(member: MemberSampler) -> Sample:
    return member.look(time.monotonic())


def value(member: MemberSampler, quantity: Quantity) -> float:
    found = look(member).value(quantity)
    assert found is not None
    return found


def test_the_resident_set_follows_what_is_taken_and_given_back(child, sampler):
    one = child()
    member = sampler(one.identity)
    before = value(member, Quantity.RSS)
    one.do("take(64)")
    assert 62 * MIB <= value(member, Quantity.RSS) - before <= 70 * MIB
    assert 62 * MIB <= value(member, Quantity.ANON) <= 90 * MIB
    one.do("drop()")
    assert abs(value(member, Quantity.RSS) - before) <= 4 * MIB
    assert value(member, Quantity.PEAK_RSS) - before >= 62 * MIB


def test_address_space_alone_is_no_resident_memory(child, sampler):
    one = child()
    member = sampler(one.identity)
    rss, vms = value(member, Quantity.RSS), value(member, Quantity.VMS)
    one.do("held.append(mmap.mmap(-1, 512 << 20))")
    assert value(member, Quantity.VMS) - vms >= 512 * MIB
    assert value(member, Quantity.RSS) - rss <= 4 * MIB
    assert value(member, Quantity.VIRTUAL_FRAGMENTATION) > 0.9


def test_slow_sources_of_a_real_process(child, sampler):
    one = child()
    one.do("take(32)")
    one.do("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()")
    one.do("fds = [os.dup(0) for _ in range(20)]")
    member = sampler(one.identity)
    results = read_all(member, time.monotonic())
    assert not [result for result in results.values() if isinstance(result, BaseException)]
    assert value(member, Quantity.THREADS) == 2
    assert value(member, Quantity.FDS) == 23
    assert value(member, Quantity.SWAP) == 0
    assert value(member, Quantity.USS) >= 32 * MIB
    assert value(member, Quantity.PSS) >= value(member, Quantity.USS)
    assert value(member, Quantity.PEAK_RSS) >= 32 * MIB
    assert all(member.capable.values())


def test_shared_memory_is_divided_between_two_forks(child, sampler):
    one = child()
    one.do("take(64, mmap.MAP_SHARED)")
    one.do("r, w = os.pipe(); back, done = os.pipe()")
    one.do("pid = os.fork() or ([held[0][p] for p in range(0, 64 << 20, 4096)], os.write(done, b'x'), os.read(r, 1), "
           "os._exit(0))")  # fmt: skip
    one.do("os.read(back, 1); open('/proc/self/comm', 'w').write(str(pid))")
    other = int(read_stat("/proc", one.pid).comm)
    members = [sampler(one.identity), sampler(ProcessId(other, read_stat("/proc", other).start_ticks))]
    try:
        for member in members:
            read_all(member, time.monotonic())
            assert value(member, Quantity.RSS) >= 64 * MIB
            assert 31 * MIB <= value(member, Quantity.PSS) <= 50 * MIB
            assert value(member, Quantity.USS) <= 30 * MIB
    finally:
        one.do("os.write(w, b'x'); os.waitpid(pid, 0)")


def test_exec_goes_on_as_the_same_member(child, sampler, wait_until):
    one = child()
    one.do("take(64)")
    member = sampler(one.identity)
    read_all(member, time.monotonic())
    assert value(member, Quantity.PEAK_RSS) >= 64 * MIB
    one.send("os.execv('/bin/sleep', ['sleep', '60'])")
    wait_until(lambda: read_stat("/proc", one.pid).comm == "sleep")
    assert value(member, Quantity.RSS) < 16 * MIB
    results = read_all(member, time.monotonic())
    assert not [result for result in results.values() if isinstance(result, BaseException)]
    assert value(member, Quantity.PSS) < 16 * MIB
    assert value(member, Quantity.PEAK_RSS) < 16 * MIB


def test_a_zombie_is_gone(child, sampler, wait_until):
    one = child()
    member = sampler(one.identity)
    look(member)
    one.process.send_signal(signal.SIGKILL)
    wait_until(lambda: read_stat("/proc", one.pid).state == "Z")
    with pytest.raises(ProcessLookupError):
        look(member)


def test_one_that_is_first_seen_as_a_zombie_is_gone_too(child, sampler, wait_until):
    one = child()
    one.process.send_signal(signal.SIGKILL)
    wait_until(lambda: read_stat("/proc", one.pid).state == "Z")
    with pytest.raises(ProcessLookupError):
        look(sampler(one.identity))


def test_a_process_that_was_reaped_is_gone(child, sampler):
    one = child()
    member = sampler(one.identity)
    look(member)
    one.process.kill()
    one.process.wait()
    with pytest.raises(ProcessLookupError):
        look(member)


def test_a_kernel_thread_is_there_and_has_no_memory(sampler):
    try:
        stat = read_stat("/proc", 2)
    except ProcessLookupError:
        pytest.skip("no kernel threads to be seen in this PID namespace")
    if not stat.is_kernel_thread:
        pytest.skip("PID 2 is no kernel thread in this PID namespace")
    member = sampler(ProcessId(2, stat.start_ticks))
    read_all(member, time.monotonic())
    sample = look(member)
    assert Quantity.RSS not in sample.readings
    assert Quantity.PSS not in sample.readings


@pytest.mark.skipif(platform.machine() not in EXIT_THREAD, reason="the number of SYS_exit is not known here")
def test_a_leader_that_ended_while_its_threads_live(child, sampler, wait_until):
    one = child()
    member = sampler(one.identity)
    one.do("take(48)")
    one.do("import ctypes, threading; libc = ctypes.CDLL(None)")
    one.do("threading.Thread(target=threading.Event().wait).start()")
    look(member)
    one.send(f"libc.syscall({EXIT_THREAD[platform.machine()]}, 0)")
    wait_until(lambda: read_stat("/proc", one.pid).state == "Z")
    assert value(member, Quantity.RSS) >= 48 * MIB
    results = read_all(member, time.monotonic())
    assert not [result for result in results.values() if isinstance(result, BaseException)]
    assert value(member, Quantity.PSS) >= 48 * MIB
    assert value(member, Quantity.FDS) >= 3
    assert value(member, Quantity.PEAK_RSS) >= 48 * MIB
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()
    with pytest.raises(ProcessLookupError):
        look(member)


def test_vanishing_between_the_look_and_each_slow_read(child, sampler):
    one = child()
    member = sampler(one.identity)
    look(member)
    reads = member.due(time.monotonic())
    one.process.kill()
    one.process.wait()
    for slow in reads:
        if slow.source not in ("cgroup", "pressure"):
            with pytest.raises(ProcessLookupError):
                slow.read()
            member.accept(slow, ProcessLookupError(3, "gone"), time.monotonic(), 0.0)
    assert all(member.capable.values())


def test_mmap_of_the_test_itself_is_seen():
    """The observer is no different from the observed."""
    me = ProcessId(os.getpid(), read_stat("/proc", os.getpid()).start_ticks)
    member = MemberSampler(me, "/proc", frozenset(), CgroupCache())
    before = value(member, Quantity.RSS)
    with mmap.mmap(-1, 32 * MIB) as block:
        for page in range(0, 32 * MIB, mmap.PAGESIZE):
            block[page] = 1
        assert 30 * MIB <= value(member, Quantity.RSS) - before <= 40 * MIB
    member.close()
