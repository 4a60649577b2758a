"""How are the facts of an event worded? What all sentences share."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from brimwatch.quantity import Kind, Quantity
from brimwatch.record.events import Fact
from brimwatch.units import format_bytes, format_duration, format_ratio

ENDINGS: Mapping[Kind, str] = {
    Kind.BYTES: "_bytes",
    Kind.RATE: "_bytes_per_second",
    Kind.RATIO: "_ratio",
    Kind.COUNT: "",
    Kind.DURATION: "_seconds",
}
Facts = Mapping[str, Fact]


def show(signal: str, value: Fact) -> str:
    """Show a value in the unit of its quantity."""
    if isinstance(value, str):
        return value
    kind = Quantity(signal).kind
    if kind is Kind.BYTES:
        return format_bytes(value)
    if kind is Kind.RATE:
        return f"{format_bytes(value)}/s"
    if kind is Kind.RATIO:
        return format_ratio(value)
    return format_duration(value) if kind is Kind.DURATION else f"{value:.0f}"


def bytes_of(facts: Facts, key: str) -> str | None:
    """A size for people; None where it is not known."""
    value = facts.get(key)
    return None if value is None or isinstance(value, str) else format_bytes(value)


def time_of(facts: Facts, key: str) -> str | None:
    """A duration for people; None where it is not known, or never ends."""
    value = facts.get(key)
    return None if value is None or isinstance(value, str) or not isfinite(value) else format_duration(value)


def join(*parts: str | None, by: str = ", ") -> str:
    """The parts that are there, in one text."""
    return by.join(part for part in parts if part)


def maybe(text: str, fact: Fact | None) -> str:
    """`text` followed by the fact, or nothing where it is not known."""
    return "" if fact is None else f"{text}{fact}"
