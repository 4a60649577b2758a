"""Which values does a policy end up with once `extends` is followed?

A key that is given replaces the inherited one, tier by tier; one set to nothing (`goal: ~`, `emergency: ~`) takes the
inherited one away. With a new `when` the inherited `leave` goes too: it belonged to the old thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from brimwatch.config.nodes import Node
from brimwatch.model import Tier

POLICY_KEYS = ("extends", "cooldown", "goal", "select", "max_parallel", "tiers")
TIER_KEYS = ("when", "leave", "for", "readings", "tell", "do")
TIERS: Mapping[str, Tier] = {tier.label: tier for tier in Tier if tier is not Tier.CALM}


@dataclass(frozen=True, slots=True)
class TierDraft:
    """One tier: the node that gives it last, every key it ends up with, and which of them the policy itself gives."""

    node: Node
    keys: Mapping[str, Node]
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Draft:
    """A policy with its inheritance followed, not yet read. Not `whole`: an ancestor is missing, which was told."""

    fields: Mapping[str, Node] = field(default_factory=dict)
    tiers: Mapping[str, TierDraft] = field(default_factory=dict)
    whole: bool = True


class _Step(NamedTuple):
    """A policy on the way up: its name, and whether it is one of the user's."""

    name: str
    is_own: bool


_TOP = _Step("", False)
_BROKEN = _Step("", True)


class Lineage:
    """Follows `extends`, each policy once. The user's policies come before built-in ones of the same name."""

    def __init__(self, own: Mapping[str, Node], builtin: Mapping[str, Node]) -> None:
        self.own, self.builtin = own, builtin
        self.extended: set[str] = set()
        self._drafts = {_TOP: Draft(), _BROKEN: Draft(whole=False)}

    def __contains__(self, name: str) -> bool:
        return name in self.own or name in self.builtin

    def names(self) -> tuple[str, ...]:
        """Every policy that can be named, built-in ones first."""
        return tuple(dict.fromkeys((*self.builtin, *self.own)))

    def named(self, name: str) -> Draft:
        """The draft of a policy that exists."""
        return self._resolve(_Step(name, name in self.own))

    def inline(self, node: Node) -> Draft:
        """The draft of a policy that stands in a target."""
        fields = node.mapping(POLICY_KEYS)
        if fields is None:
            return Draft(whole=False)
        return _merge(self._resolve(self._parent(None, fields)), fields)

    def unknown(self, node: Node) -> None:
        """Add a fault for the name of a policy that does not exist."""
        node.fault(node.shown, "a policy that exists", node.faults.nearest(node.written, self.names()))

    def _resolve(self, step: _Step) -> Draft:
        """Walk up to a known draft, then merge on the way down: no recursion, whatever the length of the chain."""
        chain: dict[_Step, Mapping[str, Node]] = {}
        while step not in self._drafts:
            node = self.own[step.name] if step.is_own else self.builtin[step.name]
            fields = node.mapping(POLICY_KEYS)
            chain[step] = fields or {}
            parent = _BROKEN if fields is None else self._parent(step, fields)
            if parent in chain:
                _refuse_circle(chain, parent)
                parent = _BROKEN
            step = parent
        draft = self._drafts[step]
        for child, given in reversed(chain.items()):
            draft = self._drafts[child] = _merge(draft, given)
        return draft

    def _parent(self, child: _Step | None, fields: Mapping[str, Node]) -> _Step:
        if "extends" not in fields:
            return _TOP
        node = fields["extends"]
        name = node.text()
        if name is None:
            return _BROKEN
        if name not in self:
            self.unknown(node)
            return _BROKEN
        self.extended.add(name)
        if child is not None and (not child.is_own or (child.name == name and name in self.builtin)):
            return _Step(name, False)  # the user's `standard: {extends: standard}` means the built-in one
        return _Step(name, name in self.own)


def _refuse_circle(chain: Mapping[_Step, Mapping[str, Node]], again: _Step) -> None:
    steps = list(chain)
    circle = " -> ".join(step.name for step in (*steps[steps.index(again) :], again))
    node = chain[steps[-1]]["extends"]
    node.fault(node.shown, "a policy that does not lead back to this one", circle)


def _merge(parent: Draft, fields: Mapping[str, Node]) -> Draft:
    given = {key: node for key, node in fields.items() if key not in ("extends", "tiers")}
    written = (fields["tiers"].mapping(tuple(TIERS)) if "tiers" in fields else None) or {}
    tiers = {label: TierDraft(tier.node, tier.keys) for label, tier in parent.tiers.items() if label not in written}
    for label, node in written.items():
        keys = None if node.is_null else node.mapping(TIER_KEYS)
        if keys is not None:
            tiers[label] = _merge_tier(parent.tiers.get(label), node, keys)
    return Draft(_present({**parent.fields, **given}), tiers, parent.whole)


def _merge_tier(parent: TierDraft | None, node: Node, keys: Mapping[str, Node]) -> TierDraft:
    before = dict(parent.keys) if parent is not None else {}
    if "when" in keys:
        before.pop("leave", None)
    return TierDraft(node, _present({**before, **keys}), frozenset(keys))


def _present(nodes: Mapping[str, Node]) -> dict[str, Node]:
    return {key: node for key, node in nodes.items() if not node.is_null}
