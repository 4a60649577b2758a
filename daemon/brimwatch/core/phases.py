"""In which phase is one tier of one subject, and what moves it to another? Rules first, then the table.

A tier is *calm* until its condition is met. It is *holding* while the condition is met but has not yet been met for as
long (`for`) and as often (`readings`) as its rule asks. It is *active* from then on, until every part of its condition
(under `all:`, one part) is below its leave. What cannot be measured moves nothing: it neither fires nor clears. Only a
hold is void after three missed cadences, because a promise to have held may not rest on silence.

Does not cover: what was seen (`evaluate`), or what a tier's entry sets going (`decide`).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType


class Phase(enum.Enum):
    """Where one tier of one subject stands."""

    CALM = "calm"
    HOLDING = "holding"
    ACTIVE = "active"

    __hash__ = object.__hash__  # members are singletons; Enum's own is Python code, and the table is asked at each look


class Seen(enum.Enum):
    """What one look says of a tier's condition; the value is its label in the diagram."""

    MET = "met"  # at or above enter, but not yet for long or often enough
    HELD = "held"  # met for as long and as often as the rule asks
    BETWEEN = "between"  # below enter, not below leave
    BELOW = "below leave"
    MISSING = "missing"
    LOST = "lost"  # missing for three cadences

    __hash__ = object.__hash__


TABLE: Mapping[tuple[Phase, Seen], Phase] = MappingProxyType(
    {
        (Phase.CALM, Seen.MET): Phase.HOLDING,
        (Phase.CALM, Seen.HELD): Phase.ACTIVE,
        (Phase.HOLDING, Seen.HELD): Phase.ACTIVE,
        (Phase.HOLDING, Seen.BETWEEN): Phase.CALM,
        (Phase.HOLDING, Seen.BELOW): Phase.CALM,
        (Phase.HOLDING, Seen.LOST): Phase.CALM,
        (Phase.ACTIVE, Seen.BELOW): Phase.CALM,
    }
)
"""Every pair that is not listed keeps its phase."""


def step(phase: Phase, seen: Seen) -> Phase:
    """The phase after a look that saw `seen`."""
    return TABLE.get((phase, seen), phase)


def diagram() -> str:
    """The table as a Mermaid `stateDiagram-v2` (syntax: mermaid.js.org); what keeps a phase has no edge."""
    edges: dict[tuple[Phase, Phase], list[str]] = {}
    for (phase, seen), after in TABLE.items():
        edges.setdefault((phase, after), []).append(seen.value)
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.CALM.value}"]
    lines += [f"    {phase.value} --> {after.value}: {', '.join(seen)}" for (phase, after), seen in edges.items()]
    return "\n".join(lines) + "\n"
