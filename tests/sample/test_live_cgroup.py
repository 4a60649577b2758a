"""Real memory cgroups: limits, working sets, removal and OOM kills as the kernel has them."""

import os
import shlex
import subprocess
import sys
import time
import uuid

import pytest

from brimwatch.model import Limit, ProcessId, Sample
from brimwatch.procfs.stat import read_stat
from brimwatch.quantity import Quantity
from brimwatch.sample.cgroup_read import Origin, read_memory
from brimwatch.sample.cgroup_usage import CgroupUsage
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.member import MemberSampler, read_paths

pytestmark = pytest.mark.live

MIB = 1 << 20
V1, HYBRID, V2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"
HOLD = """
import mmap, sys
block = mmap.mmap(-1, int(sys.argv[1]) << 20)
print("ready", flush=True)
input()
for page in range(0, len(block), mmap.PAGESIZE):
    block[page] = 1
print("done", flush=True)
input()
"""


def without(reason: str):
    if os.environ.get("CI") == "true" and os.geteuid() == 0:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class Group:
    """A cgroup of ours, with the names of its version's files."""

    def __init__(self, directory: str, version: int) -> None:
        self.directory = directory
        self.version = version
        self.limit_file = "memory.limit_in_bytes" if version == 1 else "memory.max"

    def limit(self, size: int) -> None:
        self._write(self.limit_file, str(size))

    def add(self, pid: int) -> None:
        self._write("cgroup.procs", str(pid))

    def child(self, name: str) -> "Group":
        if self.version == 2:
            self._write("cgroup.subtree_control", "+memory")
        group = Group(f"{self.directory}/{name}", self.version)
        os.mkdir(group.directory)
        return group

    def _write(self, name: str, text: str) -> None:
        with open(f"{self.directory}/{name}", "w") as stream:
            stream.write(text)


def make(parent: str, version: int):
    directory = f"{parent}/brimwatch-test-{uuid.uuid4().hex[:8]}"
    try:
        os.mkdir(directory)
    except OSError as error:
        without(f"cannot make a cgroup in {parent}: {error}; root with a writable cgroup tree is needed")
    return Group(directory, version)


def remove(directory: str) -> None:
    """Remove a cgroup and those below it; processes that were ended leave it a little later."""
    if not os.path.isdir(directory):
        return
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            remove(entry.path)
    end = time.monotonic() + 10
    while True:
        try:
            os.rmdir(directory)
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


@pytest.fixture
def group(spawn_last):
    """A memory cgroup of whichever version this machine has."""
    if os.path.isdir(V1):
        made = make(V1, 1)
    elif os.path.exists(f"{V2}/memory.stat") or "memory" in _controllers():
        made = make(V2, 2)
        if not os.path.exists(f"{made.directory}/memory.max"):
            os.rmdir(made.directory)
            without("the memory controller is not enabled for children of the root cgroup")
    else:
        without("no memory controller here")
    spawn_last.append(made.directory)
    return made


@pytest.fixture
def spawn_last():
    """Cgroups to be removed after the processes in them have ended: requested before `spawn`."""
    directories: list[str] = []
    yield directories
    for directory in directories:
        remove(directory)


def _controllers() -> str:
    try:
        with open(f"{V2}/cgroup.subtree_control") as stream:
            return stream.read()
    except OSError:
        return ""


class Holder:
    """A process that touches so many MiB when told."""

    def __init__(self, process, mib: int) -> None:
        self.process = process
        self.mib = mib
        assert process.stdout.readline() == "ready\n"
        self.identity = ProcessId(process.pid, read_stat("/proc", process.pid).start_ticks)

    def fill(self) -> str:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()


@pytest.fixture
def hold(group, spawn):
    def start(mib: int) -> Holder:
        argv = [sys.executable, "-c", HOLD, str(mib)]
        return Holder(spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True), mib)

    return start


def make_reads(member: MemberSampler, now: float, everything: bool = True) -> None:
    for slow in member.due(now, everything):
        try:
            result = slow.read()
        except OSError as error:
            result = error
        member.accept(slow, result, now, 0.0)


def sampled(member: MemberSampler) -> Sample:
    """A look after every slow read was made, twice, so that a process that was moved is followed."""
    make_reads(member, time.monotonic())
    make_reads(member, time.monotonic())
    return member.look(time.monotonic())


