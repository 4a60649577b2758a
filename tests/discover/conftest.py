"""What do the tests of discovery share? A fake /proc on disk, and targets written in one line."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from brimwatch.config.settings import Match, TargetSpec
from brimwatch.discover.births import Births
from brimwatch.discover.roster import FoundTarget, Roster
from brimwatch.model import Policy

TICKS = os.sysconf("SC_CLK_TCK")
BOOT = 1_700_000_000.0  # when the machine of the fake tree was started, Unix seconds
POLICY = Policy("observe")


class FakeProc:
    """Processes as directories. Changing one makes it anew, as a PID that is used again would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = str(root)

    def add(
        self,
        pid: int,
        comm: str = "app",
        ppid: int = 1,
        cmdline: bytes | None = None,
        exe: str | None = "/usr/bin/app",
        cgroup: str = "0::/\n",
        start: int = 1000,
        state: str = "S",
        threads: int = 1,
        flags: int = 0,
        stack: int = 140_000_000,
        uid: int | None = None,
    ) -> None:
        home = self.root / str(pid)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        fields = ["0"] * 50
        for place, value in ((3, state), (4, ppid), (9, flags), (20, threads), (22, start), (26, 4096), (28, stack)):
            fields[place - 3] = str(value)
        (home / "stat").write_bytes(f"{pid} (".encode() + comm.encode("utf-8", "surrogateescape") + b") ")
        with (home / "stat").open("ab") as stat:
            stat.write(" ".join(fields).encode() + b"\n")
        (home / "cmdline").write_bytes(comm.encode() + b"\0" if cmdline is None else cmdline)
        (home / "cgroup").write_text(cgroup)
        if exe is not None:
            (home / "exe").symlink_to(exe)
        if uid is not None:
            os.chown(home, uid, -1)

    def remove(self, pid: int) -> None:
        shutil.rmtree(self.root / str(pid))


class Clock:
    """Wall and boot clocks that stand still until they are moved."""

    def __init__(self) -> None:
        self.uptime = 10_000.0
        self.step = 0.0  # by how much the wall clock was set forward since the boot

    def births(self) -> Births:
        return Births(lambda: BOOT + self.step + self.uptime, lambda: self.uptime)

    def started(self, start_ticks: int) -> float:
        """Unix seconds at which a process with these start ticks started."""
        return BOOT + self.step + start_ticks / TICKS


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    root = tmp_path / "proc"
    root.mkdir()
    return FakeProc(root)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_spec(target: str, **match: object) -> TargetSpec:
    """`make_spec("web", name="nginx", exclude={"user": "0"})`; `cmdline` is a pattern as text."""
    for key in ("cmdline",):
        if isinstance(match.get(key), str):
            match[key] = re.compile(str(match[key]))
    exclude = match.get("exclude")
    if isinstance(exclude, dict):
        match["exclude"] = make_spec("", **exclude).match
    return TargetSpec(target, Match(**match), POLICY)  # type: ignore[arg-type]


@pytest.fixture
def spec() -> Callable[..., TargetSpec]:
    return make_spec


@pytest.fixture
def roster(proc: FakeProc, clock: Clock, tmp_path: Path) -> Callable[..., Roster]:
    """`roster(*specs)` watches the fake tree; nobody in it is ourselves unless `own_pid` says so."""

    def make(*specs: TargetSpec, own_pid: int = -1) -> Roster:
        return Roster(proc.path, specs, (str(tmp_path / "run"),), own_pid=own_pid, births=clock.births())

    return make


@pytest.fixture
def pids() -> Callable[[tuple[FoundTarget, ...]], dict[str, list[int]]]:
    """Name to the PIDs of its members, of what a scan returned."""
    return lambda found: {target.name: [member.identity.pid for member in target.members] for target in found}
