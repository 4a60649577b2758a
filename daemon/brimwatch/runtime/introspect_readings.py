"""Which readings does a look inside a process give? What was not seen is absent; a part that failed gives nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from brimwatch.inspect.found import Census
from brimwatch.model import Reading
from brimwatch.quantity import Quantity
from brimwatch.runtime.introspect_plan import Part
from brimwatch.sample.holes import worst_share

COMPLETE = 0.99  # share of the pools that must be there for their blocks to be judged as a number
PYTHON_ONLY = (Quantity.PYTHON_THREADS, Quantity.PYTHON_BLOCKS, Quantity.PYTHON_OBJECTS)


class Seen(NamedTuple):
    """One value, and which part of the look it is of."""

    part: Part
    quantity: Quantity
    value: float


def readings_of(census: Census, grouped: bool) -> Iterator[Seen]:
    """Every value of a census.

    A member of a group without an interpreter has no Python objects, and says so: otherwise the group's sum would miss
    it for ever.
    """
    if census.python is not None:
        yield from _python(census)
    elif grouped and not census.denied:
        for part, quantity in zip((Part.THREADS, Part.CENSUS, Part.OBJECTS), PYTHON_ONLY, strict=True):
            yield Seen(part, quantity, 0.0)
    yield from _allocators(census)


def _python(census: Census) -> Iterator[Seen]:
    if census.threads is not None:
        yield Seen(Part.THREADS, Quantity.PYTHON_THREADS, census.threads)
    if census.objects is not None:
        yield Seen(Part.OBJECTS, Quantity.PYTHON_OBJECTS, census.objects)
    if census.pools is not None and census.pools.whole and census.pools.complete_ratio >= COMPLETE:
        yield Seen(Part.CENSUS, Quantity.PYTHON_BLOCKS, census.pools.blocks)


def _allocators(census: Census) -> Iterator[Seen]:
    pools, arenas = census.pools, census.arenas
    found: dict[Quantity, float] = {}
    if pools is not None and pools.whole:
        found[Quantity.PYMALLOC_HELD] = pools.held
        found[Quantity.PYMALLOC_USED] = pools.used
        found[Quantity.INTROSPECTION_COMPLETE] = pools.complete_ratio
    if arenas is not None and arenas.whole:
        found[Quantity.GLIBC_HELD] = arenas.resident
        found[Quantity.GLIBC_USED] = arenas.used
        found[Quantity.TRIMMABLE] = arenas.trimmable
    if found:
        readings = {quantity: Reading(value, 0.0) for quantity, value in found.items()}
        found[Quantity.FRAGMENTATION] = worst_share(readings)
    for quantity, value in found.items():
        yield Seen(Part.CENSUS, quantity, value)
