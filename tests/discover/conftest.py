"""What do the tests of discovery share? A fake /proc on disk, and targets written in one line."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brimwatch.config.settings import Match, TargetSpec
from brimwatch.discover.births import Births
from brimwatch.discover.roster import FoundTarget, Member, Roster
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
def family(proc: FakeProc) -> FakeProc:
    """A shell (10) with a server (11), its two workers (12, 13), and a helper (14) of a worker."""
    proc.add(1, comm="systemd", ppid=0, start=1)
    proc.add(10, comm="sh")
    proc.add(11, comm="server", ppid=10)
    proc.add(12, comm="worker", ppid=11)
    proc.add(13, comm="worker", ppid=11)
    proc.add(14, comm="helper", ppid=12)
    return proc


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


class Watch:
    """A roster on a real procfs, with a pass for each question. It does not know that what a test starts is ours."""

    def __init__(self, *specs: TargetSpec, procfs: str = "/proc") -> None:
        self.roster = Roster(procfs, specs, (), own_pid=-1)

    def members(self, name: str) -> dict[int, Member]:
        found = {target.name: target.members for target in self.roster.scan(time.monotonic())}
        return {member.identity.pid: member for member in found.get(name, ())}


@pytest.fixture
def watch() -> type[Watch]:
    return Watch


class Child:
    """A program that says something when it is ready (`said`), and goes on at each line that is sent."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid, self.wait = process.pid, process.wait
        self._stdin, self._stdout, self.stderr = process.stdin, process.stdout, process.stderr
        self.said = self.hear()

    def hear(self) -> str:
        return self._stdout.readline().strip()

    def go_on(self) -> None:
        self._stdin.write("\n")
        self._stdin.flush()


@pytest.fixture
def converse(spawn: Callable[..., Any]) -> Callable[[list[str]], Child]:
    """`converse(command)` starts a program to talk with."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return lambda command: Child(spawn(command, text=True, **pipes))


@pytest.fixture
def python(converse: Callable[[list[str]], Child]) -> Callable[..., Child]:
    """`python("...", "argument")` starts that program."""
    return lambda script, *arguments: converse([sys.executable, "-u", "-c", script, *arguments])


@pytest.fixture
def long() -> str:
    """Seconds to sleep, and a number that no other run of these tests has in a command line."""
    return str(10_000_000 + os.getpid())


@pytest.fixture
def marked(long: str) -> Callable[[str], str]:
    """`marked("word")` is a word that no other run of these tests has in a command line."""
    return lambda word: f"{word}-{long}"
