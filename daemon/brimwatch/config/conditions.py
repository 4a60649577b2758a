"""What does a condition under `when`, `leave`, `goal` or `only_if` say?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from brimwatch.config.nodes import Node
from brimwatch.model import Condition, Threshold
from brimwatch.quantity import CONDITIONS, Kind, Quantity
from brimwatch.units import WANTED_SIZE, parse_ratio, parse_size

EVERY = "all"
NAMES = tuple(quantity.value for quantity in CONDITIONS)
# What no source measures yet. Such a line of a condition neither enters nor keeps a tier; the user is told.
UNMEASURED = frozenset(
    {
        Quantity.TRIMMABLE,
        Quantity.FRAGMENTATION,
        Quantity.PYTHON_BLOCKS,
    }
)
_PERCENT_OR_SIZE = f"{WANTED_SIZE}, or a percentage of the limit such as 85%"
_NEVER_LEFT = "a tier that is entered at zero is never left"


class Written(NamedTuple):
    """A condition, and where each of its lines stands: those at fault too, which the condition leaves out."""

    condition: Condition
    nodes: Mapping[Quantity, Node]


def read_condition(node: Node) -> Written | None:
    """Read `{rss: 100MB, threads: 8}` (any of these) or `{all: {...}}` (every one of these)."""
    fields = node.mapping((*NAMES, EVERY))
    if fields is None:
        return None
    every = EVERY in fields
    if every and len(fields) > 1:
        fields[EVERY].fault("other conditions beside it", "everything under `all`, or no `all`")
        return None
    if every:
        node = fields[EVERY]
        fields = node.mapping(NAMES)
        if fields is None:
            return None
    if not fields and not node.key_names():
        node.fault("no condition", "at least one, such as working_set: 85%")
    nodes = {Quantity(name): child for name, child in fields.items()}
    read = (_read_threshold(quantity, child) for quantity, child in nodes.items())
    return Written(Condition(tuple(one for one in read if one is not None), every), nodes)


def forecast_only(condition: Condition) -> bool:
    """True where every line is a forecast: what such a condition says was not measured."""
    return bool(condition.thresholds) and all(threshold.quantity.predicted for threshold in condition.thresholds)


def _read_threshold(quantity: Quantity, node: Node) -> Threshold | None:
    if quantity.kind is Kind.BYTES:
        return _bytes_or_percent(quantity, node)
    if quantity.kind is Kind.COUNT:
        return _count(quantity, node)
    if quantity.kind is Kind.RATE:
        value = node.rate()
    elif quantity.kind is Kind.RATIO:
        value = node.ratio()
    else:
        value = node.duration()
    if value is not None and value <= 0:
        node.fault(node.shown, "more than zero", _NEVER_LEFT if not quantity.inverted else "no forecast is below zero")
        return None
    return None if value is None else Threshold(quantity, float(value))


def _bytes_or_percent(quantity: Quantity, node: Node) -> Threshold | None:
    text = node.scalar(_PERCENT_OR_SIZE)
    if text is None:
        return None
    relative = text.rstrip().endswith("%")
    try:
        value = parse_ratio(text) if relative else float(parse_size(text))
    except ValueError:
        node.fault(node.shown, _PERCENT_OR_SIZE)
        return None
    if value <= 0:
        node.fault(node.shown, "more than zero", _NEVER_LEFT)
    elif relative and value > 1:
        node.fault(node.shown, "at most 100%", "the limit is the whole")
    else:
        return Threshold(quantity, value, relative)
    return None


def _count(quantity: Quantity, node: Node) -> Threshold | None:
    if node.written.rstrip().endswith("%"):
        node.fault(node.shown, "a whole number of at least 1", "a percentage of a count has no whole to be of")
        return None
    count = node.integer(minimum=1)
    return None if count is None else Threshold(quantity, float(count))
