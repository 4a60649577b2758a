"""What is told of rungs that a person asked for? The answer of `reclaim` and `drill`, ready to be written as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from brimwatch.model import Action, Outcome, Reason, Tier, Verdict
from brimwatch.record.sentences import REASONS
from brimwatch.record.shapes import Shape
from brimwatch.record.text import escaped, label


class Rehearsed(NamedTuple):
    """A rung that a drill only looks at: what it would do, and why it might not do it now."""

    action: Action
    rung: int  # from 0; -1 for a telling one
    would: str
    reason: Reason | None = None


class Worked(NamedTuple):
    """What became of one subject. `slot` is None where the target has one subject."""

    slot: int | None
    outcomes: Sequence[Outcome]
    rehearsed: Sequence[Rehearsed] = ()


class Report(NamedTuple):
    """What became of an order, over all subjects. `left_out`: actions of the tier that were not asked for."""

    target: str
    tier: Tier
    dry_run: bool
    worked: Sequence[Worked]
    left_out: Sequence[str] = ()


def report_shape(report: Report) -> Shape:
    """The whole answer. `reclaimed_bytes` is absent where nothing could be measured."""
    outcomes = [outcome for worked in report.worked for outcome in worked.outcomes]
    won = [outcome.reclaimed for outcome in outcomes if outcome.reclaimed is not None]
    shape: Shape = {
        "target": label(report.target),
        "tier": report.tier.label,
        "dry_run": report.dry_run,
        "ran": sum(outcome.verdict is Verdict.RUN for outcome in outcomes),
    }
    if won:
        shape["reclaimed_bytes"] = sum(won)
    return shape | {
        "left_out": [label(name) for name in report.left_out],
        "members": [_worked(worked) for worked in report.worked],
    }


def _worked(worked: Worked) -> Shape:
    rungs = [(outcome.rung, _outcome(outcome)) for outcome in worked.outcomes]
    rungs += [(one.rung, _rehearsed(one)) for one in worked.rehearsed]
    shape: Shape = {} if worked.slot is None else {"member": worked.slot}
    return shape | {"rungs": [rung for _, rung in sorted(rungs, key=lambda rung: rung[0])]}


def _outcome(outcome: Outcome) -> Shape:
    shape: Shape = {
        "action": label(outcome.action.name),
        "rung": outcome.rung + 1,
        "outcome": outcome.verdict.value,
        "duration_seconds": round(outcome.duration, 3),
    }
    if outcome.reclaimed is not None:
        shape["reclaimed_bytes"] = outcome.reclaimed
    if outcome.claimed is not None:
        shape["claimed_bytes"] = outcome.claimed
    shape |= _why(outcome.reason)
    return shape | {"detail": escaped(outcome.detail)} if outcome.detail else shape


def _rehearsed(one: Rehearsed) -> Shape:
    shape: Shape = {
        "action": label(one.action.name),
        "rung": one.rung + 1,
        "outcome": "rehearsed",
        "would": escaped(one.would),
        "allowed": one.reason is None,
    }
    return shape | _why(one.reason)


def _why(reason: Reason | None) -> Shape:
    return {} if reason is None else {"reason": reason.value, "meaning": REASONS[reason]}
