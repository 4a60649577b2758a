"""How much of its limit has a memory cgroup used, counting the limits of everything above it?

Working set = usage - inactive file pages, at least 0: what the kernel cannot drop at once. The limit is the tightest on
the way up, headroom the smallest distance from a working set to its limit there, which may be another cgroup's.
Does *not* cover the machine itself, which is above all of them.
"""

from __future__ import annotations

import errno
from typing import NamedTuple

from brimwatch.procfs.cgroup_place import Directory, Place
from brimwatch.procfs.descriptor import LISTS
from brimwatch.procfs.memory_files import (
    FILES,
    PRESSURE,
    STAT,
    MemoryStat,
    parse_amount,
    parse_limit,
    parse_memory_stat,
    parse_oom_kills,
)
from brimwatch.procfs.pressure import Pressure, parse_pressure
from brimwatch.units import Bytes

_TRUE_ROOT_V1 = "cgroup.sane_behavior"  # a file of the v1 root only
_NOT_ROOT_V2 = "cgroup.events"  # a file of every v2 cgroup but the root


class CgroupMemory(NamedTuple):
    """Bytes at one moment. `place` is the cgroup that is charged: the process's own, or the nearest with an account.

    `limit` is the tightest on the way up, None where there is none; `own_limit` that of `place`; `above` the smallest
    headroom of the cgroups above it. `oom_kills` counts since the cgroup was made.
    """

    place: Place
    usage: Bytes
    inactive_file: Bytes
    anon: Bytes | None
    own_limit: Bytes | None
    limit: Bytes | None
    above: Bytes | None
    oom_kills: int | None

    @property
    def working_set(self) -> Bytes:
        """Usage without inactive file pages, at least 0."""
        return Bytes(max(0, self.usage - self.inactive_file))

    @property
    def headroom(self) -> Bytes | None:
        """The smallest distance to a limit, None where there is none. Negative above a limit that was lowered."""
        own = None if self.own_limit is None else Bytes(self.own_limit - self.working_set)
        return own if self.above is None else Bytes(self.above) if own is None else Bytes(min(own, self.above))


def read_cgroup_memory(place: Place) -> CgroupMemory | None:
    """Read a cgroup and everything above it; None where it is charged to no cgroup but the root.

    Costs some 10 us for each level, and 50 to 200 us for each that has a limit (the kernel sums its per-CPU counts).
    Raises FileNotFoundError or OSError(ENODEV) where the cgroup was removed, PermissionError, MalformedProcFile.
    """
    levels = place.ancestors()
    while levels:
        with Directory(levels[0]) as directory:
            if directory.has(FILES[place.version].usage):
                return None if directory.has(_TRUE_ROOT_V1) else _read_charged(levels, directory)
        levels = levels[1:]
    return None


def _read_charged(levels: list[Place], directory: Directory) -> CgroupMemory:
    place = levels[0]
    names = FILES[place.version]
    stat = _stat(directory, place.version)
    floor = stat.hierarchical_limit or Bytes(0)
    own = _limit(directory, place.version, floor)
    limits = [limit for limit in (own, stat.hierarchical_limit) if limit is not None]
    rooms: list[int] = []
    for level in levels[1:]:
        with Directory(level) as upper:
            limit = _limit(upper, place.version, floor)
            if limit is not None:
                limits.append(limit)
                rooms.append(limit - _working_set(upper, place.version))
    return CgroupMemory(
        place=place,
        usage=parse_amount(directory.read(names.usage), names.usage),
        inactive_file=stat.inactive_file,
        anon=stat.anon,
        own_limit=_unseen(own, stat.hierarchical_limit, limits),
        limit=min(limits, default=None),
        above=Bytes(min(rooms)) if rooms else None,
        oom_kills=_oom_kills(directory, place.version),
    )


def _unseen(own: Bytes | None, hierarchical: Bytes | None, limits: list[Bytes]) -> Bytes | None:
    """A limit that only the kernel's own sum tells of is treated as our own: its headroom is at most that."""
    if hierarchical is not None and limits.count(hierarchical) == 1:
        return hierarchical
    return own


def _stat(directory: Directory, version: int) -> MemoryStat:
    return parse_memory_stat(directory.read(STAT, LISTS), version)


def _working_set(directory: Directory, version: int) -> int:
    usage = parse_amount(directory.read(FILES[version].usage), FILES[version].usage)
    return max(0, usage - _stat(directory, version).inactive_file)


def _limit(directory: Directory, version: int, floor: Bytes) -> Bytes | None:
    """The limit of one level. A v1 limit below the hierarchical one does not bind us: hierarchy is off there."""
    name = FILES[version].limit
    try:
        limit = parse_limit(directory.read(name), name)
    except FileNotFoundError:
        return None  # the v2 root, or a level without the controller
    return None if limit is not None and limit < floor else limit


def _oom_kills(directory: Directory, version: int) -> int | None:
    try:
        return parse_oom_kills(directory.read(FILES[version].events))
    except FileNotFoundError:
        return None


def read_cgroup_pressure(place: Place) -> Pressure | None:
    """The memory pressure of a cgroup of the unified hierarchy; None for the root, whose pressure is the machine's.

    Raises FileNotFoundError where the kernel has no such file or the cgroup was removed, OSError(EOPNOTSUPP) where
    accounting is off, PermissionError, MalformedProcFile.
    """
    with Directory(place) as directory:
        if not directory.has(_NOT_ROOT_V2):
            return None
        try:
            return parse_pressure(directory.read(PRESSURE))
        except FileNotFoundError:
            raise OSError(errno.EOPNOTSUPP, "this kernel keeps no pressure of cgroups", place.path) from None
