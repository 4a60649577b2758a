"""Can this look have changed where a calm subject stands? Mostly not, and then it need not be judged.

A tier that is calm keeps its state, to the last timer, through every look that meets none of its thresholds (`evaluate`
returns that state itself). So a subject whose tiers are all calm is judged by the lowest level of each quantity that
any of them names: below all of those nothing can have changed, whatever time has passed. Timers run in holding and
active tiers alone, and a subject with one of these is judged in full; so is a look that shows for the first time what
was never measured, since that is remembered.

What is answered here is what `evaluate`, `glance.way_to_tier` and `pace.next_gap` would answer, to the bit: a property
of the tests. Does *not* cover conditions under `all:`, whose subjects are judged in full at each look.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from brimwatch.core.evaluate import Judgement
from brimwatch.core.glance import glanced
from brimwatch.core.pace import WAYS
from brimwatch.core.phases import Phase
from brimwatch.core.resolve import PATIENCE, absolute, known
from brimwatch.model import Limit, Policy, Sample
from brimwatch.quantity import Quantity

_MOST = 256  # answers remembered: policies times limits times what was ever measured


class Floors(NamedTuple):
    """The levels that all tiers of a policy begin at, lowest first met; under one limit, in base units.

    `unmeasured` are quantities of which a threshold was never known. `paced`: some value that no glance sees shortens
    the gap to the next look.
    """

    policy: Policy
    limit: Limit | None
    rising: tuple[tuple[Quantity, float], ...]
    falling: tuple[tuple[Quantity, float], ...]
    unmeasured: tuple[Quantity, ...]
    ways: tuple[tuple[Quantity, float, float], ...]  # quantity, level, bytes in one unit of it
    paced: bool

    def keep(self, policy: Policy, sample: Sample) -> bool:
        """Whether a look at a subject that was calm under these leaves its judgement as it is."""
        if policy is not self.policy or sample.limit != self.limit:
            return False
        readings = sample.readings
        for quantity, level in self.rising:
            reading = readings.get(quantity)
            if reading is not None and reading.value >= level:
                return False
        for quantity, level in self.falling:
            reading = readings.get(quantity)
            if reading is not None and reading.value <= level:
                return False
        return not any(known(sample, quantity) is not None for quantity in self.unmeasured)

    def way(self, sample: Sample) -> float | None:
        """Bytes to the nearest tier by what a glance reads, of a look that keeps all; None where no tier goes by that.

        The nearest of all tiers is at the lowest level: a difference never falls where what is taken from rises.
        """
        readings, now, nearest = sample.readings, sample.at, math.inf
        for quantity, level, scale in self.ways:
            reading = readings.get(quantity)
            if reading is not None and now - reading.at <= PATIENCE * reading.cadence and math.isfinite(reading.value):
                nearest = min(nearest, (level - reading.value) * scale)
        return nearest if nearest < math.inf else None


_Key = tuple[int, Limit | None, tuple[int, ...]]  # identity of a policy, limit, what was ever measured by tier


class FloorBook:
    """The floors in use, each made once: subjects of one policy and limit share theirs."""

    def __init__(self) -> None:
        self._known: dict[_Key, tuple[Policy, Floors | None]] = {}  # the policy is held: its identity is not used again

    def of(self, policy: Policy, judgement: Judgement, sample: Sample) -> Floors | None:
        """What a subject that was just judged so goes by at its next look; None where that is to be judged in full."""
        states = judgement.states
        if any(state.phase is not Phase.CALM for state in states):
            return None
        key = (id(policy), sample.limit, tuple(state.measured for state in states))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            found = self._known[key] = policy, _floors(policy, judgement, sample)
        return found[1]


def _floors(policy: Policy, judgement: Judgement, sample: Sample) -> Floors | None:
    if any(rule.when.every for rule in policy.tiers):
        return None
    levels: dict[Quantity, float] = {}
    unmeasured: dict[Quantity, None] = {}
    for rule, state in zip(policy.tiers, judgement.states, strict=True):
        for bit, threshold in enumerate(rule.when.thresholds):
            level, quantity = absolute(threshold, sample.limit), threshold.quantity
            if level is None:
                continue  # a share of no limit is neither known nor met
            nearer = max if quantity.inverted else min
            levels[quantity] = nearer(levels.get(quantity, level), level)
            if not state.measured >> bit & 1:
                unmeasured[quantity] = None
    seen = glanced(sample)
    return Floors(
        policy,
        sample.limit,
        tuple((quantity, level) for quantity, level in levels.items() if not quantity.inverted),
        tuple((quantity, level) for quantity, level in levels.items() if quantity.inverted),
        tuple(unmeasured),
        tuple((one, level, _scale(one, sample.limit)) for one, level in levels.items() if one in seen),
        any(quantity in WAYS and quantity not in seen for quantity in levels),
    )


def _scale(quantity: Quantity, limit: Limit | None) -> float:
    return float(limit.bytes) if quantity is Quantity.MEMORY_USED and limit is not None else 1.0
