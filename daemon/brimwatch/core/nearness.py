"""What came a tier closest to being entered? The answer for a tier that never was."""

from __future__ import annotations

from typing import NamedTuple

from brimwatch.core.resolve import absolute, known
from brimwatch.model import Policy, Sample, Threshold, Tier, TierRule


class Approach(NamedTuple):
    """The nearest look: a value beside its threshold, both in the quantity's base unit. `ratio` 1: it was reached."""

    ratio: float
    threshold: Threshold
    value: float
    level: float
    at: float
    limit: float | None = None  # bytes: what a relative threshold is a share of


class Nearness:
    """The nearest approach to each tier of one subject's policy."""

    def __init__(self) -> None:
        self.closest: dict[Tier, Approach] = {}

    def look(self, policy: Policy, sample: Sample) -> None:
        """Take one look into account."""
        for rule in policy.tiers:
            found = _approach(rule, sample)
            known_yet = self.closest.get(rule.tier)
            if found is not None and (known_yet is None or found.ratio > known_yet.ratio):
                self.closest[rule.tier] = found


def _approach(rule: TierRule, sample: Sample) -> Approach | None:
    """How near: of any one threshold the nearest; under `all:` the farthest, as it is the one that is missing."""
    near = []
    for threshold in rule.when.thresholds:
        reading, level = known(sample, threshold.quantity), absolute(threshold, sample.limit)
        if reading is None or level is None or level <= 0:
            continue
        if threshold.quantity.inverted:
            ratio = level / reading.value if reading.value > 0 else float("inf")
        else:
            ratio = reading.value / level
        limit = None if sample.limit is None else float(sample.limit.bytes)
        near.append(Approach(ratio, threshold, reading.value, level, sample.at, limit))
    if not near or (rule.when.every and len(near) < len(rule.when.thresholds)):
        return None
    return (min if rule.when.every else max)(near, key=lambda one: one.ratio)
