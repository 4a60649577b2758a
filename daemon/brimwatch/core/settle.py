"""What did a rung achieve? The difference of two measurements, never what anybody claimed.

Does *not* cover when to measure (the loop) nor what follows (`decide`).
"""

from __future__ import annotations

from dataclasses import replace

from brimwatch.model import Attempt, Decision, Firing, Outcome, Reason, Sample, Verdict
from brimwatch.quantity import Quantity
from brimwatch.units import Bytes, Seconds

SHORTEST_SETTLE = 0.05  # seconds: less than this a target cannot answer, whatever the forecast says
GIVEN_UP = "given up under way"  # the detail of a rung that was begun, and that something else took the place of
TOO_LATE = "given up under way: at the growth since it began the limit comes first"
SWAP_PATIENCE = 2.0  # seconds beyond the settling time that a fresh swap figure is waited for


def held_bytes(sample: Sample) -> Bytes | None:
    """What the subject holds: RSS + swap; for the host, memory in use. None where it was not measured.

    Swap counts, since a page that was only swapped out was not given back.
    """
    resident = sample.value(Quantity.RSS)
    if resident is not None:
        return Bytes(int(resident + (sample.value(Quantity.SWAP) or 0.0)))
    used = sample.value(Quantity.MEMORY_USED)
    if used is not None and sample.limit is not None:
        return Bytes(int(used * sample.limit.bytes))
    return None


def settle_until(attempt: Attempt, settle: Seconds, sample: Sample, rungs_left: int) -> float:
    """When (monotonic seconds) a rung that ran has had its time.

    An answer that says its work is done needs none. Else `settle`, shortened so that the rungs that are left all have
    their share of the time to the limit.
    """
    if attempt.settled or attempt.verdict is not Verdict.RUN:
        return attempt.ended
    forecast = sample.value(Quantity.TIME_TO_LIMIT)
    share = settle if forecast is None else min(settle, forecast / (rungs_left + 2))
    return attempt.ended + max(SHORTEST_SETTLE, share)


def measured_since(sample: Sample, moment: float, swap_matters: bool) -> bool:
    """Is what the subject holds known from after `moment`? Swap is asked only where the machine has any."""
    reading = sample.readings.get(Quantity.RSS) or sample.readings.get(Quantity.MEMORY_USED)
    if reading is None or reading.at < moment:
        return False
    swap = sample.readings.get(Quantity.SWAP)
    return not swap_matters or swap is None or swap.at >= moment or sample.at >= moment + SWAP_PATIENCE


def settle(firing: Firing, sample: Sample) -> Outcome:
    """Close the rung that `firing` stands on with the bytes that came back since it started (may be negative)."""
    attempt = firing.attempt
    after = held_bytes(sample)
    ran = attempt is None or attempt.verdict is Verdict.RUN
    known = ran and firing.before is not None and after is not None
    return Outcome(
        tier=firing.tier,
        action=firing.action,
        rung=firing.rung,
        verdict=Verdict.RUN if attempt is None else attempt.verdict,
        at=sample.at,
        started=firing.started,
        duration=Seconds((sample.at if ran or attempt is None else attempt.ended) - firing.started),
        reclaimed=Bytes(firing.before - after) if known and firing.before is not None and after is not None else None,
        claimed=None if attempt is None else attempt.claimed,
        reason=None if attempt is None else attempt.reason,
        detail="" if attempt is None else attempt.detail,
    )


def settle_late(firing: Firing, sample: Sample) -> Outcome:
    """Close a rung that has not answered, because the next one cannot wait any longer."""
    return replace(settle(firing, sample), verdict=Verdict.FAILED, reason=Reason.DEADLINE, detail=TOO_LATE)


def may_end(firing: Firing | None) -> bool:
    """Whether a rung that runs can be why its process is gone: a command or a forced signal does what it likes."""
    if firing is None:
        return False
    action = firing.action
    return action.ends_process or (not action.cooperative and action.kind in ("exec", "signal"))


def settle_gone(firing: Firing, now: float) -> Outcome:
    """Close the rung of a subject that is gone: what a rung that ends processes was to achieve, else a loss."""
    action = firing.action
    attempt = firing.attempt
    done = action.ends_process and (attempt is None or attempt.verdict is Verdict.RUN)
    return Outcome(
        tier=firing.tier,
        action=action,
        rung=firing.rung,
        verdict=Verdict.RUN if done else Verdict.FAILED,
        at=now,
        started=firing.started,
        duration=Seconds(now - firing.started),
        reclaimed=firing.before if done else None,
        claimed=None if attempt is None else attempt.claimed,
        reason=None if done else Reason.VANISHED,
        detail=attempt.detail if attempt is not None else "the process is gone",
    )


def settle_told(decision: Decision, attempt: Attempt) -> Outcome:
    """Close a telling rung: nothing is measured for it."""
    return Outcome(
        tier=decision.tier,
        action=decision.action,
        rung=decision.rung,
        verdict=attempt.verdict,
        at=attempt.ended,
        started=attempt.started,
        duration=Seconds(attempt.ended - attempt.started),
        reason=attempt.reason,
        detail=attempt.detail,
    )
