"""What is found out about a kill? The subject's samples replayed, and what its tiers and rungs did before."""

from __future__ import annotations

import time
from collections.abc import Sequence

from brimwatch.core.autopsy import examine, needed_time
from brimwatch.core.death import death
from brimwatch.core.history import SPAN
from brimwatch.model import Tier
from brimwatch.record.autopsy_told import death_facts, measured_facts, told_rungs, told_tiers
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event, Fact
from brimwatch.runtime.subject import Subject

_RUNGS = (Name.ACTION_RAN, Name.ACTION_FAILED, Name.ACTION_SUPPRESSED)
_MOST_RUNGS = 6  # named, the last ones


def autopsy_facts(subject: Subject, evidence: str, now: float, survived: bool) -> dict[str, Fact]:
    """The facts of the event `autopsy`; `now` is when the kill was seen, in monotonic seconds."""
    sample = subject.sample
    from_cgroup = sample is not None and sample.limit is not None and sample.limit.source == "cgroup"
    needed = needed_time(subject.target.spec.policy)
    rows = subject.history.rows(now - SPAN)
    # One that lives on has not ended: when the other one was killed is not known but by the looks. And of a group it
    # may be another member that was seen to end, before the last look.
    ended = None if survived or (rows and (subject.ended_at or 0.0) < rows[-1].at) else subject.ended_at
    end = death(rows, now if ended is None else ended, ended is not None, from_cgroup)
    found = examine(rows, end.at, from_cgroup, needed)
    facts: dict[str, Fact] = {"evidence": evidence}
    if survived:
        facts["survived"] = True
    climb = _climb(subject.trail, time.time() - (now - end.at), end.about)
    return facts | death_facts(end, now) | measured_facts(found, end.about) | climb


def _climb(trail: Sequence[Event], wall: float, about: bool) -> dict[str, Fact]:
    """The tiers that were entered since the subject was last calm, and what their rungs did."""
    climb: list[Event] = []
    for event in trail:
        climb = [] if event.name is Name.TIER_LEFT and event.facts.get("after") == Tier.CALM.label else [*climb, event]
    entered = [(str(one.facts["after"]), max(0.0, wall - one.wall)) for one in climb if one.name is Name.TIER_ENTERED]
    rungs = [one.facts for one in climb if one.name in _RUNGS]
    facts: dict[str, Fact] = {}
    if entered:
        facts |= {"warned_seconds": round(entered[0][1], 3), "tiers": told_tiers(entered, about)}
    if rungs:
        won = [one["reclaimed_bytes"] for one in rungs if "reclaimed_bytes" in one]
        facts["tried"] = told_rungs(rungs[-_MOST_RUNGS:])
    if rungs and won:
        facts["reclaimed_bytes"] = sum(int(one) for one in won)
    return facts
