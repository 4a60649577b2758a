"""Do pressure and what happens in a cgroup wake whom they concern? In real cgroups, with real pressure."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.live.memory_cgroup import MemoryCgroup, memory_cgroup
from tests.runtime.doubles import PROCESS, subject

from brimwatch.discover.roster import Member
from brimwatch.model import Limit, ProcessId, Sample
from brimwatch.procfs.stat import read_stat
from brimwatch.quantity import Quantity
from brimwatch.runtime.subject import Subject, Watched
from brimwatch.runtime.wakes import Wakes
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.member import MemberSampler
from brimwatch.units import Bytes

pytestmark = pytest.mark.live
MIB = 1 << 20
# A file that no longer fits beside what is held: each read brings back what the one before pushed out.
PRESS = """
import os, sys
input()
path = sys.argv[1]
with open(path, "wb") as file:
    for _ in range(24): file.write(bytes(1 << 20))
    file.flush()
    os.fsync(file.fileno())
kept = [bytearray(b"x") * 1000000 for _ in range(20)]
while True:
    with open(path, "rb") as file:
        while file.read(1 << 20): pass
"""
BURST = """
input()
kept = []
while True: kept.append(bytearray(b"x") * 1000000)
"""


@pytest.fixture
def cgroup() -> Iterator[MemoryCgroup]:
    with memory_cgroup() as made:
        yield made


def watched(pid: int, cgroups: CgroupCache) -> Watched:
    identity = ProcessId(pid, read_stat("/proc", pid).start_ticks)
    sampler = MemberSampler(identity, "/proc", frozenset({Quantity.WORKING_SET}), cgroups)
    member = Member(identity, "python", None, "", 0, 1, None, None, None, True, False)
    return Watched(member, -1, sampler)


def measured(one: Watched) -> Sample:
    """As the daemon does: a look, its slow reads, and a look that shows what they brought."""
    now = time.monotonic()
    one.sampler.look(now)
    for read in one.sampler.due(now):
        try:
            result: object = read.read()
        except Exception as error:  # noqa: BLE001 - what the lanes hand back too
            result = error
        one.sampler.accept(read, result, now, 0.0)
    return one.sampler.look(now + 0.01)


@pytest.fixture
def started(cgroup: MemoryCgroup, spawn: "Callable[..., subprocess.Popen[Any]]") -> "Callable[..., Any]":
    def start(program: str, *words: str, limit: int = 32 * MIB) -> "tuple[subprocess.Popen[Any], Subject]":
        process = spawn([sys.executable, "-c", program, *words], stdin=-1)
        cgroup.limit(limit)
        cgroup.take(process.pid)
        one = subject()
        one.watched[PROCESS] = watched(process.pid, CgroupCache())
        one.sample = measured(one.watched[PROCESS])
        assert one.sample.limit == Limit(Bytes(limit), "cgroup")
        return process, one

    return start


def go(process: "subprocess.Popen[Any]") -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.flush()


async def woken(one: Subject, begin: Callable[[], None], everyone: "list[Subject]", heed: bool) -> list[Subject]:
    """Whom the first wake-up concerns, within 20 seconds."""
    found: list[Subject] = []
    over = asyncio.Event()

    def hasten(which: Subject, due: float) -> None:
        assert due <= time.monotonic() + 0.02
        found.append(which)
        over.set()

    wakes = Wakes("/proc", hasten, lambda: everyone)
    wakes.start()
    try:
        if heed:
            wakes.heed(one)
        begin()
        await asyncio.wait_for(over.wait(), 20)
    finally:
        wakes.forget(one)
        wakes.stop()
    return found


def test_running_out_of_memory_in_a_cgroup_wakes_who_is_in_it(started: Callable[..., Any]) -> None:
    process, one = started(BURST)
    assert asyncio.run(woken(one, lambda: go(process), [], heed=True))[0] is one
    sampler = one.watched[PROCESS].sampler
    assert sampler.capable["memory_events"] is True
    assert one.alert_until > time.monotonic()
    process.wait(10)
    sampler.close()


def test_pressure_on_the_machine_wakes_whom_the_machine_limits(started: Callable[..., Any], tmp_path: Any) -> None:
    if not os.access("/proc/pressure/memory", os.W_OK):
        pytest.skip("no pressure trigger can be set on this machine")
    process, limited = started(PRESS, str(tmp_path / "file"))
    on_machine = subject(name="other")
    on_machine.sample = Sample(1.0, {}, Limit(Bytes(1 << 34), "machine"))
    assert asyncio.run(woken(limited, lambda: go(process), [limited, on_machine], heed=False)) == [on_machine]
    limited.watched[PROCESS].sampler.close()


def test_a_cgroup_that_is_removed_wakes_nobody_for_ever(started: Callable[..., Any], cgroup: MemoryCgroup) -> None:
    process, one = started(BURST)
    sampler, calls = one.watched[PROCESS].sampler, []

    async def run() -> None:
        wakes = Wakes("/proc", lambda which, _: calls.append(which), list)
        wakes.start()
        wakes.heed(one)
        process.kill()
        process.wait()
        while True:
            try:
                os.rmdir(cgroup.directory)
                break
            except OSError:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        calls.clear()
        await asyncio.sleep(0.2)
        wakes.stop()

    asyncio.run(run())
    assert calls == []
    sampler.close()
    assert sampler.cgroup.alarms.reasons == {}


def test_without_triggers_the_reasons_say_so(tmp_path: Any) -> None:
    async def run() -> dict[str, str]:
        wakes = Wakes(str(tmp_path), lambda *_: None, list)
        wakes.start()
        wakes.stop()
        wakes.stop()
        return wakes.reasons

    assert asyncio.run(run()) == {"psi": "this kernel has no such file"}
