"""Which tiers and which limit does an observed history ask for, and would they have raised alarms on it?

The highest peak bounds what the target is known to need: critical and emergency stand above it, and the limit a quarter
above it. A warning stands above the usual peaks, so that a peak beyond them is told. Nothing is proposed from too short
a history; where the floor rises, no limit holds for long, and that is said.

Does *not* cover what is to be done in a tier: that depends on the program.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from brimwatch.core.envelope import Envelope
from brimwatch.core.evaluate import Judgement, evaluate
from brimwatch.core.forecast import Slope, median, slope
from brimwatch.model import Condition, Policy, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Bytes, Seconds

SHORTEST = Seconds(120.0)  # of history that says anything at all
FEWEST = 30  # looks
ENOUGH = Seconds(86400.0)  # with less, the day's rhythm was not seen
HOLD = Seconds(10.0)  # that a warning must last
LIMIT_MARGIN = 1.25  # as the metric brimwatch_target_recommended_limit_bytes has it
_USUAL = 0.95  # of the slots peak below what is called usual
_SLOTS = 60
_LEAK_SLOTS = 12
_LEAK_SHARE = 0.05  # of the floor: a rise below it over the whole history is none
_CADENCE = 5.0  # seconds; rows of the past are as far apart


class Proposal(NamedTuple):
    """Levels in bytes. `floor` is the median of the lows over time, `lowest` the least of all.

    `alarms`: how often each tier would have been entered; `leak`: the growth of the floor.
    """

    signal: Quantity
    span: Seconds
    looks: int
    subjects: int
    lowest: Bytes
    floor: Bytes
    usual: Bytes
    highest: Bytes
    policy: Policy
    limit: Bytes
    alarms: dict[Tier, int]
    leak: Slope | None = None


class TooLittle(NamedTuple):
    """Why nothing is proposed: the history is shorter, or has fewer looks, than `SHORTEST` and `FEWEST` ask for."""

    span: Seconds
    looks: int


def propose(name: str, signal: Quantity, subjects: Sequence[Envelope]) -> Proposal | TooLittle:
    """Tiers on `signal` (bytes) for a target whose subjects' histories are given; `name` is the policy's."""
    known = [one for one in subjects if one.looks]
    longest = max((one.span for one in known), default=0.0)
    looks = max((one.looks for one in known), default=0)
    if longest < SHORTEST or looks < FEWEST:
        return TooLittle(Seconds(longest), looks)
    slots = [slot for one in known for slot in one.coarse(_SLOTS)]
    peaks = sorted(slot.high for slot in slots)
    highest, floor = peaks[-1], median(slot.low for slot in slots)
    usual = peaks[min(len(peaks) - 1, math.ceil(_USUAL * len(peaks)) - 1)]
    policy = _policy(name, signal, usual, highest)
    return Proposal(
        signal=signal,
        span=Seconds(longest),
        looks=sum(one.looks for one in known),
        subjects=len(known),
        lowest=Bytes(int(min(slot.low for slot in slots))),
        floor=Bytes(int(floor)),
        usual=Bytes(int(usual)),
        highest=Bytes(int(highest)),
        policy=policy,
        limit=rounded(highest * LIMIT_MARGIN),
        alarms=_alarms(policy, signal, known),
        leak=max((found for one in known if (found := leak(one)) is not None), default=None),
    )


def leak(history: Envelope) -> Slope | None:
    """The growth of the floor, bytes per second, where it rises beyond doubt; a warm-up that flattens is none."""
    if history.span < SHORTEST:
        return None
    floors = [((slot.low_at), slot.low) for slot in history.coarse(_LEAK_SLOTS)]
    found = slope(floors)
    if found is None or found.low <= 0:
        return None
    rise = found.low * history.span
    return found if rise >= _LEAK_SHARE * max(1.0, median(low for _, low in floors)) else None


def rounded(value: float) -> Bytes:
    """Up to three significant digits in powers of 1000: what a person writes into a file."""
    if value < 1000:
        return Bytes(1000)
    step = 10 ** (len(str(int(value))) - 3)
    return Bytes(math.ceil(value / step) * step)


def _policy(name: str, signal: Quantity, usual: float, highest: float) -> Policy:
    warning = rounded(min(usual * 1.10, highest * 1.05))
    critical, emergency = rounded(highest * 1.10), rounded(highest * 1.20)
    calm = min(rounded(usual * 1.02), warning)

    def rule(tier: Tier, enter: float, leave: float, hold: Seconds = Seconds(0.0)) -> TierRule:
        return TierRule(tier, _at(signal, enter), _at(signal, leave), hold)

    tiers = (
        rule(Tier.WARNING, warning, calm, HOLD),
        rule(Tier.CRITICAL, critical, warning),
        rule(Tier.EMERGENCY, emergency, critical),
    )
    return Policy(name, tiers)


def _at(signal: Quantity, level: float) -> Condition:
    return Condition((Threshold(signal, float(level)),))


def _alarms(policy: Policy, signal: Quantity, subjects: Sequence[Envelope]) -> dict[Tier, int]:
    """How often each tier would have been entered, judged as the daemon judges."""
    counted = {rule.tier: 0 for rule in policy.tiers}
    for one in subjects:
        judgement: Judgement | None = None
        points = one.points()
        gaps = [later[0] - earlier[0] for earlier, later in pairwise(points)]
        cadence = max(_CADENCE, 2 * median(gaps)) if gaps else _CADENCE
        for at, value in points:
            sample = Sample(at, {signal: Reading(value, at, cadence)})
            judgement, change = evaluate(policy, judgement, sample, Seconds(1.0))
            if change is not None and change.after > change.before:
                counted[change.after] += 1
    return counted
