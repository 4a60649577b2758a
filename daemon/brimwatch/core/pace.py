"""When is a subject to be looked at again, and may a deep look be paid for?

The way to a tier that is not active yet, divided by the fastest growth to be reckoned with: twice what was seen; and,
since what was never seen can still come, one that covers 40 % of the threshold within an `interval`, at most 2 GB/s (a
thread of a C program was measured to fault in 2.6 to 2.8 GB/s; with 2 GB/s a handler ran 3 ms after the crossing).

So a target at rest 40 % below its tier costs one look in each `interval`, and one 5 MB below a tier at 250 MB,
reckoned at 100 MB/s, a look each 50 ms. Growth that was never seen asks for at most 50 looks a second, about 0.1 % of
a core; only growth that was seen goes down to 2 ms.

Where all tiers are active the way to the cgroup's limit is kept pace with in the same way.

Where glances are taken (`core.glance`) the ways that they watch are left to them: a look is due each `interval`.

Does not cover: what wakes the loop sooner (pressure, OOM events), or the cadence of slow reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from brimwatch.core.evaluate import Judgement, TierState
from brimwatch.core.phases import Phase
from brimwatch.core.resolve import absolute, known
from brimwatch.model import Policy, Sample, Threshold, TierRule
from brimwatch.quantity import Kind, Quantity
from brimwatch.units import Seconds

SHORTEST = 0.002  # seconds
RESTING = 0.02  # seconds; the shortest that growth which was never seen asks for
FIRING = 0.05  # seconds; while a rung runs, its effect is waited for
_RESTING_SHARE = 0.4  # of a threshold: so far below it, one look in an interval is enough
_FASTEST_UNSEEN = 2e9  # bytes per second
MARGIN = 2.0  # growth may double before the next look
WAYS = frozenset(quantity for quantity in Quantity if quantity.kind is Kind.BYTES) | {Quantity.MEMORY_USED}


def next_gap(
    policy: Policy,
    judgement: Judgement | None,
    sample: Sample,
    fastest: float,
    interval: Seconds,
    firing: bool,
    glanced: frozenset[Quantity] = frozenset(),
) -> Seconds:
    """Seconds until the next look: between 2 ms and `interval`, or `interval` where nothing asks for less.

    `fastest` is the fastest growth seen, in bytes per second; `firing` says that a rung runs. A holding tier is looked
    at when its hold ends and when its next reading counts. Only what is measured at each look shortens the gap: looking
    sooner at a slow value shows the same number. `glanced` are quantities whose rise is seen between looks.
    """
    gap = min(interval, FIRING) if firing else interval
    for index, rule in enumerate(policy.tiers):
        state = None if judgement is None else judgement.states[index]
        if state is not None and state.phase is Phase.ACTIVE:
            continue
        gap = min(gap, _to_enter(rule, sample, fastest, interval, glanced))
        if state is not None and state.phase is Phase.HOLDING:
            gap = min(gap, _to_hold(rule, state, sample.at, interval))
    return _bounded(min(gap, _to_limit(sample, fastest, interval)), interval)


def resting_gap(sample: Sample, fastest: float, interval: Seconds) -> Seconds:
    """The same where no rung runs, no tier is held, and glances see all the bytes that tiers go by."""
    return _bounded(_to_limit(sample, fastest, interval), interval)


def _bounded(gap: float, interval: Seconds) -> Seconds:
    return Seconds(min(interval, max(SHORTEST, gap)))


def _to_limit(sample: Sample, fastest: float, interval: Seconds) -> float:
    """The soonest that its cgroup's limit could be hit by growth that was seen: the last looks before a kill tell most.

    Nothing is to be decided there, so `RESTING` is short enough.
    """
    if fastest <= 0 or sample.headroom is None or sample.limit is None or sample.limit.source != "cgroup":
        return interval
    return max(RESTING, sample.headroom / (MARGIN * fastest))


def _to_enter(rule: TierRule, sample: Sample, fastest: float, interval: Seconds, glanced: frozenset[Quantity]) -> float:
    """The soonest that byte thresholds could enter the tier: any one of them, or (`every`) the last one."""
    every, gaps = rule.when.every, []
    for threshold in rule.when.thresholds:
        quantity = threshold.quantity
        if quantity not in WAYS or (quantity in glanced and not every):
            continue
        gap = _to_cross(threshold, sample, fastest, interval)
        if gap is not None:
            gaps.append(interval if quantity in glanced else gap)
    if not gaps:
        return interval
    return max(gaps) if every else min(gaps)


def _to_cross(threshold: Threshold, sample: Sample, fastest: float, interval: Seconds) -> float | None:
    """The soonest that the value could reach the threshold; None where that cannot be told, or it is there already."""
    reading = known(sample, threshold.quantity)
    level = absolute(threshold, sample.limit)
    if reading is None or level is None or (reading.at < sample.at and reading.cadence > interval):
        return None
    if threshold.quantity is Quantity.MEMORY_USED:
        scale = 0.0 if sample.limit is None else float(sample.limit.bytes)
        if not scale:
            return None
    else:
        scale = 1.0
    way = (level - reading.value) * scale
    if way <= 0:
        return None
    unseen = min(_FASTEST_UNSEEN, level * scale * _RESTING_SHARE / interval)
    gap = max(RESTING, way / unseen)
    return min(gap, way / (MARGIN * fastest)) if fastest > 0 else gap


def _to_hold(rule: TierRule, state: TierState, now: float, interval: Seconds) -> float:
    """The soonest that `for` or the next of `readings` can be complete; `interval` where both only wait for a value."""
    soonest = float(interval)
    if state.met_since is not None and state.met_since + rule.hold > now:
        soonest = min(soonest, state.met_since + rule.hold - now)
    if state.counted_at is not None and state.readings < rule.readings and state.counted_at + interval > now:
        soonest = min(soonest, state.counted_at + interval - now)
    return soonest


@dataclass(frozen=True, slots=True)
class Allowance:
    """CPU time that deep looks may use: `share` of one core, saved up for at most `burst` seconds of CPU time.

    What a look costs is known only afterwards: one is granted while the balance is not negative, a debt is waited off.
    """

    share: float
    burst: Seconds
    balance: Seconds = Seconds(0.0)
    at: float = 0.0

    def refilled(self, now: float) -> Allowance:
        """The same at a later time."""
        earned = max(0.0, now - self.at) * self.share
        return replace(self, balance=Seconds(min(self.burst, self.balance + earned)), at=max(now, self.at))

    def grants(self, expected: Seconds = Seconds(0.0)) -> bool:
        """Whether a look expected to cost so many CPU seconds may run; one dearer than `burst` needs a full balance."""
        return self.balance >= min(expected, self.burst)

    def charged(self, cost: Seconds) -> Allowance:
        """The same after a look that cost so many CPU seconds, its own or the subprocess's."""
        return replace(self, balance=Seconds(self.balance - cost))
