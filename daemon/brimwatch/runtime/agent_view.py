"""What is kept of the agents, and what is told to them and shown of them? No agent is spoken to here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from brimwatch.core.resolve import absolute
from brimwatch.model import Policy, ProcessId, Tier
from brimwatch.quantity import Quantity
from brimwatch.record.snapshot import AgentView, HookView
from brimwatch.runtime.subject import Subject
from brimwatch.units import Bytes

if TYPE_CHECKING:
    from brimwatch.agent.figures import HookFigures, Stats

HOOKS_SHOWN = 8  # of a subject, those that hold most; the others are counted as left out
INFO_SHOWN = 12  # named figures of all hooks of a subject, dealt in turn
_OF_ONE_PROCESS = (Quantity.RSS, Quantity.WORKING_SET)  # whose own resident set reaches it is in that tier for sure


class Known:
    """One process with an agent. Times are monotonic seconds."""

    __slots__ = (
        "blind_since", "collected", "counted_at", "due", "failures", "fault", "objects", "process", "stats", "stats_at",
        "task",
    )  # fmt: skip

    def __init__(self, process: ProcessId) -> None:
        self.process = process
        self.due = 0.0
        self.failures = 0
        self.fault = ""  # why it does not answer
        self.blind_since = 0.0
        self.counted_at = float("-inf")  # when its objects were counted last
        self.objects: int | None = None
        self.stats: Stats | None = None
        self.stats_at = 0.0
        self.collected: tuple[int, ...] = ()
        self.task: asyncio.Task[None] | None = None

    def take(self, stats: Stats, now: float) -> tuple[int, ...]:
        """Keep an answer; by how much its collections have grown, by generation."""
        before, self.collected = self.collected, stats.collections
        self.stats, self.stats_at = stats, now
        if stats.objects is not None:
            self.objects = stats.objects
        grown = [
            now_counted - counted if now_counted >= counted else now_counted  # less: another program since an exec
            for now_counted, counted in zip(stats.collections, (*before, 0, 0, 0, 0), strict=False)
        ]
        return tuple(grown)


def asks_hooks(policy: Policy) -> bool:
    """Whether any rung asks agents: others are not told of tiers, and take no lease."""
    return any(action.kind == "hook" for rule in policy.tiers for action in rule.do)


def own_thresholds(subject: Subject) -> Mapping[Tier, Bytes] | None:
    """By which resident sizes a process may judge itself when nobody speaks; None for a member of a group.

    Only tiers whose rungs ask agents, and only what one process can tell of itself.
    """
    if subject.target.spec.grouped or subject.sample is None:
        return None
    found: dict[Tier, Bytes] = {}
    for rule in subject.target.spec.policy.tiers:
        if rule.when.every or not any(action.kind == "hook" for action in rule.do):
            continue
        levels = [
            level
            for threshold in rule.when.thresholds
            if threshold.quantity in _OF_ONE_PROCESS
            and (level := absolute(threshold, subject.sample.limit)) is not None
        ]
        if levels:
            found[rule.tier] = Bytes(int(min(levels)))
    return found


def shown(known: Iterable[Known], now: float, fresh: float) -> AgentView | None:
    """What agents say of one subject: counts and footprints are sums, ratios means; None where none spoke lately."""
    spoken = [(one, one.stats) for one in known if one.stats is not None and now - one.stats_at <= fresh]
    if not spoken:
        return None
    by_name: dict[str, list[HookFigures]] = {}
    for _, stats in spoken:
        for hook in stats.hooks:
            by_name.setdefault(hook.name, []).append(hook)
    views = sorted((_hook(name, figures) for name, figures in by_name.items()), key=_weight)
    threads = [stats.threads for _, stats in spoken if stats.threads is not None]
    objects = [one.objects for one, _ in spoken if one.objects is not None]
    return AgentView(
        objects=sum(objects) if len(objects) == len(spoken) else None,
        threads=sum(threads) if len(threads) == len(spoken) else None,
        hooks=_few(views),
    )


def _hook(name: str, figures: list[HookFigures]) -> HookView:
    sizes = [one.footprint for one in figures if one.footprint is not None]
    ratios = [one.hit_ratio for one in figures if one.hit_ratio is not None]
    return HookView(
        name,
        sum(sizes) if sizes else None,
        sum(ratios) / len(ratios) if ratios else None,
        figures[0].info,
    )


def _weight(hook: HookView) -> tuple[bool, int, bool, str]:
    """Order of what is shown: the largest first, then what says anything at all."""
    return hook.footprint is None, -(hook.footprint or 0), hook.hit_ratio is None and not hook.info, hook.name


def _few(views: list[HookView]) -> tuple[HookView, ...]:
    """Those that say something, within the bounds of what is shown."""
    telling = [one for one in views if one.footprint is not None or one.hit_ratio is not None or one.info]
    kept = telling[:HOOKS_SHOWN]
    shares = _dealt([len(one.info) for one in kept], INFO_SHOWN)
    return tuple(one._replace(info=one.info[:share]) for one, share in zip(kept, shares, strict=True))


def _dealt(wanted: list[int], cards: int) -> list[int]:
    """Deal so many cards in turn, to each at most what it wants: who wants much leaves some to the others."""
    dealt = [0] * len(wanted)
    while cards > 0 and dealt != wanted:
        for index, most in enumerate(wanted):
            if cards > 0 and dealt[index] < most:
                dealt[index] += 1
                cards -= 1
    return dealt


def left_out(stats: Stats) -> int:
    """How many hooks of one process have no series."""
    telling = sum(hook.footprint is not None or hook.hit_ratio is not None or bool(hook.info) for hook in stats.hooks)
    return stats.left_out + max(0, telling - HOOKS_SHOWN)
