"""What can be measured of a target, and what sort of number is it?"""

from __future__ import annotations

import enum


class Kind(enum.Enum):
    """What sort of number a quantity is, and so how it is written in a file."""

    BYTES = "size"
    RATE = "rate"
    RATIO = "ratio"
    COUNT = "count"
    DURATION = "duration"


class Quantity(enum.StrEnum):
    """What is measured of a target. The names are those of `when`, `leave`, `goal` and `only_if`."""

    RSS = "rss"
    PSS = "pss"
    USS = "uss"
    VMS = "vms"
    SWAP = "swap"
    WORKING_SET = "working_set"
    ANON = "anon"
    TRIMMABLE = "trimmable"
    GROWTH = "growth"
    VIRTUAL_FRAGMENTATION = "virtual_fragmentation"
    FRAGMENTATION = "fragmentation"
    THREADS = "threads"
    PYTHON_THREADS = "python_threads"
    PYTHON_OBJECTS = "python_objects"
    PYTHON_BLOCKS = "python_blocks"
    FDS = "fds"
    PROCESSES = "processes"
    PRESSURE = "pressure"
    TIME_TO_LIMIT = "time_to_limit"
    MEMORY_USED = "memory_used"
    PEAK_RSS = "peak_rss"  # shown, not judged: it never falls

    @property
    def kind(self) -> Kind:
        """The sort of number; see Kind."""
        return _KINDS.get(self, Kind.BYTES)

    @property
    def inverted(self) -> bool:
        """True where less is worse: a time to the limit."""
        return self is Quantity.TIME_TO_LIMIT

    @property
    def predicted(self) -> bool:
        """True for a forecast, on which alone no process is ever ended."""
        return self in (Quantity.TIME_TO_LIMIT, Quantity.GROWTH)

    @property
    def shared(self) -> bool:
        """True where all members of one cgroup read the same number."""
        return self in (Quantity.WORKING_SET, Quantity.PRESSURE, Quantity.MEMORY_USED)


_KINDS = {
    Quantity.GROWTH: Kind.RATE,
    Quantity.VIRTUAL_FRAGMENTATION: Kind.RATIO,
    Quantity.FRAGMENTATION: Kind.RATIO,
    Quantity.PRESSURE: Kind.RATIO,
    Quantity.MEMORY_USED: Kind.RATIO,
    Quantity.THREADS: Kind.COUNT,
    Quantity.PYTHON_THREADS: Kind.COUNT,
    Quantity.PYTHON_OBJECTS: Kind.COUNT,
    Quantity.PYTHON_BLOCKS: Kind.COUNT,
    Quantity.FDS: Kind.COUNT,
    Quantity.PROCESSES: Kind.COUNT,
    Quantity.TIME_TO_LIMIT: Kind.DURATION,
}
CONDITIONS = tuple(quantity for quantity in Quantity if quantity is not Quantity.PEAK_RSS)
