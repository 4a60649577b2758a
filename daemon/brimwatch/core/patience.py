"""How long may a rung be waited for, before the limit comes?

Its share of the time that is left: as much as each rung after it, and one share to spare. At its start the forecast
says how long that is, and who is asked is told. Once it runs, what counts is how fast memory has grown since: a rung
that works ends the growth, whatever was forecast.

Does *not* cover how long an answer may take to show its effect where nothing grows (`settle`).
"""

from __future__ import annotations

import math

from brimwatch.core.resolve import known
from brimwatch.core.settle import held_bytes
from brimwatch.model import Firing, Sample
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds

MEASURABLE = 0.25  # seconds: growth over less is the kernel's batched counters as often as the target
SHORTEST_ASK = Seconds(1.0)  # a Python program inside one long C call answers after 0.6 to 1 s (measured)
_NOISE = 0.001  # of what is held: a rise below it is none


def allowed(sample: Sample, rungs_left: int) -> Seconds:
    """How long whoever is asked now may take; infinity where the forecast sets no bound. Never below `SHORTEST_ASK`."""
    forecast = known(sample, Quantity.TIME_TO_LIMIT)
    if forecast is None:
        return Seconds(math.inf)
    return Seconds(max(SHORTEST_ASK, forecast.value / (rungs_left + 2)))


def overdue(firing: Firing, sample: Sample, rungs_left: int) -> bool:
    """Has a rung had its share of the time, at the growth measured since it started, and is another left to climb to?

    With e seconds gone and l left for r more rungs its share is (e + l) / (r + 2).
    """
    elapsed = sample.at - firing.started
    if rungs_left < 1 or elapsed < MEASURABLE:
        return False
    left = time_left(firing, sample)
    return left is not None and elapsed * (rungs_left + 1) >= left


def time_left(firing: Firing, sample: Sample) -> Seconds | None:
    """Seconds to the limit at the growth since the rung started: infinity where nothing grew, None where unknown.

    Not the forecast: its window also holds what was before the rung.
    """
    held, headroom = held_bytes(sample), sample.headroom
    reading = sample.readings.get(Quantity.RSS) or sample.readings.get(Quantity.MEMORY_USED)
    if held is None or headroom is None or reading is None or firing.before is None:
        return None
    elapsed, rise = reading.at - firing.started, held - firing.before
    if elapsed < MEASURABLE:
        return None
    if rise <= _NOISE * held:
        return Seconds(math.inf)
    return Seconds(max(0, headroom) * elapsed / rise)
