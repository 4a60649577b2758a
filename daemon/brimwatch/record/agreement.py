"""Does a replay decide what the daemon decided? Its events are compared with those of the recording, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from brimwatch.core import recorded as rows
from brimwatch.core.replayed import Happening
from brimwatch.model import Change, Decision, Outcome, Verdict
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event
from brimwatch.record.happenings import rung_ended, rung_suppressed, tier_changed

COMPARED = frozenset({Name.TIER_ENTERED, Name.TIER_LEFT, Name.ACTION_RAN, Name.ACTION_FAILED, Name.ACTION_SUPPRESSED})
_FACTS = ("before", "after", "tier", "action", "rung", "reason", "reclaimed_bytes")

_BESIDE = ("by hand", "for the host")  # what begins the detail of rungs that are not of the target's own ladder


def event_of(happening: Happening) -> Event | None:
    """The event that the daemon tells of it; None for the start of a rung, of which only the end is told."""
    target, member, wall, what, sample, held, rungs = happening
    if isinstance(what, Change):
        return None if sample is None else tier_changed(target, member, what, sample, wall, held)
    if isinstance(what, Outcome):
        return rung_ended(target, member, what, wall, rungs)
    return _refused(target, member, what, wall, rungs)


def _refused(target: str, member: int | None, decision: Decision, wall: float, rungs: int | None) -> Event | None:
    if decision.verdict is Verdict.RUN:
        return None
    return rung_suppressed(target, member, decision, wall, rungs)


class Agreement:
    """`take` gets each row with the events that the replay made of it; `differences` is what did not agree."""

    def __init__(self) -> None:
        self.same = 0
        self.differences: list[str] = []
        self._expected: deque[Event] = deque()

    def take(self, row: rows.Row, events: list[Event]) -> None:
        """The events of a look stand behind it in the recording."""
        if isinstance(row, rows.Lost):
            self._expected.clear()
            return
        if not isinstance(row, rows.Told):
            self._expected.extend(event for event in events if event.name in COMPARED)
            return
        if row.event not in COMPARED:
            return
        if _beside(row, self._expected):
            return
        if not self._expected:
            self.differences.append(f"only the daemon: {_say(row.event, row.target, row.member, row.facts)}")
            return
        mine = self._expected.popleft()
        if _key(mine.name.value, mine.target, mine.member, mine.facts) == _key(
            row.event, row.target, row.member, row.facts
        ):
            self.same += 1
        else:
            both = (
                _say(row.event, row.target, row.member, row.facts),
                _say(mine.name.value, mine.target, mine.member, mine.facts),
            )
            self.differences.append(f"the daemon: {both[0]}; the replay: {both[1]}")

    @property
    def left(self) -> tuple[Event, ...]:
        """What the replay decided on the last rows, of which the recording does not hold the daemon's word."""
        return tuple(self._expected)


def _beside(row: rows.Told, expected: deque[Event]) -> bool:
    """Was it done by hand or for the host, or told by a webhook, whose delivery no replay knows?"""
    if str(row.facts.get("detail", "")).startswith(_BESIDE):
        return True
    told = row.event in (Name.ACTION_RAN, Name.ACTION_FAILED) and row.facts.get("rung") == 0
    return told and not (expected and expected[0].facts.get("action") == row.facts.get("action"))


def _key(name: str, target: str | None, member: int | None, facts: Mapping[str, object]) -> tuple[object, ...]:
    return name, target, member, *(facts.get(fact) for fact in _FACTS)


def _say(name: str, target: str | None, member: int | None, facts: Mapping[str, object]) -> str:
    who = f"{target}" if member is None else f"{target}#{member}"
    return f"{who} {name} " + " ".join(f"{fact}={facts[fact]}" for fact in _FACTS if fact in facts)
