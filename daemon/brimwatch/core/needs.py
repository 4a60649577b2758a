"""How many bytes must come back, until the tier can be left, or until the policy's goal is reached?

Does *not* cover whom to ask for them (`giving_way`), nor what became of it (`settle`).
"""

from __future__ import annotations

import math

from brimwatch.core.resolve import absolute, known, leave_value, reaches
from brimwatch.model import Condition, Sample, TierRule
from brimwatch.quantity import Kind, Quantity
from brimwatch.units import Bytes

_NOT_BYTES = (Quantity.VMS, Quantity.PEAK_RSS)  # address space is no memory to win back; a peak never falls


def needed_bytes(rule: TierRule, sample: Sample, goal: Condition | None = None) -> Bytes | None:
    """How many bytes must go: to below the tier's leave, or to below `goal`, whichever is more; None where none must.

    The largest excess over a leave, as one freed byte counts in every quantity; under `all:` the smallest, as one part
    below its leave is enough. `memory_used` counts as its share of the limit; address space and a time cannot be freed.
    """
    some = [found for found in (_to_leave(rule, sample), _to_reach(goal, sample)) if found is not None]
    return max(some) if some else None


def _to_leave(rule: TierRule, sample: Sample) -> Bytes | None:
    excesses = []
    for threshold in rule.when.thresholds:
        leave = leave_value(rule, threshold, sample.limit)
        reading = known(sample, threshold.quantity)
        if reading is None or leave is None:
            continue
        if reaches(threshold.quantity, reading.value, leave):
            excess = _excess(threshold.quantity, reading.value, leave, sample)
            if excess is not None:
                excesses.append(excess)
        elif rule.when.every and not sample.partial:
            return None
    if not excesses:
        return None
    return min(excesses) if rule.when.every else max(excesses)


def _to_reach(goal: Condition | None, sample: Sample) -> Bytes | None:
    """Every line of a goal is to be below its value, whatever joins them."""
    excesses = []
    for threshold in () if goal is None else goal.thresholds:
        level, reading = absolute(threshold, sample.limit), known(sample, threshold.quantity)
        if reading is not None and level is not None and reaches(threshold.quantity, reading.value, level):
            excess = _excess(threshold.quantity, reading.value, level, sample)
            if excess is not None:
                excesses.append(excess)
    return max(excesses) if excesses else None


def _excess(quantity: Quantity, value: float, level: float, sample: Sample) -> Bytes | None:
    """What has to go for a value to be just below a level; None where it is worth no bytes that can be won back."""
    factor = _bytes_per_unit(quantity, sample)
    return None if factor is None else Bytes(math.floor((value - level) * factor) + 1)


def _bytes_per_unit(quantity: Quantity, sample: Sample) -> float | None:
    """What one unit of the quantity is worth in bytes that a ladder can win back; None where it is worth none."""
    if quantity is Quantity.MEMORY_USED:
        return None if sample.limit is None else float(sample.limit.bytes)
    return 1.0 if quantity.kind is Kind.BYTES and quantity not in _NOT_BYTES else None
