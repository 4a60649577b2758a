import math

import pytest

from brimwatch.core.resolve import absolute, known, leave_value, reaches
from brimwatch.model import Condition, Limit, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Bytes

GB = Limit(Bytes(10**9), "cgroup")


def rule(when: Threshold, leave: Threshold | None = None) -> TierRule:
    return TierRule(Tier.WARNING, Condition((when,)), None if leave is None else Condition((leave,)))


ABSOLUTE = {
    "a size is itself": (Threshold(Quantity.RSS, 100e6), GB, 100e6),
    "a size needs no limit": (Threshold(Quantity.RSS, 100e6), None, 100e6),
    "a percentage of bytes is of the effective limit": (Threshold(Quantity.WORKING_SET, 0.85, True), GB, 850e6),
    "a percentage moves with the limit": (Threshold(Quantity.RSS, 0.5, True), Limit(Bytes(2 * 10**9), "machine"), 1e9),
    "a percentage of an unknown limit is unknown": (Threshold(Quantity.RSS, 0.5, True), None, None),
    "a percentage of a limit of zero is unknown": (Threshold(Quantity.RSS, 0.5, True), Limit(Bytes(0), "cgroup"), None),
    "a percentage of a ratio is itself": (Threshold(Quantity.PRESSURE, 0.1), GB, 0.1),
    "a count is itself": (Threshold(Quantity.THREADS, 8.0), GB, 8.0),
}


@pytest.mark.parametrize(("threshold", "limit", "expected"), ABSOLUTE.values(), ids=ABSOLUTE)
def test_absolute(threshold: Threshold, limit: Limit | None, expected: float | None) -> None:
    assert expected == absolute(threshold, limit)


LEAVE = {
    "bytes are left below 90 % of enter": (rule(Threshold(Quantity.RSS, 100e6)), GB, 90e6),
    "90 % of a whole number of bytes is exact": (rule(Threshold(Quantity.RSS, 70.0)), GB, 63.0),
    "a percentage is left below 90 % of its bytes": (rule(Threshold(Quantity.RSS, 0.5, True)), GB, 450e6),
    "a ratio is left below 90 % of enter": (rule(Threshold(Quantity.MEMORY_USED, 0.5)), GB, 0.45),
    "a growth is left below 90 % of enter": (rule(Threshold(Quantity.GROWTH, 10e6)), GB, 9e6),
    "a time to the limit is left above enter / 0.9": (rule(Threshold(Quantity.TIME_TO_LIMIT, 18.0)), GB, 20.0),
    "a small count is left one below enter": (rule(Threshold(Quantity.THREADS, 8.0)), GB, 7.0),
    "at ten, one and 10 % are the same": (rule(Threshold(Quantity.FDS, 10.0)), GB, 9.0),
    "a large count is left 10 % below enter": (rule(Threshold(Quantity.PYTHON_OBJECTS, 50000.0)), GB, 45000.0),
    "an explicit leave replaces the derived one": (
        rule(Threshold(Quantity.RSS, 1e9), Threshold(Quantity.RSS, 8e8)),
        GB,
        8e8,
    ),
    "an explicit leave may be a percentage": (
        rule(Threshold(Quantity.RSS, 1e9), Threshold(Quantity.RSS, 0.6, True)),
        GB,
        600e6,
    ),
    "a leave for another quantity leaves this one derived": (
        rule(Threshold(Quantity.RSS, 100e6), Threshold(Quantity.WORKING_SET, 0.6, True)),
        GB,
        90e6,
    ),
    "a derived leave of an unknown limit is unknown": (rule(Threshold(Quantity.RSS, 0.5, True)), None, None),
    "an explicit leave of an unknown limit is unknown": (
        rule(Threshold(Quantity.RSS, 1e9), Threshold(Quantity.RSS, 0.6, True)),
        None,
        None,
    ),
}


@pytest.mark.parametrize(("tier", "limit", "expected"), LEAVE.values(), ids=LEAVE)
def test_leave_value(tier: TierRule, limit: Limit | None, expected: float | None) -> None:
    assert expected == leave_value(tier, tier.when.thresholds[0], limit)


KNOWN = {
    "a value measured now may be judged": (Quantity.RSS, Reading(5.0, 100.0), True),
    "a value three cadences old may be judged": (Quantity.PSS, Reading(5.0, 10.0, 30.0), True),
    "a value older than three cadences is missing": (Quantity.PSS, Reading(5.0, 9.9, 30.0), False),
    "a value measured after the look began may be judged": (Quantity.RSS, Reading(5.0, 100.1), True),
    "zero is a value": (Quantity.RSS, Reading(0.0, 100.0), True),
    "what is no number is missing": (Quantity.RSS, Reading(math.nan, 100.0), False),
    "an infinite size is missing": (Quantity.RSS, Reading(math.inf, 100.0), False),
    "a negative infinite size is missing": (Quantity.GROWTH, Reading(-math.inf, 100.0), False),
    "an infinite time to the limit says that nothing grows": (Quantity.TIME_TO_LIMIT, Reading(math.inf, 100.0), True),
    "a time to the limit that is no number is missing": (Quantity.TIME_TO_LIMIT, Reading(math.nan, 100.0), False),
    "a time infinitely ago is missing": (Quantity.TIME_TO_LIMIT, Reading(-math.inf, 100.0), False),
}


@pytest.mark.parametrize(("quantity", "reading", "expected"), KNOWN.values(), ids=KNOWN)
def test_known(quantity: Quantity, reading: Reading, expected: bool) -> None:
    assert (reading if expected else None) == known(Sample(100.0, {quantity: reading}), quantity)


def test_a_quantity_that_was_not_measured_is_missing() -> None:
    assert known(Sample(100.0, {Quantity.RSS: Reading(5.0, 100.0)}), Quantity.PSS) is None


REACHES = {
    "a value below does not reach": (Quantity.RSS, 99.0, False),
    "a value at the level reaches it": (Quantity.RSS, 100.0, True),
    "a value above reaches it": (Quantity.RSS, 101.0, True),
    "a time above its level does not reach": (Quantity.TIME_TO_LIMIT, 101.0, False),
    "a time at its level reaches it": (Quantity.TIME_TO_LIMIT, 100.0, True),
    "a time below its level reaches it": (Quantity.TIME_TO_LIMIT, 99.0, True),
}


@pytest.mark.parametrize(("quantity", "value", "expected"), REACHES.values(), ids=REACHES)
def test_reaches(quantity: Quantity, value: float, expected: bool) -> None:
    assert expected is reaches(quantity, value, 100.0)
