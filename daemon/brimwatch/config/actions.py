"""What can be done to a target? Reads the entries of `actions`, each of one kind; the kinds are handed in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from brimwatch.config.conditions import forecast_only, read_condition
from brimwatch.config.nodes import Node
from brimwatch.model import Action, Budget
from brimwatch.units import Seconds, parse_duration

COMMON_KEYS = ("settle", "only_if", "at_most", "on")
WHERE = ("member", "parent")
SETTLE = Seconds(2.0)
LONGEST_SETTLE = 600.0
ENDING_BUDGET = Budget(1, Seconds(600.0))
NO_FORECAST = "no process is ended on a forecast alone"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_RUNS = re.compile(r"([1-9][0-9]{0,5})\s*/\s*([0-9.]*)\s*(ms|s|m|h|d)", re.ASCII)
_WANTED_RUNS = "runs per time, such as 2/h, 3/10m or 1/30s"


class FoundTraits(Protocol):
    """What a kind found in an action: its own options, and how the ladder must treat the rung."""

    @property
    def options(self) -> object:
        """What the kind's own keys say."""

    @property
    def cooperative(self) -> bool:
        """It asks the target, and is safe to run by hand."""

    @property
    def ends_process(self) -> bool:
        """The process may be gone afterwards."""

    @property
    def tells(self) -> bool:
        """It informs people, and is never a cure."""


class KindParser(Protocol):
    """What a kind of action offers to the loader. It may carry a NOTICE: a sentence for whoever uses it."""

    @property
    def KEYS(self) -> frozenset[str]:  # noqa: N802 - a constant of a module
        """The keys of an action that belong to this kind, its own name among them."""

    def parse(self, node: Node) -> FoundTraits | None:
        """Read the whole mapping of an action; faults are added to its nodes, and then None is returned."""


Kinds = Mapping[str, KindParser]


def read_name(node: Node, name: str) -> None:
    """Add a fault where `name`, the key of `node`, cannot be a metric label that people type."""
    if not _NAME.fullmatch(name):
        node.fault("this name", "1 to 64 letters, digits, '_', '.' or '-', the first a letter or digit")


def read_action(name: str, node: Node, kinds: Kinds) -> Action | None:
    """Read one entry of `actions`; `name` is its key."""
    read_name(node, name)
    kind = _kind_of(node, kinds)
    if kind is None:
        return None
    parser = kinds[kind]
    own = parser.KEYS | {kind}
    fields = node.mapping((*sorted(own), *COMMON_KEYS)) or {}
    traits = _traits(parser, kind, node.only(own))
    settle = fields["settle"].duration(maximum=LONGEST_SETTLE) if "settle" in fields else None
    only_if = read_condition(fields["only_if"]) if "only_if" in fields else None
    at_most = _budget(fields["at_most"]) if "at_most" in fields else None
    where = fields["on"].choice(WHERE) if "on" in fields else None
    if traits is None:
        return None
    if traits.ends_process:
        at_most = ENDING_BUDGET if at_most is None else at_most
        if only_if is not None and forecast_only(only_if.condition):
            fields["only_if"].fault("forecasts alone", "something measured too", NO_FORECAST)
    return Action(
        name=name,
        kind=kind,
        options=traits.options,
        cooperative=traits.cooperative,
        ends_process=traits.ends_process,
        tells=traits.tells,
        settle=(Seconds(0.0) if traits.tells else SETTLE) if settle is None else settle,  # telling has no effect
        only_if=None if only_if is None else only_if.condition,
        at_most=at_most,
        on_parent=where == "parent",
    )


def _traits(parser: KindParser, kind: str, node: Node) -> FoundTraits | None:
    before = len(node.faults)
    traits = parser.parse(node)
    if traits is None and len(node.faults) == before:  # a rung must never be lost in silence
        node.fault(node.shown, f"an action of the kind {kind}")
    return traits


def _kind_of(node: Node, kinds: Kinds) -> str | None:
    one_of = ", ".join(kinds)
    if not node.is_mapping:
        node.fault(node.shown, f"a mapping with one of {one_of}")
        return None
    keys = node.key_names()
    found = [key for key in keys if key in kinds]
    if len(found) == 1:
        return found[0]
    if found:
        node.fault(" and ".join(found), f"one of {one_of}", "an action is of one kind; make an action of each")
        return None
    hints = (node.faults.nearest(key, tuple(kinds)) for key in keys if key not in COMMON_KEYS)
    node.fault("no kind", f"one of {one_of}", next(filter(None, hints), ""))
    return None


def _budget(node: Node) -> Budget | None:
    text = node.scalar(_WANTED_RUNS)
    if text is None:
        return None
    found = _RUNS.fullmatch(text.strip())
    try:
        window = None if found is None else parse_duration((found[2] or "1") + found[3])
    except ValueError:
        window = None
    if found is None or not window:
        node.fault(node.shown, _WANTED_RUNS)
        return None
    return Budget(int(found[1]), window)