@pytest.fixture
def sampler():
    made: list[MemberSampler] = []

    def start(holder: Holder) -> MemberSampler:
        made.append(MemberSampler(holder.identity, "/proc", frozenset({Quantity.WORKING_SET}), CgroupCache()))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_limit_working_set_and_a_limit_changed_live(group, hold, sampler):
    group.limit(200 * MIB)
    one = hold(64)
    group.add(one.process.pid)
    member = sampler(one)
    sample = sampled(member)
    assert sample.limit == Limit(200 * MIB, "cgroup")
    before = sample.value(Quantity.WORKING_SET)
    assert before is not None
    assert one.fill() == "done\n"
    sample = member.look(time.monotonic())  # no slow read in between: the usage is read at each look
    grown = sample.value(Quantity.WORKING_SET)
    assert grown is not None
    assert 60 * MIB <= grown - before <= 72 * MIB
    assert sample.headroom == 200 * MIB - grown
    assert sample.value(Quantity.MEMORY_USED) == grown / (200 * MIB)
    group.limit(100 * MIB)
    assert sampled(member).limit == Limit(100 * MIB, "cgroup")


def test_the_tightest_limit_on_the_way_up(group, hold, sampler):
    inner = group.child("inner")
    group.limit(96 * MIB)
    inner.limit(128 * MIB)
    one = hold(32)
    inner.add(one.process.pid)
    assert one.fill() == "done\n"
    sample = sampled(sampler(one))
    assert sample.limit == Limit(96 * MIB, "cgroup")
    assert sample.headroom is not None
    assert 40 * MIB <= sample.headroom <= 64 * MIB
    assert sample.cgroup is not None
    assert sample.cgroup.endswith("/inner")


def test_a_process_that_is_moved_and_its_old_cgroup_removed(group, hold, sampler):
    old, new = group.child("old"), group.child("new")
    old.limit(128 * MIB)
    new.limit(64 * MIB)
    one = hold(8)
    old.add(one.process.pid)
    member = sampler(one)
    assert sampled(member).limit == Limit(128 * MIB, "cgroup")
    new.add(one.process.pid)
    os.rmdir(old.directory)
    now = time.monotonic()
    sample = member.look(now)
    for step in range(1, 60):  # the daemon's looks of the next six seconds
        make_reads(member, now + step / 10, everything=False)
        sample = member.look(now + step / 10)
    assert sample.limit == Limit(64 * MIB, "cgroup")


def test_an_oom_kill_is_counted_though_its_process_is_gone(group, hold, sampler):
    group.limit(48 * MIB)
    victim, witness = hold(256), hold(1)
    for one in (victim, witness):
        group.add(one.process.pid)
    member = sampler(victim)
    sampled(member)
    assert member.oom_kills() == 0
    assert victim.fill() == ""
    assert victim.process.wait(10) == -9
    with pytest.raises(ProcessLookupError):
        member.look(time.monotonic())
    assert member.last_oom_kills() == 1
    assert member.last_oom_kills() == 0


def test_a_neighbour_container_is_read_through_its_root(group, spawn):
    """As a sidecar does: none of our own mounts shows the cgroup, and the neighbour sees it on a mount of its own."""
    group.limit(64 * MIB)
    point, kind = (V1, "cgroup -o memory") if group.version == 1 else (V2, "cgroup2")
    mount = f"umount -l {point} && mount -t {kind} none {point}"
    inside = f"{mount} && exec {shlex.quote(sys.executable)} -c {shlex.quote(HOLD)} 16"
    outside = f"read go && exec unshare --mount --cgroup sh -c {shlex.quote(inside)}"
    process = spawn(["sh", "-c", outside], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    group.add(process.pid)
    process.stdin.write("go\n")
    process.stdin.flush()
    try:
        one = Holder(process, 16)
    except AssertionError:
        without("unshare --mount --cgroup is not allowed here")
    origin = Origin(read_paths("/proc", process.pid), (), "/proc", one.identity)
    found = read_memory(origin, None, None)
    assert found.memory is not None
    assert found.memory.limit == 64 * MIB
    assert found.memory.place.through == one.identity
    assert one.fill() == "done\n"
    usage = CgroupUsage()
    usage.take(found, time.monotonic())
    before = usage.working_set
    assert usage.renew()
    assert 14 * MIB <= usage.working_set - before <= 20 * MIB
    usage.close()
    stranger = origin._replace(process=ProcessId(process.pid, one.identity.start_ticks + 1))
    with pytest.raises(ProcessLookupError):
        read_memory(stranger, None, None)


def test_a_cgroup_of_the_unified_hierarchy_has_its_own_pressure(spawn_last, spawn, sampler):
    top = HYBRID if os.path.isdir(HYBRID) else V2
    if not os.path.exists(f"{top}/cgroup.procs"):
        without("no unified hierarchy here")
    made = make(top, 2)
    spawn_last.append(made.directory)
    if not os.path.exists(f"{made.directory}/memory.pressure"):
        without("this kernel keeps no pressure of cgroups")
    argv = [sys.executable, "-c", HOLD, "1"]
    one = Holder(spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True), 1)
    made.add(one.process.pid)
    member = sampler(one)
    sample = sampled(member)
    assert sample.value(Quantity.PRESSURE) is not None
    assert set(member.pressure) == {"some", "full"}
    assert member.capable["pressure"] is True
