"""A machine of files: processes, their cgroups and meminfo, written as the kernel would show them."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from tests.sample.app_cgroup import APP, ONE

from brimwatch.model import ProcessId
from brimwatch.quantity import Quantity
from brimwatch.sample.cgroup import CgroupSampler
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.member import MemberSampler

MB = 1_000_000
PAGE = 4096
STAT = "{pid} (app) {state} 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} 0 {start} 0 0 0 0 0 0 0 0 0 0\n"


class FakeMachine:
    """`procfs` and a v2 cgroup mount below a directory."""

    def __init__(self, directory: Path) -> None:
        self.procfs = str(directory / "proc")
        self.proc = directory / "proc"
        self.cg = directory / "cg"
        (self.proc / "self").mkdir(parents=True)
        self.cg.mkdir()
        (self.proc / "self" / "mountinfo").write_text(f"30 23 0:26 / {self.cg} rw - cgroup2 cgroup2 rw\n")
        (self.proc / "self" / "cgroup").write_text("0::/system.slice/brimwatch.service\n")
        self.meminfo()
        self.psi(0.0)

    def held(self) -> int:
        """How many of our descriptors lead into this tree."""
        links = []
        for number in os.listdir("/proc/self/fd"):
            with suppress(FileNotFoundError):  # the listing's own
                links.append(os.readlink(f"/proc/self/fd/{number}"))
        return sum(link.startswith(str(self.cg.parent)) for link in links)

    def meminfo(self, total: int = 1000 * MB, available: int = 600 * MB) -> None:
        (self.proc / "meminfo").write_text(
            f"MemTotal: {total // 1024} kB\nMemFree: 4 kB\nMemAvailable: {available // 1024} kB\n"
            f"SwapTotal: 2048 kB\nSwapFree: 1024 kB\n"
        )

    def psi(self, percent: float) -> None:
        (self.proc / "pressure").mkdir(exist_ok=True)
        (self.proc / "pressure" / "memory").write_text(
            f"some avg10={percent:.2f} avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
        )

    def process(self, pid: int, start: int = 100, cgroup: str = "/app", resident: int = 100) -> ProcessId:
        directory = self.proc / str(pid)
        directory.mkdir(exist_ok=True)
        self.stat(pid, start)
        self.statm(pid, 1000, resident, 10)
        (directory / "cgroup").write_text(f"0::{cgroup}\n")
        (directory / "status").write_text(
            "Name:\tapp\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nThreads:\t3\nVmHWM:\t 800 kB\nVmSwap:\t 8 kB\nSigCgt:\t0\n"
        )
        (directory / "smaps_rollup").write_text(
            "Rss: 400 kB\nPss: 300 kB\nPrivate_Clean: 100 kB\nPrivate_Dirty: 100 kB\n"
        )
        (directory / "fd").mkdir(exist_ok=True)
        (directory / "fd" / "0").touch()
        return ProcessId(pid, start)

    def stat(self, pid: int, start: int = 100, state: str = "S", threads: int = 1) -> None:
        text = STAT.format(pid=pid, start=start, state=state, threads=threads)
        (self.proc / str(pid) / "stat").write_text(text)

    def statm(self, pid: int, size: int, resident: int, shared: int, thread: int | None = None) -> None:
        directory = self.proc / str(pid)
        if thread is not None:
            directory = directory / "task" / str(thread)
            directory.mkdir(parents=True, exist_ok=True)
        (directory / "statm").write_text(f"{size} {resident} {shared} 0 0 0 0\n")

    def cgroup(self, path: str, limit: int | None = None, usage: int = 0, inactive: int = 0, kills: int = 0) -> Path:
        directory = self.cg / path.lstrip("/")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "cgroup.events").write_text("populated 1\n")
        (directory / "memory.max").write_text("max\n" if limit is None else f"{limit}\n")
        (directory / "memory.current").write_text(f"{usage}\n")
        (directory / "memory.stat").write_text(f"anon {usage - inactive}\ninactive_file {inactive}\n")
        (directory / "memory.events").write_text(f"oom 0\noom_kill {kills}\n")
        (directory / "memory.pressure").write_text("some avg10=5.00 avg60=0.00 avg300=0.00 total=9\n")
        return directory


@pytest.fixture
def machine(tmp_path) -> FakeMachine:
    return FakeMachine(tmp_path)


@pytest.fixture
def cache(machine: FakeMachine) -> CgroupCache:
    machine.process(7)
    machine.process(8)
    return CgroupCache(machine.procfs)


@pytest.fixture
def sampler(cache: CgroupCache, machine: FakeMachine) -> CgroupSampler:
    machine.cgroup("/app", limit=400 * MB, usage=300 * MB, inactive=50 * MB)
    return cache.join(APP, ONE, wanted=True)


@pytest.fixture
def member(machine: FakeMachine, cache: CgroupCache) -> MemberSampler:
    machine.cgroup("/app", limit=400 * MB, usage=300 * MB)
    return MemberSampler(machine.process(7), machine.procfs, frozenset({Quantity.WORKING_SET}), cache)
