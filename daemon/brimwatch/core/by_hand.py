"""When is a rung that a person asked for over, and what did it achieve?

The target may be calm: there is no `leave` to fall below, so what a rung wins is measured at the end of its settling
time, or when its answer says that it is done. Does *not* cover which rungs may run (`gate`).
"""

from __future__ import annotations

from dataclasses import replace

from brimwatch.core.settle import GIVEN_UP, held_bytes, measured_since, settle, settle_until
from brimwatch.model import Action, Attempt, Firing, Outcome, Reason, Sample, Tier, TierRule, Verdict
from brimwatch.units import Bytes, Seconds


def begin(tier: Tier, rung: int, action: Action, sample: Sample) -> Firing:
    """The rung starts at `sample.at`; what is held then is what it is measured against."""
    return Firing(0, tier, rung, action, sample.at, held_bytes(sample))


def answered(firing: Firing, attempt: Attempt, sample: Sample) -> Firing:
    """The attempt is over; its effect has its settling time."""
    return replace(firing, attempt=attempt, settle_by=settle_until(attempt, firing.action.settle, sample, 0))


def ended(firing: Firing, sample: Sample, swap_matters: bool) -> Outcome | None:
    """The outcome, or None while it is still to be waited for."""
    attempt = firing.attempt
    if attempt is None:
        return None
    if attempt.verdict is Verdict.RUN and (
        sample.at < firing.settle_by or not measured_since(sample, attempt.ended, swap_matters)
    ):
        return None
    return settle(firing, sample)


def taken_over(
    firing: Firing, sample: Sample, reason: Reason = Reason.SUPERSEDED, ladder: Firing | None = None
) -> Outcome:
    """The target's own ladder begins (with `ladder`), or we stop: what came back until then counts, the rest does not.

    Bytes are credited once, to the later rung: what was held as that one began is the end of ours.
    """
    closed = settle(firing, sample)
    if closed.reclaimed is not None and firing.before is not None and ladder is not None and ladder.before is not None:
        closed = replace(closed, reclaimed=Bytes(firing.before - ladder.before))
    if firing.attempt is None:
        return replace(closed, verdict=Verdict.SUPPRESSED, reason=reason, detail=GIVEN_UP)
    return closed


def not_run(tier: Tier, rung: int, action: Action, reason: Reason, now: float, detail: str = "") -> Outcome:
    """A rung that was asked for and is not run."""
    return Outcome(
        tier, action, rung, Verdict.SUPPRESSED, now, started=now, duration=Seconds(0.0), reason=reason, detail=detail
    )


def cooperative(rule: TierRule) -> tuple[tuple[int, Action], ...]:
    """The rungs that ask the target, with their place on the ladder."""
    return tuple((index, action) for index, action in enumerate(rule.do) if action.cooperative)
