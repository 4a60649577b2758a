"""How does what the core found become an event?"""

from __future__ import annotations

from math import isfinite

from brimwatch.model import Change, Decision, Outcome, Reason, Sample, Tier, Verdict
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event, Fact
from brimwatch.record.wording import ENDINGS


def tier_changed(
    target: str,
    member: int | None,
    change: Change,
    sample: Sample,
    wall: float,
    held: float | None = None,
    artefact: str | None = None,
) -> Event:
    """A tier was entered (for any higher one) or left. `held`: seconds in the tier that is left.

    `artefact` is the path of the file with the evidence.
    """
    facts: dict[str, Fact] = {"before": change.before.label, "after": change.after.label}
    if change.because:
        facts["signals"] = ",".join(crossing.quantity.value for crossing in change.because)
    for crossing in change.because:
        ending = ENDINGS[crossing.quantity.kind]
        facts[crossing.quantity.value + ending] = crossing.value
        facts[f"{crossing.quantity.value}_threshold{ending}"] = crossing.threshold
    state: dict[str, float | None] = {
        "rss_bytes": sample.value(Quantity.RSS),
        "limit_bytes": None if sample.limit is None else sample.limit.bytes,
        "headroom_bytes": sample.headroom,
        "growth_bytes_per_second": sample.value(Quantity.GROWTH),
        "time_to_limit_seconds": sample.value(Quantity.TIME_TO_LIMIT),
        "held_seconds": held,
    }
    # A process that does not grow has an infinite time to its limit: nothing to tell, and no JSON number.
    facts |= {key: value for key, value in state.items() if value is not None and isfinite(value)}
    if sample.limit is not None:
        facts["limit_source"] = sample.limit.source
    if artefact is not None:
        facts["artefact"] = artefact
    name = Name.TIER_ENTERED if change.after > change.before else Name.TIER_LEFT
    return Event(name, wall, target, member, facts)


def rung_ended(target: str, member: int | None, outcome: Outcome, wall: float, rungs: int | None = None) -> Event:
    """A rung ran, failed, or was given up. `rungs` is the length of its ladder."""
    name = {
        Verdict.RUN: Name.ACTION_RAN,
        Verdict.FAILED: Name.ACTION_FAILED,
        Verdict.SUPPRESSED: Name.ACTION_SUPPRESSED,
    }[outcome.verdict]
    facts = _rung(outcome.action.name, outcome.tier, outcome.rung, rungs) | _why(outcome.reason, outcome.detail)
    if outcome.verdict is not Verdict.SUPPRESSED:
        facts["duration_seconds"] = outcome.duration
    if outcome.reclaimed is not None:
        facts["reclaimed_bytes"] = outcome.reclaimed
    if outcome.claimed is not None:
        facts["claimed_bytes"] = outcome.claimed
    return Event(name, wall, target, member, facts)


def rung_suppressed(
    target: str, member: int | None, decision: Decision, wall: float, rungs: int | None = None
) -> Event:
    """A rung was due and was not run; dry run lists the rungs that would have followed, a cooldown says how long."""
    facts = _rung(decision.action.name, decision.tier, decision.rung, rungs) | _why(decision.reason, "")
    if decision.rest:
        facts["rest"] = ",".join(decision.rest)
    if decision.until is not None and isfinite(decision.until):
        facts["wait_seconds"] = round(max(0.0, decision.until - decision.at), 3)
    return Event(Name.ACTION_SUPPRESSED, wall, target, member, facts)


def _rung(action: str, tier: Tier, rung: int, rungs: int | None) -> dict[str, Fact]:
    facts: dict[str, Fact] = {"action": action, "tier": tier.label, "rung": rung + 1}
    if rungs is not None and rung >= 0:
        facts["rungs"] = rungs
    return facts


def _why(reason: Reason | None, detail: str) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    if reason is not None:
        facts["reason"] = reason.value
    if detail:
        facts["detail"] = detail
    return facts
