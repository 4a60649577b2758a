"""What does a group of processes hold together?

Sums of what adds up; of what the members of one cgroup share, the value of each cgroup once. Shared pages are counted
again in a sum of resident sets: it is an upper bound, and the sum of proportional sets the truth.

A sum is partial where a member is missing, or lacks one of the quantities that are `wanted` and that others have: it is
a lower bound then. A quantity that no member has is simply missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from brimwatch.model import Limit, Reading, Sample
from brimwatch.quantity import Quantity
from brimwatch.sample.member import MemberSampler
from brimwatch.units import Bytes

RESIDENT = frozenset({Quantity.RSS})
PATIENCE = 3  # cadences after which a member's value counts as missing
SUMMED = (
    Quantity.RSS, Quantity.PSS, Quantity.USS, Quantity.VMS, Quantity.SWAP, Quantity.ANON, Quantity.TRIMMABLE,
    Quantity.GROWTH, Quantity.THREADS, Quantity.FDS, Quantity.PROCESSES, Quantity.PYTHON_THREADS,
    Quantity.PYTHON_OBJECTS, Quantity.PYTHON_BLOCKS, Quantity.PEAK_RSS,
)  # fmt: skip


def sum_samples(samples: Sequence[Sample], expected: int, now: float, wanted: frozenset[Quantity] = RESIDENT) -> Sample:
    """One sample for a group of `expected` members, at least one of which was sampled.

    The `at` of each sum is the oldest of its parts, its cadence the longest. `wanted` are the quantities that the
    policy asks for: one that only some members have makes the sum partial. Raises ValueError for no sample at all.
    """
    if not samples:
        raise ValueError("a sum of no samples")
    readings: dict[Quantity, Reading] = {}
    partial = len(samples) < expected
    for quantity in SUMMED:
        parts = _fresh(samples, quantity, now)
        if parts:
            readings[quantity] = _joined(parts, sum(part.value for part in parts))
            partial = partial or (quantity in wanted and len(parts) < len(samples))
    worst = _fresh(samples, Quantity.FRAGMENTATION, now)
    if worst:
        readings[Quantity.FRAGMENTATION] = _joined(worst, max(part.value for part in worst))
    size, resident = readings.get(Quantity.VMS), readings.get(Quantity.RSS)
    if size is not None and resident is not None and 0 < resident.value <= size.value:
        readings[Quantity.VIRTUAL_FRAGMENTATION] = _joined((size, resident), 1 - resident.value / size.value)
    cgroups = _cgroups(samples)
    limit = _limit(cgroups)
    headroom = _headroom(cgroups, limit)
    _share(readings, samples, cgroups, limit, now)
    _forecast(readings, samples, limit, headroom, now)
    shared = cgroups[0].cgroup if len(cgroups) == 1 else None
    return Sample(now, readings, limit, headroom, partial, shared)


def fastest_growth(members: Iterable[MemberSampler]) -> float:
    """The fastest growth of a group seen in the last minute, bytes per second.

    Resident sets may all grow at once, so theirs add up; a cgroup grows once, however many members it has.
    """
    members = tuple(members)
    cgroups = {id(member.cgroup): member.cgroup.fastest for member in members}
    return max(sum(member.fastest_resident for member in members), sum(cgroups.values()))


def _fresh(samples: Iterable[Sample], quantity: Quantity, now: float) -> list[Reading]:
    found = (sample.readings.get(quantity) for sample in samples)
    return [reading for reading in found if reading is not None and now - reading.at <= PATIENCE * reading.cadence]


def _joined(parts: Iterable[Reading], value: float) -> Reading:
    parts = tuple(parts)
    return Reading(value, min(part.at for part in parts), max(part.cadence for part in parts))


def _cgroups(samples: Iterable[Sample]) -> list[Sample]:
    """One sample for each cgroup, without those inside another of them, whose usage holds theirs already."""
    first: dict[str | None, Sample] = {}
    for sample in samples:
        first.setdefault(sample.cgroup, sample)
    names = [name for name in first if name is not None]
    return [
        sample
        for name, sample in first.items()
        if name is None or not any(name != other and _inside(name, other) for other in names)
    ]


def _inside(name: str, other: str) -> bool:
    return name.startswith(other if other.endswith("/") else other + "/")


def _limit(cgroups: Sequence[Sample]) -> Limit | None:
    """The machine's where that bounds any of them, else the sum over cgroups; None where one is not known."""
    limits = [sample.limit for sample in cgroups]
    known = [limit for limit in limits if limit is not None]
    machine = [limit for limit in known if limit.source == "machine"]
    if machine:
        return machine[0]
    if len(known) < len(limits):
        return None
    return Limit(Bytes(sum(limit.bytes for limit in known)), "cgroup")


def _headroom(cgroups: Sequence[Sample], limit: Limit | None) -> Bytes | None:
    """What the limit leaves: of the machine the least that a member sees, of cgroups the sum."""
    rooms = [sample.headroom for sample in cgroups if sample.headroom is not None]
    if limit is None or not rooms:
        return None
    if limit.source == "machine":
        return max(rooms, key=int)
    return Bytes(sum(rooms)) if len(rooms) == len(cgroups) else None


def _share(
    readings: dict[Quantity, Reading],
    samples: Sequence[Sample],
    cgroups: Sequence[Sample],
    limit: Limit | None,
    now: float,
) -> None:
    """What the members of a cgroup read in common: working sets add up over cgroups, of pressures the worst counts."""
    sets = _fresh(cgroups, Quantity.WORKING_SET, now)
    if sets and len(sets) == len(cgroups):
        used = readings[Quantity.WORKING_SET] = _joined(sets, sum(part.value for part in sets))
        if limit is not None and limit.source == "cgroup" and limit.bytes:
            readings[Quantity.MEMORY_USED] = used._replace(value=used.value / limit.bytes)
    pressures = _fresh(samples, Quantity.PRESSURE, now)
    if pressures:
        readings[Quantity.PRESSURE] = _joined(pressures, max(part.value for part in pressures))
    if limit is not None and limit.source == "machine":
        bound = [one for one in samples if one.limit is not None and one.limit.source == "machine"]
        used_ratios = _fresh(bound, Quantity.MEMORY_USED, now)
        if used_ratios:
            readings[Quantity.MEMORY_USED] = max(used_ratios, key=lambda part: part.at)


def _forecast(
    readings: dict[Quantity, Reading],
    samples: Sequence[Sample],
    limit: Limit | None,
    headroom: Bytes | None,
    now: float,
) -> None:
    """The soonest that any member sees; on the machine's memory they all draw together."""
    forecasts = _fresh(samples, Quantity.TIME_TO_LIMIT, now)
    if not forecasts:
        return
    soonest = min(part.value for part in forecasts)
    growth = readings.get(Quantity.GROWTH)
    together = limit is not None and limit.source == "machine" and headroom is not None and growth is not None
    if together and headroom is not None and growth is not None and growth.value > 0 and not math.isinf(soonest):
        soonest = min(soonest, max(0, headroom) / growth.value)
    readings[Quantity.TIME_TO_LIMIT] = _joined(forecasts, soonest)
