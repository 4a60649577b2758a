"""Looks with a figure or two, and rules on them, for the tests of the evaluation."""

from brimwatch.core.phases import Phase
from brimwatch.model import Condition, Limit, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.units import Bytes, Seconds

CALM, HOLDING, ACTIVE = Phase.CALM, Phase.HOLDING, Phase.ACTIVE
MB, LIMIT = 1e6, Limit(Bytes(10**9), "cgroup")
SECOND = Seconds(1.0)

Values = dict[Quantity, float | Reading]


def look(at: float, values: Values, partial: bool = False, limit: Limit | None = LIMIT) -> Sample:
    readings = {
        quantity: value if isinstance(value, Reading) else Reading(value, at) for quantity, value in values.items()
    }
    return Sample(at, readings, limit, partial=partial)


def rss(at: float, megabytes: float) -> Sample:
    return look(at, {Quantity.RSS: megabytes * MB})


def partial(at: float, megabytes: float) -> Sample:
    return look(at, {Quantity.RSS: megabytes * MB}, partial=True)


def nothing(at: float) -> Sample:
    return look(at, {})


def pss(at: float, megabytes: float, measured: float, cadence: float) -> Sample:
    return look(at, {Quantity.PSS: Reading(megabytes * MB, measured, cadence)})


def both(at: float, megabytes: float, threads: float) -> Sample:
    return look(at, {Quantity.RSS: megabytes * MB, Quantity.THREADS: threads})


RSS = Threshold(Quantity.RSS, 100 * MB)
PSS = Threshold(Quantity.PSS, 100 * MB)
THREADS = Threshold(Quantity.THREADS, 8.0)
SIMPLE = TierRule(Tier.WARNING, Condition((RSS,)))
ANY = TierRule(Tier.WARNING, Condition((RSS, THREADS)))
EVERY = TierRule(Tier.WARNING, Condition((RSS, THREADS), every=True))
