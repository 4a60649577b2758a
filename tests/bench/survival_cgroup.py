"""What can be known of a memory cgroup with a hard limit, v1 or v2? Usage at most, kills by the kernel, who is left."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.machine import MissingProgramError
from tests.cgroup_files import V1, V2, MemoryCgroup, remove

PATIENCE = 10.0  # seconds for what was killed to leave


class LimitedCgroup(MemoryCgroup):
    """One cgroup of the benchmark's own."""

    @property
    def folder(self) -> Path:
        return Path(self.directory)

    @property
    def kills(self) -> int:
        """Processes in it that the kernel killed for want of memory."""
        text = (self.folder / ("memory.events" if self.version == 2 else "memory.oom_control")).read_text()
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])

    @property
    def peak(self) -> int | None:
        """Bytes charged at most; None where the kernel does not say (v2 before Linux 5.19)."""
        path = self.folder / ("memory.peak" if self.version == 2 else "memory.max_usage_in_bytes")
        return int(path.read_text()) if path.exists() else None

    @property
    def entrance(self) -> Path:
        """Where a process writes its PID to be in it."""
        return self.folder / "cgroup.procs"

    def empty(self) -> None:
        """Kill what is left in it, all of it started by us."""
        end = time.monotonic() + PATIENCE
        while pids := self.entrance.read_text().split():
            if time.monotonic() > end:
                raise RuntimeError(f"{self.folder}: {pids} do not end")
            for pid in pids:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.01)


def hierarchy() -> tuple[Path, int]:
    """Where memory cgroups are made here, and the version. Raises MissingProgramError where none can be.

    The environment's BENCH_CGROUP names another folder than the root of a v2 hierarchy.
    """
    version = 1 if os.path.isdir(V1) else 2
    root = Path(V1 if version == 1 else os.environ.get("BENCH_CGROUP", V2))
    if not os.access(root, os.W_OK):
        raise MissingProgramError(f"survival needs root and a writable {root}: it makes memory cgroups with a limit")
    if version == 2:
        (root / "cgroup.subtree_control").write_text("+memory")
    return root, version


@contextmanager
def limited(name: str, limit: int) -> Iterator[LimitedCgroup]:
    """A new cgroup named after us and `name` with a limit in bytes; gone afterwards, with all that lives in it."""
    root, version = hierarchy()
    folder = root / f"brimwatch-bench-{os.getpid()}-{name}"
    folder.mkdir()
    group = LimitedCgroup(str(folder), version)
    try:
        group.limit(limit)
        yield group
    finally:
        group.empty()
        remove(str(folder))
