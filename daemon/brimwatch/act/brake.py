"""How is a cgroup slowed down for a moment? `memory.high` just above what is used, below the limit, and taken back.

Above `memory.high` every allocation of the cgroup is put to sleep for a while, which buys the time that hooks need.
Below the present usage it makes things worse (measured: a handler answered after 176 to 517 ms instead of 15), so the
usage is read again immediately before the write. Does *not* cover taking it back (`undo_cgroup`).
"""

from __future__ import annotations

import os
from typing import NamedTuple

from brimwatch.act.cgroup_target import Found, refuse_shared
from brimwatch.act.cgroup_write import CURRENT, HIGH, read_limit, write_limit
from brimwatch.act.parts import Part
from brimwatch.act.refused import Refused
from brimwatch.act.undo import Brakes, CgroupChange
from brimwatch.model import Reason, Verdict
from brimwatch.procfs.cgroup_place import Directory, Place
from brimwatch.procfs.meminfo import read_meminfo
from brimwatch.procfs.memory_files import parse_amount
from brimwatch.units import Bytes, Seconds, format_bytes, format_duration

MARGIN = 1 << 20  # bytes above the usage: what 1 GB/s takes in a millisecond; read and write are some 50 us apart
_TRIES = 4  # each with twice the margin: recording the change may take longer on a disk
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Brake(NamedTuple):
    """What to set: `high` is bytes, or a share of the effective limit; how long; and whether others may be in it."""

    high: float
    relative: bool
    lasts: Seconds
    force: bool = False


def brake(found: Found, order: Brake, brakes: Brakes) -> Part:
    """Set the brake of one cgroup. Raises Refused, OSError, MalformedProcFile."""
    directory = Directory(found.place)
    made = False
    try:
        refuse_shared(found, directory, order.force)
        for attempt in range(_TRIES):
            part = _try(found, order, directory, MARGIN << attempt, brakes)
            if part is not None:
                made = True
                return part
    finally:
        if not made:
            directory.close()
    raise Refused(Reason.DEADLINE, "its usage rises faster than a brake can be set above it", Verdict.FAILED)


def _try(found: Found, order: Brake, directory: Directory, margin: int, brakes: Brakes) -> Part | None:
    """Record the change, look at the usage once more, and make it; None where the usage has risen past it meanwhile."""
    before = read_limit(directory)
    ours = _value(found, order, _usage(directory), margin, before)
    status = os.fstat(directory.descriptor)
    hold = brakes.begin(CgroupChange(found.place, status.st_dev, status.st_ino, ours, before), order.lasts)
    try:
        usage = _usage(directory)
        if usage <= ours:
            hold.make(lambda: write_limit(directory, ours), directory)
            return Part(Verdict.RUN, _told(found.place, ours, before, usage, order.lasts))
    except BaseException:
        brakes.abandon(hold)
        raise
    brakes.abandon(hold)
    return None


def _value(found: Found, order: Brake, usage: Bytes, margin: int, before: Bytes | None) -> Bytes:
    """What to set, in whole pages: what is wanted, but above the usage. Raises Refused where that slows nothing."""
    limit = found.memory.limit
    wanted = order.high
    if order.relative:
        wanted *= limit if limit is not None else read_meminfo(found.procfs).total
    ours = Bytes(-(-max(int(wanted), usage + margin) // _PAGE) * _PAGE)
    if limit is not None and ours >= limit:
        why = f"{format_bytes(usage)} of {format_bytes(limit)} are used"
        if wanted >= limit:
            why = f"{format_bytes(wanted)} were asked for and the limit is {format_bytes(limit)}"
        raise Refused(Reason.CONDITION, f"{why}: below the limit there is no room for a brake")
    if before is not None and before <= ours:
        raise Refused(Reason.BUSY, f"somebody has set {HIGH} to {format_bytes(before)} already, which is tighter")
    return ours


def _usage(directory: Directory) -> Bytes:
    return parse_amount(directory.read(CURRENT), CURRENT)


def _told(place: Place, ours: Bytes, before: Bytes | None, usage: Bytes, lasts: Seconds) -> str:
    was = "max" if before is None else format_bytes(before)
    return (
        f"{HIGH} {format_bytes(ours)} for {format_duration(lasts)}; "
        f"was {was}, usage {format_bytes(usage)}, cgroup {place.path}"
    )
