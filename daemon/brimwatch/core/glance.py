"""When is a glance due, and when does it become a look? A glance is one reading of a size, judged by nobody.

Between two looks a glance asks one thing: has what the tiers go by risen? Only where it has, by a quarter of the way to
the next tier, does a look follow. A glance costs 5 us, a look 70 us: so growth that was never seen can be reckoned
with everywhere, 1.5 GB/s at any time. What begins to grow at 1 GB/s just after a glance is seen with a third of its
way left. Seen growth may double before the next glance, as it may before a look (`core.pace`).

Does not cover: values that no glance reads (the machine's, address space, counts, slow ones); `core.pace` alone does.
"""

from __future__ import annotations

from brimwatch.core.evaluate import Judgement
from brimwatch.core.pace import MARGIN, SHORTEST
from brimwatch.core.phases import Phase
from brimwatch.core.resolve import absolute, known
from brimwatch.model import Policy, Sample, Threshold, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Seconds

GLANCED = frozenset({Quantity.RSS, Quantity.ANON, Quantity.WORKING_SET})  # what a glance sees rise
_IN_CGROUP = GLANCED | {Quantity.MEMORY_USED}
UNSEEN = 1.5e9  # bytes per second that any target may begin to grow at
QUIET = 0.02  # seconds; the shortest that growth which was not seen asks for
ALERT = 0.25  # seconds after a rise in which glances go down to 2 ms, however slow the growth seems
SHARE = 0.25  # of the way: a rise beyond it is worth a look
MOST = 1000.0  # glances a second, for all targets together, at what has never grown: half a percent of a core


def glanced(sample: Sample) -> frozenset[Quantity]:
    """The quantities whose rise a glance at this subject sees."""
    return _IN_CGROUP if sample.limit is not None and sample.limit.source == "cgroup" else GLANCED


def way_to_tier(policy: Policy, judgement: Judgement | None, sample: Sample) -> float | None:
    """Bytes to the nearest tier that is not active, by what a glance reads; None where no tier goes by that."""
    seen, nearest = glanced(sample), None
    for index, rule in enumerate(policy.tiers):
        if judgement is None or judgement.states[index].phase is not Phase.ACTIVE:
            way = _to_enter(rule, sample, seen)
            if way is not None and (nearest is None or way < nearest):
                nearest = way
    return nearest


def glance_gap(way: float, fastest: float, alert: bool, stretch: float = 1.0) -> Seconds:
    """Seconds until the next glance: `way` in bytes, `fastest` seen in bytes per second.

    `alert`: it has just risen. `stretch`, at least 1, is by how much glances at what never grew are made rarer where
    many targets are near a tier.
    """
    unseen = max(SHORTEST, way / UNSEEN) if alert else max(QUIET, way / UNSEEN) * stretch
    seen = max(SHORTEST, way / (MARGIN * fastest)) if fastest > 0 else unseen
    return Seconds(min(unseen, seen))


def asks_for_look(rise: float, way: float) -> bool:
    """Whether a rise since the last look is worth a look; both in bytes."""
    return rise >= SHARE * way


def _to_enter(rule: TierRule, sample: Sample, seen: frozenset[Quantity]) -> float | None:
    ways = [
        way
        for threshold in rule.when.thresholds
        if threshold.quantity in seen and (way := _to_cross(threshold, sample)) is not None
    ]
    if not ways:
        return None
    return max(ways) if rule.when.every else min(ways)


def _to_cross(threshold: Threshold, sample: Sample) -> float | None:
    reading, level = known(sample, threshold.quantity), absolute(threshold, sample.limit)
    if reading is None or level is None:
        return None
    way = level - reading.value
    if threshold.quantity is Quantity.MEMORY_USED and sample.limit is not None:
        way *= sample.limit.bytes
    return way if way > 0 else None
