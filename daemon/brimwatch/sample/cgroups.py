"""Who samples which cgroup? One sampler for each, shared by its members and dropped with the last of them."""

from __future__ import annotations

from collections.abc import Sequence

from brimwatch.errors import MalformedProcFile
from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup import CgroupPaths
from brimwatch.procfs.cgroup_place import own_mounts
from brimwatch.procfs.mountinfo import CgroupMount
from brimwatch.procfs.root import CGROUPFS
from brimwatch.sample.cgroup import CgroupSampler
from brimwatch.sample.cgroup_read import Origin
from brimwatch.sample.machine import Machine
from brimwatch.sample.schedule import Loads


class CgroupCache:
    """What samplers share: the cgroups, the machine, and the budget of slow reads.

    `kinds` are the file systems, by magic number, that are believed below a target's root.
    """

    def __init__(
        self,
        procfs: str = "/proc",
        machine: Machine | None = None,
        loads: Loads | None = None,
        kinds: frozenset[int] = CGROUPFS,
    ) -> None:
        self.procfs = procfs
        self.machine = machine or Machine(procfs)
        self.loads = loads or Loads()
        self._kinds = kinds
        self._samplers: dict[CgroupPaths, CgroupSampler] = {}
        self._mounts: Sequence[CgroupMount] | None = None
        self._number = 0

    def __len__(self) -> int:
        return len(self._samplers)

    def number(self) -> int:
        """The next number of an owner of slow reads; it says where in a cadence its reads fall."""
        self._number += 1
        return self._number

    @property
    def mounts(self) -> Sequence[CgroupMount]:
        """The cgroup mounts that we see; none where that cannot be told."""
        if self._mounts is None:
            try:
                self._mounts = own_mounts(self.procfs)
            except (OSError, MalformedProcFile):
                self._mounts = ()
        return self._mounts

    def join(self, paths: CgroupPaths, process: ProcessId, wanted: bool) -> CgroupSampler:
        """The sampler of a cgroup, for one more member. `wanted`: its policy asks for what only the usage tells."""
        paths = CgroupPaths(paths.unified, paths.memory_v1)  # the other hierarchies tell nothing of memory
        sampler = self._samplers.get(paths)
        if sampler is None:
            origin = Origin(paths, self.mounts, self.procfs, process, self._kinds)
            sampler = self._samplers[paths] = CgroupSampler(origin, self.machine, self.loads, self.number())
        sampler.join(process, wanted)
        return sampler

    def leave(self, sampler: CgroupSampler, process: ProcessId) -> None:
        """One member less."""
        sampler.leave(process)
        if not sampler.members:
            sampler.close()
            del self._samplers[sampler.paths]
