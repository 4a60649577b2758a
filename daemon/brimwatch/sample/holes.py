"""How much of what allocators hold is unused? The share of the worst one among those that hold enough to matter."""

from __future__ import annotations

from collections.abc import Mapping

from brimwatch.model import Reading
from brimwatch.quantity import ALLOCATORS, Quantity

WORTH_JUDGING = 8 * 1024 * 1024  # bytes: a fresh program's 300 kB of 900 kB are nobody's trouble


def worst_share(readings: Mapping[Quantity, Reading]) -> float:
    """Held but unused / held, of the allocator where that is most; 0 where none holds 8 MiB."""
    shares = [0.0]
    for held_name, used_name in ALLOCATORS.values():
        held, used = readings.get(held_name), readings.get(used_name)
        if held is not None and used is not None and held.value >= WORTH_JUDGING:
            shares.append(1 - used.value / held.value)
    return max(shares)
