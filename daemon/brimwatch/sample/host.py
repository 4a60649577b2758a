"""What has the machine, or the container that the daemon lives in, left?

In a container with a limit of its own that is the host of all that runs there: its cgroup is the top of our own mount.
A service with a limit is no container; its cgroup lies below.
"""

from __future__ import annotations

from collections.abc import Mapping

from brimwatch.errors import MalformedProcFile
from brimwatch.model import Limit, ProcessId, Reading, Sample
from brimwatch.procfs.cgroup import parse_cgroup
from brimwatch.procfs.descriptor import read_file
from brimwatch.procfs.meminfo import Meminfo
from brimwatch.quantity import Quantity
from brimwatch.sample.cgroup import CgroupSampler
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.slow import SlowRead
from brimwatch.sample.sources import PRESSURE
from brimwatch.sample.window import Window
from brimwatch.units import Bytes

SELF = ProcessId(0, 0)  # stands for the daemon among the members of its own cgroup


class HostSampler:
    """Samples the machine. Times are monotonic seconds, sizes bytes; not for use from two threads."""

    __slots__ = ("_cgroup", "_cgroups", "_figures", "_gap", "_window", "interval", "last")

    def __init__(self, procfs: str = "/proc", cgroups: CgroupCache | None = None, interval: float = 1.0) -> None:
        self._cgroups = CgroupCache(procfs) if cgroups is None else cgroups  # an empty one is false
        self._window = Window(wanted=True, interval=interval)
        self._figures: Meminfo | None = None
        self._gap = self.interval = interval
        self.last: Sample | None = None
        self._cgroup = self._own_container()

    @property
    def total(self) -> int | None:
        """The limit in bytes: the container's, else the machine's memory."""
        if self._contained is not None:
            return None if self._contained.limit is None else self._contained.limit.bytes
        return None if self._figures is None else self._figures.total

    @property
    def available(self) -> int | None:
        """What is left of `total`, in bytes."""
        if self._contained is not None:
            return self._contained.headroom
        return None if self._figures is None else self._figures.available

    @property
    def pressure(self) -> Mapping[str, float]:
        """The ten-second memory pressure by kind (`some`, `full`), ratios."""
        if self._contained is not None and self._contained.pressure is not None:
            return self._contained.pressure.ratios()
        at = self.last.at if self.last is not None else 0.0
        pressure = self._cgroups.machine.pressure(at)
        return {} if pressure is None else pressure.ratios()

    @property
    def fastest(self) -> float:
        """The fastest growth of what is in use, seen in the last minute; bytes per second."""
        if self._contained is not None:
            return self._contained.fastest
        return self._window.fastest(self.last.at if self.last is not None else 0.0)

    @property
    def capable(self) -> Mapping[str, bool]:
        """By collector, whether it can be read."""
        failures = self._cgroups.machine.failures
        known = {name: name not in failures for name in ("meminfo", "pressure")}
        if self._contained is not None:
            known |= {name: not reason for name, reason in self._contained.reasons.items()}
        return known

    def due(self, now: float, everything: bool = False) -> tuple[SlowRead, ...]:
        """The reads of our own cgroup that are to be made now; none outside a container."""
        if self._cgroup is None:
            return ()
        return tuple(self._cgroup.due(now, SELF, everything))

    def accept(self, read: SlowRead, result: object, now: float, cost: float) -> None:
        """What a slow read returned, or the exception that it raised; `cost` is its CPU seconds."""
        if self._cgroup is not None:
            self._cgroup.accept(read, result, now, cost)

    def look(self, now: float) -> Sample:
        """Measure now; a value that cannot be read is missing."""
        if self.last is not None:
            self._gap = max(self.interval, now - self.last.at)
        self._figures = self._cgroups.machine.figures(now, 0.0)
        if self._cgroup is not None:
            self._cgroup.look(now)
        contained = self._contained
        if contained is not None:
            readings = dict(contained.readings)
            self.last = Sample(now, readings, contained.limit, contained.headroom, False, contained.name)
            return self.last
        self.last = self._machine_sample(now)
        return self.last

    def close(self) -> None:
        """Give back every descriptor."""
        if self._cgroup is not None:
            self._cgroups.leave(self._cgroup, SELF)
            self._cgroup = None
        self._cgroups.machine.close()

    @property
    def _contained(self) -> CgroupSampler | None:
        """Our container, where it has a limit below the machine's memory."""
        one = self._cgroup
        return one if one is not None and one.limit is not None and one.limit.source == "cgroup" else None

    def _machine_sample(self, now: float) -> Sample:
        figures, interval = self._figures, self.interval
        readings: dict[Quantity, Reading] = {}
        machine = self._cgroups.machine
        pressure = machine.pressure(now)
        if pressure is not None:
            cadence = max(PRESSURE.cadence, self._gap)
            readings[Quantity.PRESSURE] = Reading(pressure.some_avg10, machine.pressure_at, cadence)
        if figures is None:
            return Sample(now, readings)
        limit = Limit(figures.total, "machine")
        readings[Quantity.SWAP] = Reading(figures.swap_total - figures.swap_free, now, interval)
        available = figures.available
        if available is None:
            return Sample(now, readings, limit)
        used = figures.total - available
        readings[Quantity.WORKING_SET] = Reading(used, now, interval)
        readings[Quantity.MEMORY_USED] = Reading(used / figures.total, now, interval)
        self._window.add(now, used)
        slope = self._window.slope
        if slope is not None:
            at, cadence = self._window.fitted_at, max(self._window.period, self._gap)
            left = self._window.time_to_limit(Bytes(available), Bytes(figures.total))
            readings[Quantity.GROWTH] = Reading(slope.bytes_per_second, at, cadence)
            if left is not None:
                readings[Quantity.TIME_TO_LIMIT] = Reading(left, at, cadence)
        return Sample(now, readings, limit, Bytes(available))

    def _own_container(self) -> CgroupSampler | None:
        """Our own cgroup where it is the top of a mount that we see, as in a container."""
        try:
            paths = parse_cgroup(read_file(f"{self._cgroups.procfs}/self/cgroup"))
        except (OSError, MalformedProcFile):
            return None
        version, path = (1, paths.memory_v1) if paths.memory_v1 is not None else (2, paths.unified)
        if path is None:
            return None
        at_top = any(mount.version == version and mount.below(path) == "" for mount in self._cgroups.mounts)
        return self._cgroups.join(paths, SELF, True) if at_top else None
