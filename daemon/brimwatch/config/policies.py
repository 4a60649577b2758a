"""What does a policy say? Reads what inheritance left of it, with every rung resolved and the tiers in order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from brimwatch.config.actions import NO_FORECAST, read_name
from brimwatch.config.conditions import Written, forecast_only, read_condition
from brimwatch.config.inherit import TIERS, Draft, Lineage, TierDraft
from brimwatch.config.nodes import Node
from brimwatch.config.order import check_leave, check_tiers, pointless_goals
from brimwatch.model import Action, Policy, Tier, TierRule
from brimwatch.units import Seconds

SELECT = ("each", "largest")
COOLDOWN = Seconds(60.0)
MOST_READINGS = 100
MOST_PARALLEL = 64


class Policies:
    """Compiles policies, each once: ten thousand targets under one policy share one object."""

    def __init__(self, lineage: Lineage, actions: Mapping[str, Action | None]) -> None:
        self.lineage = lineage
        self.notices: list[str] = []
        self._actions = actions
        self._named: dict[str, Policy] = {}
        self._inline: dict[Hashable, Policy] = {}

    def named(self, name: str) -> Policy:
        """The policy of that name, which must exist."""
        if name not in self._named:
            own = self.lineage.own.get(name)
            if own is not None:
                read_name(own, name)
            self._named[name] = self._compile(name, self.lineage.named(name))
        return self._named[name]

    def of_target(self, node: Node) -> Policy | None:
        """The policy a target asks for: by name, or written out in its place. None where there is no such policy."""
        if node.is_mapping:
            return self._written_out(node)
        if not node.is_scalar:
            node.fault(node.shown, "the name of a policy, or a policy")
            return None
        name = node.text()
        if name is None:
            return None
        if name not in self.lineage:
            self.lineage.unknown(node)
            return None
        return self.named(name)

    def _written_out(self, node: Node) -> Policy:
        shape = node.shape
        if shape in self._inline:
            return self._inline[shape]
        before = len(node.faults)
        parent = node.get("extends")
        name = "inline" if parent is None else f"{parent.written} (changed)"
        policy = self._compile(name, self.lineage.inline(node))
        if len(node.faults) == before:  # else the same fault is told at each of its places
            self._inline[shape] = policy
        return policy

    def _compile(self, name: str, draft: Draft) -> Policy:
        fields = draft.fields
        cooldown = fields["cooldown"].duration() if "cooldown" in fields else None
        goal = read_condition(fields["goal"]) if "goal" in fields else None
        select = fields["select"].choice(SELECT) if "select" in fields else None
        parallel = fields["max_parallel"].integer(1, MOST_PARALLEL) if "max_parallel" in fields else None
        tiers = self._tiers(draft)
        if goal is not None:
            asking = {rule.tier: when for rule, when in tiers if any(action.cooperative for action in rule.do)}
            self.notices += (f"policy {name}: {text}" for text in pointless_goals(goal, asking))
        return Policy(
            name=name,
            tiers=tuple(rule for rule, _ in tiers),
            cooldown=COOLDOWN if cooldown is None else cooldown,
            goal=None if goal is None else goal.condition,
            select=select,
            max_parallel=parallel or 1,
        )

    def _tiers(self, draft: Draft) -> list[tuple[TierRule, Written]]:
        drafts = {tier: draft.tiers[label] for label, tier in TIERS.items() if label in draft.tiers}
        read = []
        for tier, one in drafts.items():
            when = _when(one, draft.whole)
            rule = self._rule(tier, one, when)
            if when is not None and rule is not None:
                read.append((rule, when))
        check_tiers(drafts, {rule.tier: when for rule, when in read})
        return read

    def _rule(self, tier: Tier, draft: TierDraft, when: Written | None) -> TierRule | None:
        keys = draft.keys
        leave = read_condition(keys["leave"]) if "leave" in keys else None
        hold = keys["for"].duration() if "for" in keys else None
        readings = keys["readings"].integer(1, MOST_READINGS) if "readings" in keys else None
        tell = self._rungs(keys["tell"], telling=True) if "tell" in keys else ()
        do = self._rungs(keys["do"], telling=False) if "do" in keys else ()
        if when is None:
            return None
        if leave is not None:
            check_leave(leave, when)
        if forecast_only(when.condition):
            _refuse_endings(keys.get("do"), do)
        return TierRule(
            tier=tier,
            when=when.condition,
            leave=None if leave is None else leave.condition,
            hold=Seconds(0.0) if hold is None else hold,
            readings=readings or 1,
            tell=tell,
            do=do,
        )

    def _rungs(self, node: Node, telling: bool) -> tuple[Action, ...]:
        found = []
        for item in node.items() or ():
            name = item.text()
            if name is None:
                continue
            if name not in self._actions:
                item.fault(item.shown, "an action that exists", item.faults.nearest(name, tuple(self._actions)))
                continue
            action = self._actions[name]  # None: at fault itself
            if action is not None and telling and not action.tells:
                item.fault(f"{item.shown}, which acts", "an action that informs people", "a cure belongs under `do`")
            elif action is not None:
                found.append(action)
        return tuple(found)


def _refuse_endings(node: Node | None, do: tuple[Action, ...]) -> None:
    for action in do:
        if node is not None and action.ends_process and action.only_if is None:
            wanted = "an action with an `only_if` on something measured"
            node.fault(f"{action.name}, which ends a process, in a tier of forecasts", wanted, NO_FORECAST)


def _when(draft: TierDraft, whole: bool) -> Written | None:
    if "when" in draft.keys:
        return read_condition(draft.keys["when"])
    if whole:
        wanted = "a condition such as when: {working_set: 85%}"
        draft.node.fault("no `when`", wanted, "a tier without one is never entered")
    return None
