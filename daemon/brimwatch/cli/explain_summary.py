"""What came of a replay, all in all? Tiers entered, rungs run and refused, bytes won back, what was never reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from brimwatch.core.nearness import Approach
from brimwatch.core.replay import Replay
from brimwatch.core.replayed import Happening
from brimwatch.model import Change, Decision, Tier, Verdict
from brimwatch.record.text import escaped
from brimwatch.record.wording import ENDINGS, show
from brimwatch.units import format_bytes, format_ratio


class Summary:
    """One target's account, of one tier (`only`, its label) or of all. `stood`: who was in a tier from the start."""

    def __init__(self, only: str | None = None) -> None:
        self.only = only
        self.stood: Counter[Tier] = Counter()
        self.entered: Counter[Tier] = Counter()
        self.ran: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.reclaimed = 0

    def take(self, happening: Happening) -> None:
        """Count one happening."""
        what = happening.what
        if isinstance(what, Change):
            if what.after > what.before and self.concerns(what.after):
                self.entered[what.after] += 1
        elif not self.concerns(what.tier):
            return
        elif what.verdict is Verdict.SUPPRESSED:
            self.refused[str(what.reason or "error")] += 1
        elif isinstance(what, Decision):
            return
        elif what.verdict is Verdict.RUN:
            self.ran[what.action.name] += 1
            self.reclaimed += what.reclaimed or 0
        else:
            self.failed[str(what.reason or "error")] += 1

    def concerns(self, tier: Tier) -> bool:
        """Whether the account is of this tier."""
        return self.only is None or tier.label == self.only


def lines(summaries: Mapping[str, Summary], replay: Replay, chosen: Iterable[str]) -> list[str]:
    """The account of each target in a few lines."""
    said = []
    for name in chosen:
        summary = summaries.get(name, Summary())
        shown = escaped(name, 80)
        entered = ", ".join(f"{tier.label} {count}x" for tier, count in sorted(summary.entered.items()))
        stood = ", ".join(tier.label for tier in sorted(summary.stood) if summary.concerns(tier))
        if stood:
            said.append(f"{shown}: in {stood} from the start{f'; entered {entered}' if entered else ''}")
        else:
            none = f"{summary.only} was not entered" if summary.only else "no tier was entered"
            said.append(f"{shown}: entered {entered}" if entered else f"{shown}: {none}")
        for tier, near in never_entered(summary, replay, name):
            said.append(f"{shown}: {tier.label} was never entered: {approach(near)}")
        if summary.ran:
            runs = ", ".join(f"{action} {count}x" for action, count in summary.ran.items())
            said.append(f"{shown}: ran {runs}; {format_bytes(summary.reclaimed)} won back")
        for word, counted in (("failed", summary.failed), ("refused", summary.refused)):
            if counted:
                said.append(f"{shown}: {word} " + ", ".join(f"{reason} {count}x" for reason, count in counted.items()))
    return said


def never_entered(summary: Summary, replay: Replay, name: str) -> list[tuple[Tier, Approach | None]]:
    """The tiers of the target's policy that nothing entered, with what came closest."""
    target = replay.targets.get(name)
    if target is None or target.plan is None:
        return []
    subjects = [*target.subjects.values(), *(subject for of, subject in replay.past if of == name)]
    found = []
    for rule in target.plan.policy.tiers:
        if not summary.concerns(rule.tier) or summary.entered[rule.tier] or summary.stood[rule.tier]:
            continue
        if any(subject.tier >= rule.tier for subject in subjects):
            continue
        near = [one.nearness.closest[rule.tier] for one in subjects if rule.tier in one.nearness.closest]
        found.append((rule.tier, max(near, key=lambda one: one.ratio, default=None)))
    return found


def approach(near: Approach | None) -> str:
    """What came closest, in words."""
    if near is None:
        return "nothing of its condition was measured"
    quantity = near.threshold.quantity
    if near.threshold.relative and near.limit:
        value, level = format_ratio(near.value / near.limit), format_ratio(near.threshold.value)
    else:
        value, level = show(quantity.value, near.value), show(quantity.value, near.level)
    if near.ratio >= 1:
        return f"{quantity.value} {value} met it ({level}), but a worse tier stood, or not for as long as it asks"
    return f"closest {quantity.value} {value} of {level}"


def shape(summaries: Mapping[str, Summary], replay: Replay, chosen: Iterable[str]) -> dict[str, Any]:
    """The same as JSON values."""
    return {name: _shape(summaries.get(name, Summary()), replay, name) for name in chosen}


def _shape(summary: Summary, replay: Replay, name: str) -> dict[str, Any]:
    closest = {}
    for tier, near in never_entered(summary, replay, name):
        if near is not None:
            ending = ENDINGS[near.threshold.quantity.kind]
            of = {f"value{ending}": near.value, f"threshold{ending}": near.level}
            closest[tier.label] = {"signal": near.threshold.quantity.value, **of}
    return {
        "from_start": {tier.label: count for tier, count in sorted(summary.stood.items())},
        "entered": {tier.label: count for tier, count in sorted(summary.entered.items())},
        "ran": dict(summary.ran),
        "failed": dict(summary.failed),
        "refused": dict(summary.refused),
        "reclaimed_bytes": summary.reclaimed,
        "closest": closest,
    }
