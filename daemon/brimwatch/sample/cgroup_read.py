"""What does one slow look at a cgroup bring? Made on a lane: finding it may lead through a target's root."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup import CgroupPaths
from brimwatch.procfs.cgroup_memory import CgroupMemory, read_cgroup_memory, read_cgroup_pressure
from brimwatch.procfs.cgroup_place import Place, locate_memory, locate_unified, open_at
from brimwatch.procfs.descriptor import HeldFile
from brimwatch.procfs.memory_files import FILES
from brimwatch.procfs.mountinfo import CgroupMount
from brimwatch.procfs.pressure import Pressure
from brimwatch.procfs.root import CGROUPFS


class Origin(NamedTuple):
    """How a cgroup is found: its paths, our own mounts, and a member that sees it."""

    paths: CgroupPaths
    mounts: Sequence[CgroupMount]
    procfs: str
    process: ProcessId
    kinds: frozenset[int] = CGROUPFS


class MemoryFound(NamedTuple):
    """`memory` is None where the members are charged to no cgroup but the root. The files are open, to be held."""

    memory: CgroupMemory | None
    place: Place | None = None
    usage: HeldFile | None = None
    events: HeldFile | None = None


class PressureFound(NamedTuple):
    """`pressure` is None where the members are in the root, whose pressure is the machine's."""

    pressure: Pressure | None
    place: Place | None = None


def _is_gone(error: OSError) -> bool:
    return isinstance(error, ProcessLookupError | FileNotFoundError) or error.errno == errno.ENODEV


def read_memory(origin: Origin, place: Place | None, held: Place | None) -> MemoryFound:
    """Read where it was found before, or find it. `held` is the place whose files the caller has open.

    Raises FileNotFoundError where the cgroup is gone, ProcessLookupError, PermissionError, OSError, MalformedProcFile.
    """
    memory = None
    if place is not None:
        try:
            memory = read_cgroup_memory(place)
        except OSError as error:
            if not _is_gone(error):
                raise
            place = None
    if place is None:
        place = locate_memory(origin.paths, origin.mounts, origin.procfs, origin.process, origin.kinds)
        memory = None if place is None else read_cgroup_memory(place)
    if memory is None or memory.place == held:
        return MemoryFound(memory, place)
    names = FILES[memory.place.version]
    usage, events = (HeldFile(partial(open_at, memory.place, name)) for name in (names.usage, names.events))
    usage.read()
    try:
        events.read()
    except FileNotFoundError:
        return MemoryFound(memory, place, usage)
    return MemoryFound(memory, place, usage, events)


def read_pressure_of(origin: Origin, place: Place | None) -> PressureFound:
    """The pressure of the members' place in the unified hierarchy. Raises as `read_memory` does."""
    if place is not None:
        try:
            return PressureFound(read_cgroup_pressure(place), place)
        except OSError as error:
            if not _is_gone(error):
                raise
    place = locate_unified(origin.paths, origin.mounts, origin.procfs, origin.process, origin.kinds)
    return PressureFound(None if place is None else read_cgroup_pressure(place), place)
