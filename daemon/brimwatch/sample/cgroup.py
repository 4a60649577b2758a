"""What do all members of one cgroup share: its working set, limit, headroom and pressure?

The usage is read anew at each look where a policy asks for it; everything else on slow cadences, once for all members.
The machine is above every cgroup: its total bounds the limit, what it has available bounds the headroom.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from brimwatch.model import Limit, ProcessId, Reading
from brimwatch.procfs.cgroup import CgroupPaths
from brimwatch.procfs.cgroup_place import Place
from brimwatch.procfs.pressure import Pressure
from brimwatch.quantity import Quantity
from brimwatch.sample.alarms import Alarms
from brimwatch.sample.cgroup_read import MemoryFound, Origin, PressureFound, read_memory, read_pressure_of
from brimwatch.sample.cgroup_usage import CgroupUsage
from brimwatch.sample.machine import Machine
from brimwatch.sample.schedule import FORGOTTEN, Loads, Schedule
from brimwatch.sample.slow import SlowRead, failure_reason
from brimwatch.sample.sources import CGROUP, PRESSURE
from brimwatch.sample.window import Window
from brimwatch.units import Bytes

FRESH = 0.002  # seconds: members looked at together read the usage once
IMPATIENT = 2.0  # seconds after which another member reads what the one that was asked has not brought
PATIENCE = 3  # cadences after which what did not come again is missing


class CgroupSampler:
    """One cgroup for all its members. `readings`, `limit`, `headroom` and `name` are those of the last look."""

    __slots__ = (
        "_asked", "_at", "_gap", "_hot", "_machine", "_members", "_memory_plan", "_origin", "_place", "_pressure",
        "_pressure_at", "_pressure_place", "_pressure_plan", "_window", "alarms", "headroom", "limit", "name",
        "readings", "usage",
    )  # fmt: skip

    def __init__(self, origin: Origin, machine: Machine, loads: Loads, number: int) -> None:
        self._origin = origin
        self._machine = machine
        self._members: dict[ProcessId, bool] = {}
        self._hot = False
        self._asked: dict[str, ProcessId] = {}  # by source, the member whose read counts
        self._memory_plan = Schedule(CGROUP, False, loads, number)
        self._pressure_plan = Schedule(PRESSURE, False, loads, number)
        self._place: Place | None = None
        self._pressure_place: Place | None = None
        self._pressure: Pressure | None = None
        self._at = self._pressure_at = float("-inf")
        self._gap = 0.0
        self._window = Window(wanted=False)
        self.usage = CgroupUsage()
        self.alarms = Alarms()
        self.readings: dict[Quantity, Reading] = {}
        self.limit: Limit | None = None
        self.headroom: Bytes | None = None
        self.name: str | None = None

    @property
    def paths(self) -> CgroupPaths:
        """Which cgroup it is."""
        return self._origin.paths

    @property
    def members(self) -> int:
        """How many share this sampler."""
        return len(self._members)

    def join(self, process: ProcessId, wanted: bool) -> None:
        """Another member; `wanted`: its policy asks for what only the usage tells."""
        self._members[process] = wanted
        self._adapt()

    def leave(self, process: ProcessId) -> None:
        """A member is gone. A read that it gave out may never come back: the next member gives it out again."""
        self._members.pop(process, None)
        for plan in (self._memory_plan, self._pressure_plan):
            if self._asked.get(plan.source.name) == process:
                plan.give_back()
        self._adapt()

    def close(self) -> None:
        """Give up the descriptors and the share of the budget."""
        self.usage.close()
        self.alarms.close()
        self._memory_plan.close()
        self._pressure_plan.close()

    def due(self, now: float, process: ProcessId, everything: bool = False) -> list[SlowRead]:
        """What is to be read now, by way of one member."""
        reads: list[SlowRead] = []
        for plan in (self._memory_plan, self._pressure_plan):
            name = plan.source.name
            patience = FORGOTTEN if self._asked.get(name) == process else IMPATIENT
            if plan.due(now, everything, patience):
                plan.begin(now)
                self._asked[name] = process
                reads.append(SlowRead(process, name, self._reader(name, self._origin._replace(process=process))))
        return reads

    def _reader(self, name: str, origin: Origin) -> Callable[[], object]:
        if name == PRESSURE.name:
            return partial(read_pressure_of, origin, self._pressure_place)
        memory = self.usage.memory
        held = memory.place if memory is not None and self.usage.held else None
        return partial(read_memory, origin, self._place, held)

    def accept(self, read: SlowRead, result: object, now: float, cost: float) -> None:
        """The result of a read, or the exception that it raised; `cost` is CPU seconds."""
        if isinstance(result, MemoryFound):
            self._memory_plan.succeeded(now, cost)
            self._place = result.place
            if result.usage is not None:
                self.alarms.close()  # they are of where it was before
            self.usage.take(result, now)
            if result.memory is not None and not self._hot:
                self._window.add(now, self.usage.working_set)
        elif isinstance(result, PressureFound):
            self._pressure_plan.succeeded(now, cost)
            self._pressure, self._pressure_place, self._pressure_at = result.pressure, result.place, now
        elif self._asked.get(read.source) == read.identity:
            self._failed(read.source, result, now)

    def _failed(self, source: str, result: object, now: float) -> None:
        late = isinstance(result, TimeoutError)
        gone = isinstance(result, FileNotFoundError)  # a cgroup that was removed is no fault of the collector
        reason = None if gone else failure_reason(result)
        if source == PRESSURE.name:
            self._pressure_plan.failed(now, reason, late)
            self._pressure = self._pressure_place = None
            return
        self._memory_plan.failed(now, reason, late)
        if not late:  # what is only late stays until it is stale
            self._place = None
            self.usage.forget()
            self.alarms.close()

    @property
    def reasons(self) -> dict[str, str]:
        """By collector, why it cannot be read; an empty text where it can."""
        return {
            plan.source.name: plan.reason for plan in (self._memory_plan, self._pressure_plan)
        } | self.alarms.reasons

    @property
    def is_armed(self) -> bool:
        """Whether its alarms are those of where it was last found."""
        memory = self.usage.memory
        return memory is None or not self.usage.held or self.alarms.place == memory.place

    def arm(self) -> bool:
        """Have what happens in it wake whoever polls its `alarms`; False where it is not known where it is."""
        memory = self.usage.memory
        if memory is None or not self.usage.held:
            return False
        place = memory.place
        held = self.usage.events_descriptor if place.version == 2 else -1
        self.alarms.arm(place, self._pressure_place or (place if place.version == 2 else None), held)
        return True

    @property
    def fastest(self) -> float:
        """The fastest growth of the working set seen, bytes per second."""
        return self._window.fastest(self._at)

    @property
    def pressure(self) -> Pressure | None:
        """Its own; the machine's where the machine sets the limit and the cgroup has no account of its own."""
        if self._pressure is not None:
            return self._pressure
        bound_by_machine = self.limit is not None and self.limit.source == "machine"
        return self._machine.pressure(self._at) if bound_by_machine else None

    def look(self, now: float) -> None:
        """Bring readings, limit and headroom up to date; members looked at together share one look."""
        if now - self._at < FRESH:
            return
        self._gap = now - self._at if self._at > 0 else 0.0
        self._at = now
        self.readings = {}
        self.limit = self.headroom = self.name = None
        patience = PATIENCE * max(self._memory_plan.cadence, self._gap)
        if now - self.usage.at <= patience:
            self._measure(now)
        self._show_pressure(now)

    def rise(self, now: float) -> int:
        """Bytes by which the working set is above that of the last look, by one reading; 0 where none can be had."""
        before = self.usage.working_set
        if not self._hot or not self.usage.renew():
            return 0
        if self.usage.working_set != before:
            self._window.glance(now, self.usage.working_set)
        known = self.readings.get(Quantity.WORKING_SET)
        return 0 if known is None else int(self.usage.working_set - known.value)

    def _adapt(self) -> None:
        hot = any(self._members.values())
        if hot != self._hot:
            self._hot = self._memory_plan.wanted = hot
            self._window.want(hot)

    def _measure(self, now: float) -> None:
        memory = self.usage.memory
        machine = self._machine.figures(now)
        bound: Limit | None = None
        room: Bytes | None = None
        if memory is not None:
            self.name = memory.place.path
            used = self._measure_working_set(now)
            if memory.limit is not None and (machine is None or memory.limit < machine.total):
                bound, room = Limit(memory.limit, "cgroup"), self.usage.headroom()
                if memory.limit:
                    self.readings[Quantity.MEMORY_USED] = used._replace(value=used.value / memory.limit)
        if machine is not None:
            if bound is None:
                bound = Limit(machine.total, "machine")
                if machine.available is not None:
                    share = 1 - machine.available / machine.total
                    self.readings[Quantity.MEMORY_USED] = Reading(share, now, max(1.0, self._gap))
            if machine.available is not None:
                room = machine.available if room is None else min(room, machine.available)
        self.limit, self.headroom = bound, room
        if bound is not None and bound.source == "cgroup" and room is not None:
            self._forecast(room)

    def _measure_working_set(self, now: float) -> Reading:
        usage = self.usage
        if self._hot and usage.renew():
            self._window.add(now, usage.working_set)
            reading = Reading(usage.working_set, now, max(1.0, self._gap))
        else:
            reading = Reading(usage.working_set, usage.at, max(self._memory_plan.cadence, self._gap))
        self.readings[Quantity.WORKING_SET] = reading
        return reading

    def _forecast(self, room: Bytes) -> None:
        window = self._window
        left = None if self.limit is None else window.time_to_limit(room, self.limit.bytes)
        if left is not None:
            cadence = max(window.period, self._gap)
            self.readings[Quantity.TIME_TO_LIMIT] = Reading(left, window.fitted_at, cadence)

    def _show_pressure(self, now: float) -> None:
        pressure = self.pressure
        if pressure is None:
            return
        own = pressure is self._pressure
        at = self._pressure_at if own else self._machine.pressure_at
        self.readings[Quantity.PRESSURE] = Reading(
            pressure.some_avg10, min(at, now), max(self._pressure_plan.cadence, self._gap)
        )
