"""What is known of one process at this look, and what is to be read of it meanwhile?

A look costs one read of the held statm, and one of its cgroup's usage where a policy asks for that, whatever the size
of the process. All else comes from slow reads, made elsewhere: `due` gives them out, `accept` takes what they brought.

Slow reads open their files by PID. That they are of this very process needs no check: a look that finds the held statm
alive proves that the PID was this process's when they were made, and one that does not ends the member.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from brimwatch.errors import MalformedProcFile
from brimwatch.model import ProcessId, Reading, Sample
from brimwatch.procfs.cgroup import CgroupPaths, parse_cgroup
from brimwatch.procfs.descriptor import read_process_file
from brimwatch.procfs.fd import count_descriptors
from brimwatch.procfs.smaps_rollup import SmapsRollup, read_smaps_rollup
from brimwatch.procfs.statm import Statm
from brimwatch.procfs.status import Status, read_status
from brimwatch.quantity import Quantity
from brimwatch.sample.cgroup import CgroupSampler
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.noted import Noted
from brimwatch.sample.resident import ResidentFile
from brimwatch.sample.schedule import Schedule
from brimwatch.sample.slow import SlowRead, failure_reason
from brimwatch.sample.sources import CGROUP, CGROUP_PATH, DESCRIPTORS, SMAPS_ROLLUP, STATUS, Source
from brimwatch.sample.window import Window

_NOWHERE = CgroupPaths(None, None)
_NOTHING = Reading(0.0, 0.0)


def read_paths(procfs: str, pid: int, thread: int | None = None) -> CgroupPaths:
    """The cgroups of a process. Raises ProcessLookupError, PermissionError, MalformedProcFile."""
    return parse_cgroup(read_process_file(procfs, pid, "cgroup" if thread is None else f"task/{thread}/cgroup"))


_ORDER = (STATUS, CGROUP_PATH, DESCRIPTORS, SMAPS_ROLLUP)
_READERS = {
    STATUS.name: read_status,
    SMAPS_ROLLUP.name: read_smaps_rollup,
    DESCRIPTORS.name: count_descriptors,
    CGROUP_PATH.name: read_paths,
}


class MemberSampler:
    """Samples one process. Times are monotonic seconds, values in base units. Not for use from two threads.

    `wanted`: quantities that a policy asks for; they are measured as often as they can be. `paths` is where the process
    was found; it is read anew every ten seconds.
    """

    __slots__ = (
        "_cgroup", "_cgroups", "_closed", "_failure", "_gap", "_peak", "_plans", "_procfs", "_resident", "_slow",
        "_status", "_wants_usage", "_window", "identity", "interval", "last", "noted",
    )  # fmt: skip

    def __init__(
        self,
        identity: ProcessId,
        procfs: str,
        wanted: frozenset[Quantity],
        cgroups: CgroupCache,
        paths: CgroupPaths | None = None,
        interval: float = 1.0,
    ) -> None:
        self.identity = identity
        self.interval = interval
        self.last: Sample | None = None
        self.noted = Noted()
        self._procfs = procfs
        self._cgroups = cgroups
        self._resident = ResidentFile(procfs, identity)
        self._status: Status | None = None
        self._closed = False
        self._failure = ""  # why the statm cannot be read
        self._peak = 0
        self._gap = interval
        self._slow: dict[Quantity, Reading] = {}
        self._window = Window(bool(wanted & {Quantity.GROWTH, Quantity.TIME_TO_LIMIT}), interval)
        self._wants_usage = bool(wanted & CGROUP.quantities)
        number = cgroups.number()
        self._plans = tuple(
            Schedule(source, bool(wanted & source.quantities), cgroups.loads, number) for source in _ORDER
        )
        self._cgroup = cgroups.join(paths or self._find_paths(), identity, self._wants_usage)

    # What is shown beside the samples.

    @property
    def status(self) -> Status | None:
        """The last look at /proc/PID/status, for who wants more of it."""
        return self._status

    @property
    def capable(self) -> Mapping[str, bool]:
        """By collector, whether it can be read."""
        return {name: not reason for name, reason in self.reasons.items()}

    @property
    def reasons(self) -> Mapping[str, str]:
        """By collector, why it cannot be read; an empty text where it can."""
        reasons = {"statm": self._failure}
        for plan in self._plans:
            if plan.source is not CGROUP_PATH:
                reasons[plan.source.name] = plan.reason
        return reasons | self._cgroup.reasons | self.noted.blind

    @property
    def pressure(self) -> Mapping[str, float]:
        """The ten-second memory pressure by kind (`some`, `full`), ratios."""
        pressure = self._cgroup.pressure
        return {} if pressure is None else pressure.ratios()

    @property
    def fastest(self) -> float:
        """The fastest growth seen in the last minute, of the resident or the working set; bytes per second."""
        return max(self.fastest_resident, self._cgroup.fastest)

    @property
    def fastest_resident(self) -> float:
        """The same of the resident set alone: what adds up over the members of a group."""
        return self._window.fastest(self.last.at if self.last is not None else 0.0)

    @property
    def cgroup(self) -> CgroupSampler:
        """What it shares with the other members of its cgroup."""
        return self._cgroup

    def oom_kills(self) -> int:
        """Kills in its cgroup since any member of that was last asked."""
        return self._cgroup.usage.take_oom_kills()

    def last_oom_kills(self) -> int:
        """The same, counted at this very moment: for the end of a process, whose cgroup may go with it."""
        self._cgroup.usage.look_for_oom_kills()
        return self.oom_kills()

    def note(self, quantity: Quantity, reading: Reading, source: str = "") -> None:
        """A value that was measured elsewhere (by an agent, or from outside): it joins the samples."""
        self.noted.note(quantity, reading, source)

    # Looks.

    def look(self, now: float) -> Sample:
        """Measure now. Raises ProcessLookupError once the process is gone, a zombie without live threads included."""
        statm = self._read_statm()
        if self.last is not None:
            self._gap = max(self.interval, now - self.last.at)
        cgroup = self._cgroup
        cgroup.look(now)
        readings = self._slow.copy()
        readings.update(self.noted.readings)
        readings.update(cgroup.readings)
        if statm is not None:
            self._show(statm, now, readings)
        if self._window.slope is not None:
            self._forecast(readings)
        readings[Quantity.PROCESSES] = Reading(1.0, now, self.interval)
        self.last = sample = Sample(now, readings, cgroup.limit, cgroup.headroom, False, cgroup.name)
        return sample

    def rise(self, now: float) -> int:
        """Bytes by which its resident set, or its cgroup's working set where a policy asks for that, has risen.

        Since the last look, by one reading of each; raises ProcessLookupError once it is gone.
        """
        statm, rise = self._read_statm(), 0
        if statm is not None and self.last is not None:
            self._window.glance(now, statm.resident)
            rise = statm.resident - int(self.last.readings.get(Quantity.RSS, _NOTHING).value)
        return max(rise, self._cgroup.rise(now)) if self._wants_usage else rise

    def _read_statm(self) -> Statm | None:
        try:
            statm = self._resident.read()
            self._failure = ""
            return statm
        except ProcessLookupError:
            raise
        except (OSError, MalformedProcFile) as error:
            self._failure = failure_reason(error) or ""
            return None

    def _show(self, statm: Statm, now: float, readings: dict[Quantity, Reading]) -> None:
        size, resident, shared = statm
        interval = self.interval
        readings[Quantity.VMS] = Reading(size, now, interval)
        if not resident:
            return  # everything swapped out, or the counters' error: not a measurement
        readings[Quantity.RSS] = Reading(resident, now, interval)
        if shared <= resident:
            readings[Quantity.ANON] = Reading(resident - shared, now, interval)
        if resident <= size:
            readings[Quantity.VIRTUAL_FRAGMENTATION] = Reading(1 - resident / size, now, interval)
        if resident > self._peak:
            self._peak = resident
        readings[Quantity.PEAK_RSS] = Reading(self._peak, now, interval)
        self._window.add(now, resident)

    def _forecast(self, readings: dict[Quantity, Reading]) -> None:
        window, cgroup = self._window, self._cgroup
        slope = window.slope
        if slope is None:
            return
        cadence = max(window.period, self._gap)
        readings[Quantity.GROWTH] = Reading(slope.bytes_per_second, window.fitted_at, cadence)
        if cgroup.headroom is not None and cgroup.limit is not None and cgroup.limit.source == "machine":
            left = window.time_to_limit(cgroup.headroom, cgroup.limit.bytes)
            if left is not None:
                readings[Quantity.TIME_TO_LIMIT] = Reading(left, window.fitted_at, cadence)

    # Slow reads.

    def due(self, now: float, everything: bool = False) -> tuple[SlowRead, ...]:
        """The reads that are to be made now, each handed back to `accept`; with `everything`, those not due yet too."""
        reads = self._cgroup.due(now, self.identity, everything)
        thread = self._resident.thread
        for plan in self._plans:  # the one that may get stuck comes last
            if plan.due(now, everything):
                plan.begin(now)
                source = plan.source
                read = partial(_READERS[source.name], self._procfs, self.identity.pid, thread)
                reads.append(SlowRead(self.identity, source.name, read, source.quick))
        return tuple(reads)

    def _plan(self, source: Source) -> Schedule:
        return self._plans[_ORDER.index(source)]

    def accept(self, read: SlowRead, result: object, now: float, cost: float) -> None:
        """What a slow read returned, or the exception that it raised; `cost` is its CPU seconds."""
        if self._closed:
            return  # it was under way when the member left; the cgroup's others ask again
        for plan in self._plans:
            if plan.source.name == read.source:
                break
        else:
            self._cgroup.accept(read, result, now, cost)
            if isinstance(result, FileNotFoundError):
                self._plan(CGROUP_PATH).hasten()  # the cgroup is gone, this process is elsewhere
            return
        if isinstance(result, BaseException):
            plan.failed(now, failure_reason(result), isinstance(result, TimeoutError))
            self._discard(plan, now, isinstance(result, TimeoutError))
            return
        plan.succeeded(now, cost)
        cadence = max(plan.cadence, self._gap)
        if isinstance(result, Status):
            self._take_status(result, now, cadence)
        elif isinstance(result, SmapsRollup):
            self._slow[Quantity.PSS] = Reading(result.pss, now, cadence)
            self._slow[Quantity.USS] = Reading(result.uss, now, cadence)
        elif isinstance(result, CgroupPaths):
            self._move(result)
        elif isinstance(result, int):
            self._slow[Quantity.FDS] = Reading(result, now, cadence)

    def close(self) -> None:
        """Give back every descriptor, and the share of the budget."""
        if self._closed:
            return
        self._closed = True
        self._resident.close()
        for plan in self._plans:
            plan.close()
        self._cgroups.leave(self._cgroup, self.identity)

    def _take_status(self, status: Status, now: float, cadence: float) -> None:
        self._status = status
        self._slow[Quantity.THREADS] = Reading(status.threads, now, cadence)
        if status.swap is not None:
            self._slow[Quantity.SWAP] = Reading(status.swap, now, cadence)
        if status.peak_rss is not None:
            self._peak = status.peak_rss  # not the greater of both: an exec begins anew

    def _discard(self, plan: Schedule, now: float, late: bool) -> None:
        """What a source out of reach once said is missing; what is only late stays until it is stale."""
        for quantity in plan.source.quantities:
            known = self._slow.get(quantity)
            if known is not None and (not late or now - known.at > 3 * known.cadence):
                del self._slow[quantity]

    def _find_paths(self) -> CgroupPaths:
        try:
            return read_paths(self._procfs, self.identity.pid)
        except (OSError, MalformedProcFile):
            return _NOWHERE

    def _move(self, paths: CgroupPaths) -> None:
        if paths[:2] != self._cgroup.paths[:2]:
            old, self._cgroup = self._cgroup, self._cgroups.join(paths, self.identity, self._wants_usage)
            self._cgroups.leave(old, self.identity)
