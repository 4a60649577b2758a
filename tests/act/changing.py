"""What do the tests of brakes, squeezes and ceilings share? A keeper of records that notes what it was asked."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brimwatch.act.refused import Refused
from brimwatch.act.request import Recipient
from brimwatch.act.undo import Change, Hold, Undo
from brimwatch.model import ProcessId, Reason

MB = 1_000_000
PAGE = os.sysconf("SC_PAGE_SIZE")
STAT = "{pid} (app) S {parent} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0 0 0 0 0 0 0 0 0\n"


class Notes:
    """Keeps no records: notes changes, and does `meanwhile` between a record and its change."""

    def __init__(self, meanwhile: Callable[[], Any] = lambda: None, refuses: Reason | None = None) -> None:
        self.begun: list[Hold] = []
        self.abandoned: list[Hold] = []
        self.lasts: list[float | None] = []
        self._meanwhile = meanwhile
        self._refuses = refuses

    def begin(self, change: Change, lasts: Any) -> Hold:
        if self._refuses is not None:
            raise Refused(self._refuses, "no")
        self.begun.append(Hold(Undo("act", "shop", 1.0, None, "", change)))
        self.lasts.append(lasts)
        self._meanwhile()
        return self.begun[-1]

    def abandon(self, hold: Hold) -> None:
        self.abandoned.append(hold)

    @property
    def changes(self) -> list[Change]:
        """What was recorded and not abandoned."""
        return [hold.undo.change for hold in self.begun if hold not in self.abandoned]


class FakeCgroups:
    """A procfs and a v2 mount of files below a directory."""

    def __init__(self, directory: Path) -> None:
        self.proc = directory / "proc"
        self.procfs = str(self.proc)
        self.mount = directory / "cg"
        (self.proc / "self").mkdir(parents=True)
        self.mount.mkdir()
        self.mounted()
        (self.proc / "meminfo").write_text("MemTotal: 976563 kB\nMemFree: 4 kB\nMemAvailable: 500000 kB\n")

    def mounted(self, kind: str = "cgroup2", options: str = "rw") -> None:
        (self.proc / "self" / "mountinfo").write_text(f"30 23 0:26 / {self.mount} rw - {kind} {kind} {options}\n")

    def cgroup(self, path: str, usage: int, limit: int | None = None, high: int | None = None, *pids: int) -> Path:
        folder = self.mount / path.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in {
            "cgroup.events": "populated 1",
            "cgroup.procs": "\n".join(map(str, pids)),
            "memory.max": "max" if limit is None else str(limit),
            "memory.high": "max" if high is None else str(high),
            "memory.current": str(usage),
            "memory.stat": f"anon {usage}\ninactive_file 0",
            "memory.events": "oom_kill 0",
            "memory.reclaim": "",
        }.items():
            (folder / name).write_text(text + "\n")
        return folder

    def process(
        self, pid: int, path: str = "/app", parent: int = 1, start: int = 100, hierarchy: str = "0:"
    ) -> ProcessId:
        folder = self.proc / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(STAT.format(pid=pid, parent=parent, start=start))
        (folder / "cgroup").write_text(f"{hierarchy}:{path}\n")
        return ProcessId(pid, start)


@contextmanager
def living(*processes: ProcessId) -> Iterator[tuple[Recipient, ...]]:
    """Recipients that have not exited, as far as their descriptors (of this very process) tell."""
    recipients = tuple(Recipient(process, os.pidfd_open(os.getpid())) for process in processes)
    try:
        yield recipients
    finally:
        for recipient in recipients:
            os.close(recipient.pidfd)
