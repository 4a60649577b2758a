"""Which tier is a subject in after this look, and did that change?

`evaluate` judges tiers; the functions before it answer single questions about a condition, for the ladder.

Three answers everywhere: True, False, and None for "cannot be told", which neither fires nor clears:
- any-of: met if one known part is met; not met only if every part is known and not met. `all:` the other way round.
- A part that was never measured keeps no tier alive: a Go program has no Python objects to wait for. One that was
  measured once and is missing now does.
- A sum that misses a member is a lower bound: what it reaches is reached, what it does not reach cannot be told.

Does not cover: what an entry sets going (`decide`), or when to look again (`pace`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from brimwatch.core.phases import Phase, Seen, step
from brimwatch.core.resolve import PATIENCE, absolute, known, leave_value, reaches
from brimwatch.model import Change, Condition, Crossing, Policy, Reading, Sample, Tier, TierRule
from brimwatch.units import Seconds

_ROUNDING = 1e-9  # seconds: 0.1 + 0.2 s held is 0.3 s held


@dataclass(frozen=True, slots=True)
class TierState:
    """Where one tier stands. Times are those of the measurements (`Reading.at`), not of the looks.

    A value that is only repeated is no new evidence: neither `for` nor `readings` advances before it is measured again.
    """

    phase: Phase = Phase.CALM
    met_since: float | None = None  # moved on by the time in which the value was missing
    readings: int = 0
    counted_at: float | None = None  # the newest measurement in `readings`
    last_known: float | None = None  # the newest measurement that met the condition
    cadence: float = 0.0  # of that measurement
    missed: bool = False  # a look since `last_known` could not tell
    measured: int = 0  # bit n: the nth threshold of `when` was known once


@dataclass(frozen=True, slots=True)
class Judgement:
    """Where all tiers of one subject stand; `tier` is the highest active one."""

    states: tuple[TierState, ...]
    tier: Tier
    first_seen: float


_FRESH = TierState()


def _verdict(parts: int, yes: int, needed: int, every: bool, partial: bool) -> bool | None:
    """Weigh a condition's parts, given as bits: those known, those that say yes, those that may not be missing."""
    if not parts:
        return None
    if every:
        if parts & ~yes:
            return None if partial else False
        return None if needed & ~parts else True
    if yes:
        return True
    return None if partial or needed & ~parts else False


def _met_parts(condition: Condition, sample: Sample) -> tuple[int, int]:
    """The thresholds that are known and, of these, the ones that are met, as bits."""
    parts = yes = 0
    bit = 1
    for threshold in condition.thresholds:
        level = absolute(threshold, sample.limit)
        reading = known(sample, threshold.quantity)
        if reading is not None and level is not None:
            parts |= bit
            if reaches(threshold.quantity, reading.value, level):
                yes |= bit
        bit <<= 1
    return parts, yes


def _kept_parts(rule: TierRule, sample: Sample) -> tuple[int, int]:
    """The thresholds that are known and, of these, the ones that are not below their leave, as bits."""
    parts = yes = 0
    bit = 1
    for threshold in rule.when.thresholds:
        leave = leave_value(rule, threshold, sample.limit)
        reading = known(sample, threshold.quantity)
        if reading is not None and leave is not None:
            parts |= bit
            if reaches(threshold.quantity, reading.value, leave):
                yes |= bit
        bit <<= 1
    return parts, yes


def _all_parts(condition: Condition) -> int:
    return (1 << len(condition.thresholds)) - 1


def meets(condition: Condition, sample: Sample) -> bool | None:
    """Whether a condition holds now: any one threshold is enough, or (`every`) all are needed. None: cannot be told."""
    parts, yes = _met_parts(condition, sample)
    return _verdict(parts, yes, _all_parts(condition), condition.every, sample.partial)


def meets_measured(condition: Condition, sample: Sample) -> bool:
    """Whether a condition holds on what is measured alone: forecasts are left out, and what cannot be told is False."""
    measured = tuple(threshold for threshold in condition.thresholds if not threshold.quantity.predicted)
    return meets(Condition(measured, condition.every), sample) is True


def goal_reached(goal: Condition, sample: Sample) -> bool:
    """True once every threshold of the goal is known and the value below it (inverted: above it)."""
    return meets(Condition(goal.thresholds), sample) is False


def above_leave(rule: TierRule, sample: Sample, state: TierState | None = None) -> bool | None:
    """Whether the tier is still to be kept; None: cannot be told.

    With the subject's `state` of this tier, a part that was never measured counts for nothing; without, it is missing.
    A tier that would be entered again at once is not left, whatever `leave` says.
    """
    parts, yes = _kept_parts(rule, sample)
    needed = _all_parts(rule.when) if state is None or rule.when.every else state.measured | parts
    kept = _verdict(parts, yes, needed, rule.when.every, sample.partial)
    return True if kept is False and meets(rule.when, sample) else kept


def crossings(rule: TierRule, sample: Sample) -> tuple[Crossing, ...]:
    """Which thresholds of the tier are met now, in the order they are written."""
    return tuple(
        Crossing(threshold.quantity, reading.value, level)
        for threshold in rule.when.thresholds
        if (level := absolute(threshold, sample.limit)) is not None
        and (reading := known(sample, threshold.quantity)) is not None
        and reaches(threshold.quantity, reading.value, level)
    )


