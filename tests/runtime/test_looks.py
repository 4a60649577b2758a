"""Is the end of a process near its limit taken for a kill, whatever rung runs at that time?"""

from dataclasses import replace
from typing import Any

import pytest
from tests.runtime.doubles import PROCESS, story, subject

from brimwatch.discover.roster import Member
from brimwatch.model import Action, Firing, Limit, ProcessId, Reading, Sample, Tier
from brimwatch.quantity import Quantity
from brimwatch.runtime.looks import Looks
from brimwatch.runtime.subject import Subject, Watched
from brimwatch.units import Bytes

LIMIT = Limit(Bytes(1000), "cgroup")


class Seen:
    """Stands for what is told of a process that is gone."""

    def __init__(self) -> None:
        self.dropped: list[ProcessId] = []
        self.kills: list[str] = []

    def drop(self, _: Subject, process: ProcessId, __: float) -> None:
        self.dropped.append(process)

    def killed(self, _: Subject, evidence: str, *__: object) -> None:
        self.kills.append(evidence)


class Sampler:
    """Of a process whose cgroup counts no kill."""

    def last_oom_kills(self) -> int:
        return 0


def lost(running: Action | None, headroom: int) -> tuple[list[str], list[str]]:
    """The evidence of a kill, and the events, of a process that is gone while a rung runs."""
    seen, (told, events) = Seen(), story()
    stubs: Any = seen
    nobody: Any = None
    sampler: Any = Sampler()
    one = subject(active=(Tier.WARNING,))
    one.sample = Sample(1.0, {Quantity.RSS: Reading(1000.0 - headroom, 1.0)}, LIMIT, Bytes(headroom))
    member = Member(PROCESS, "app", "/app", "", 0, 1, None, None, None, True, False)
    one.watched[PROCESS] = Watched(member, -1, sampler)
    if running is not None:
        one.ladder = replace(one.ladder, firing=Firing(1, Tier.WARNING, 0, running, 1.0))
    Looks(stubs, told, nobody, nobody, nobody, nobody, nobody, stubs).lost(one, PROCESS, 2.0)
    assert seen.dropped == [PROCESS]
    assert one.ladder.firing is None
    return seen.kills, [recorded.event.name.value for recorded in events.since()]


HOOKS = Action("reclaim", "reclaim", None, cooperative=True)
CEILING = Action("ceiling", "rlimit", None)
FORCED = Action("usr2", "signal", None)
RESTART = Action("restart", "signal", None, ends_process=True)


@pytest.mark.parametrize(
    ("running", "headroom", "kills"),
    [
        pytest.param(None, 10, ["inferred"], id="no rung runs"),
        pytest.param(HOOKS, 10, ["inferred"], id="hooks run: they end nobody"),
        pytest.param(CEILING, 10, ["inferred"], id="a ceiling settles: it ends nobody"),
        pytest.param(HOOKS, 30, [], id="hooks run far from the limit"),
        pytest.param(RESTART, 10, [], id="a restart runs: that is what it is for"),
        pytest.param(Action("cleanup", "exec", None), 10, [], id="a command runs: it may restart what it likes"),
        pytest.param(FORCED, 10, [], id="a forced signal settles: its handler is not known"),
    ],
)
def test_whose_end_is_taken_for_a_kill(running: Action | None, headroom: int, kills: list[str]) -> None:
    found, events = lost(running, headroom)
    assert found == kills
    assert len(events) == (running is not None), "a rung that was begun has its outcome"
