"""Which number, in the quantity's base unit, does a threshold stand for right now, and does a value reach it?

A percentage of bytes moves with the effective limit; a limit that is not known makes the threshold unknown.
"""

from __future__ import annotations

import math

from brimwatch.model import Limit, Reading, Sample, Threshold, TierRule
from brimwatch.quantity import Kind, Quantity

PATIENCE = 3  # cadences after which a value that did not come again is missing

# Sets, because a property that compares enum members costs three times as much at each look.
_COUNTS = frozenset(quantity for quantity in Quantity if quantity.kind is Kind.COUNT)
_INVERTED = frozenset(quantity for quantity in Quantity if quantity.inverted)


def absolute(threshold: Threshold, limit: Limit | None) -> float | None:
    """The threshold in its quantity's base unit; None where it is a share of a limit that is not known.

    A limit of 0 is no limit to take a share of: everything would be above it.
    """
    if not threshold.relative:
        return threshold.value
    if limit is None or limit.bytes <= 0:
        return None
    return threshold.value * limit.bytes


def leave_value(rule: TierRule, threshold: Threshold, limit: Limit | None) -> float | None:
    """Below which value (inverted quantities: above) this threshold of `when` no longer keeps the tier.

    An explicit `leave` of the same quantity replaces the derived one: 90 % of enter, 1/0.9 of an inverted one, and for
    counts one less at least, so that a tier at 8 threads is left at 6 and never flaps between 8 and 7.
    """
    if rule.leave is not None:
        for explicit in rule.leave.thresholds:
            if explicit.quantity is threshold.quantity:
                return absolute(explicit, limit)
    enter = absolute(threshold, limit)
    if enter is None:
        return None
    if threshold.quantity in _INVERTED:
        return enter * 10 / 9
    if threshold.quantity in _COUNTS:
        return enter - max(1.0, enter / 10)
    return enter * 9 / 10  # not 0.9 *: a whole number of bytes stays exact


def known(sample: Sample, quantity: Quantity) -> Reading | None:
    """The reading, if it may be judged: measured, a number, and not older than three of its cadences.

    An infinite time to the limit is a measurement (nothing grows); any other infinity is a fault of its source.
    """
    reading = sample.readings.get(quantity)
    if reading is None or sample.at - reading.at > PATIENCE * reading.cadence:
        return None
    if math.isfinite(reading.value) or (reading.value == math.inf and quantity in _INVERTED):
        return reading
    return None


def reaches(quantity: Quantity, value: float, level: float) -> bool:
    """True at or above the level; for an inverted quantity at or below it."""
    return value <= level if quantity in _INVERTED else value >= level