def _evidence(condition: Condition, sample: Sample) -> Reading:
    """The measurement that dates a met condition: the newest that meets it, or (`every`) the oldest that is needed."""
    met = [
        reading
        for threshold in condition.thresholds
        if (level := absolute(threshold, sample.limit)) is not None
        and (reading := known(sample, threshold.quantity)) is not None
        and reaches(threshold.quantity, reading.value, level)
    ]
    return (min if condition.every else max)(met, key=lambda reading: reading.at)


def _advance(state: TierState, found: Reading, interval: Seconds) -> TierState:
    """The timers of a tier whose condition is met, `found` being the measurement that says so."""
    at, before = found.at, state.last_known
    patience = PATIENCE * max(found.cadence, state.cadence, interval)
    if before is None or state.met_since is None or at - before > patience:
        return TierState(state.phase, at, 1, at, at, found.cadence, measured=state.measured)
    if at <= before:
        return state
    counts = state.counted_at is None or at - state.counted_at >= interval - _ROUNDING
    return replace(
        state,
        met_since=state.met_since + (at - before) if state.missed else state.met_since,
        readings=state.readings + counts,
        counted_at=at if counts else state.counted_at,
        last_known=at,
        cadence=found.cadence,
        missed=False,
    )


def _complete(rule: TierRule, state: TierState) -> bool:
    """Whether the condition was met for as long and as often as the rule asks."""
    if state.last_known is None or state.met_since is None:
        return False
    return state.last_known - state.met_since >= rule.hold - _ROUNDING and state.readings >= rule.readings


def _measured(state: TierState, parts: int) -> TierState:
    """The state with the thresholds that are known now counted among those that ever were."""
    return state if not parts & ~state.measured else replace(state, measured=state.measured | parts)


def _judge_active(rule: TierRule, state: TierState, sample: Sample) -> TierState:
    state = _measured(state, _kept_parts(rule, sample)[0])
    kept = above_leave(rule, sample, state)
    phase = step(state.phase, Seen.MISSING if kept is None else Seen.BETWEEN if kept else Seen.BELOW)
    return state if phase is state.phase else TierState(phase, measured=state.measured)


def _judge_inactive(rule: TierRule, state: TierState, sample: Sample, interval: Seconds, first: bool) -> TierState:
    parts, yes = _met_parts(rule.when, sample)
    state = _measured(state, parts)
    needed = _all_parts(rule.when) if rule.when.every else state.measured
    met = _verdict(parts, yes, needed, rule.when.every, sample.partial)
    if met:
        return _held_longer(rule, state, sample, interval, first)
    if state.phase is Phase.CALM:
        return state  # neither "between" nor "below", "missing" nor "lost" moves it: no need to find out which
    if met is False:
        return TierState(step(state.phase, Seen.BELOW), measured=state.measured)  # "between" would do the same
    patience = PATIENCE * max(state.cadence, interval)
    if state.last_known is not None and sample.at - state.last_known > patience:
        return TierState(step(state.phase, Seen.LOST), measured=state.measured)
    return state if state.missed else replace(state, phase=step(state.phase, Seen.MISSING), missed=True)


def _held_longer(rule: TierRule, state: TierState, sample: Sample, interval: Seconds, first: bool) -> TierState:
    state = _advance(state, _evidence(rule.when, sample), interval)
    if first and state.met_since is not None:
        state = replace(state, met_since=state.met_since - rule.hold)  # it may have been above for ages
    phase = step(state.phase, Seen.HELD if _complete(rule, state) else Seen.MET)
    return state if phase is state.phase else replace(state, phase=phase)


def evaluate(
    policy: Policy, before: Judgement | None, sample: Sample, interval: Seconds
) -> tuple[Judgement, Change | None]:
    """Judge one sample; now is `sample.at`, `interval` the least distance (seconds) between two `readings`.

    `before` is None when the subject is first seen: then what is already met skips `for`. Raises ValueError where
    `before` belongs to a policy with another number of tiers (see `carry`).
    """
    first = before is None
    was = (_FRESH,) * len(policy.tiers) if before is None else before.states
    states = []
    entered: TierRule | None = None
    for rule, state in zip(policy.tiers, was, strict=True):
        if state.phase is Phase.ACTIVE:
            state = _judge_active(rule, state, sample)
        else:
            state = _judge_inactive(rule, state, sample, interval, first)
        if state.phase is Phase.ACTIVE and (entered is None or rule.tier > entered.tier):
            entered = rule
        states.append(state)
    tier = Tier.CALM if entered is None else entered.tier
    old = Tier.CALM if before is None else before.tier
    judgement = Judgement(tuple(states), tier, sample.at if before is None else before.first_seen)
    if tier is old:
        return judgement, None
    because = crossings(entered, sample) if entered is not None and tier > old else ()
    return judgement, Change(old, tier, sample.at, because)


def carry(before: Judgement, old: Policy, new: Policy) -> Judgement:
    """What is left of a judgement after a reload: an unchanged tier keeps its state, any other starts with zero timers.

    Where an active tier was changed, the result's `tier` is lower without a Change: compare it with `before.tier`.
    """
    kept = {rule.tier: (rule, state) for rule, state in zip(old.tiers, before.states, strict=True)}
    states = []
    for rule in new.tiers:
        was, state = kept.get(rule.tier, (None, _FRESH))
        states.append(state if was == rule else _FRESH)
    active = [rule.tier for rule, state in zip(new.tiers, states, strict=True) if state.phase is Phase.ACTIVE]
    return Judgement(tuple(states), max(active, default=Tier.CALM), before.first_seen)
