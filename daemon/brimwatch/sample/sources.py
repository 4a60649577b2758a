"""Which kernel file gives which quantities, how often is it read, and how much of a core may that take?"""

from __future__ import annotations

from typing import NamedTuple

from brimwatch.quantity import Quantity


class Source(NamedTuple):
    """One slow source. Times are seconds, shares are of one core.

    It is read every `cadence` seconds (`cadence_wanted` where a policy asks for one of its quantities), less often
    where one owner's reads would take more than `share`, or those of all owners together more than `total`. First reads
    of many owners are `spacing` apart.
    """

    name: str
    quantities: frozenset[Quantity]
    cadence: float
    cadence_wanted: float
    share: float
    total: float
    spacing: float
    quick: bool = True


STATUS = Source(
    "status", frozenset({Quantity.THREADS, Quantity.SWAP, Quantity.PEAK_RSS}), 5.0, 1.0, 0.001, 0.005, 0.001
)
SMAPS_ROLLUP = Source(
    "smaps_rollup", frozenset({Quantity.PSS, Quantity.USS}), 30.0, 30.0, 0.0005, 0.005, 0.03, quick=False
)
DESCRIPTORS = Source("fd", frozenset({Quantity.FDS}), 10.0, 10.0, 0.0005, 0.001, 0.01)
CGROUP_PATH = Source("cgroup_path", frozenset(), 10.0, 10.0, 0.0005, 0.001, 0.01)
CGROUP = Source(
    "cgroup",
    frozenset({Quantity.WORKING_SET, Quantity.MEMORY_USED, Quantity.TIME_TO_LIMIT}),
    2.0,
    1.0,
    0.002,
    0.005,
    0.002,
)
PRESSURE = Source("pressure", frozenset({Quantity.PRESSURE}), 2.0, 2.0, 0.0005, 0.002, 0.002)
