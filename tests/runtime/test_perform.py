"""Does every rung that is started end once, whatever becomes of its subject meanwhile?"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from tests.runtime.doubles import MONO, story, subject

from brimwatch.act.request import Request
from brimwatch.model import (
    Action,
    Attempt,
    Condition,
    Decision,
    Firing,
    Limit,
    Policy,
    Reading,
    Reason,
    Sample,
    Threshold,
    Tier,
    TierRule,
    Verdict,
)
from brimwatch.quantity import Quantity
from brimwatch.runtime.perform import Performer
from brimwatch.runtime.subject import Subject
from brimwatch.units import Bytes

STACKS = Action("stacks", "slow", None, tells=True)
HOOK = Action("hook", "slow", None)
SAMPLE = Sample(MONO, {Quantity.RSS: Reading(1e9, MONO)})


class Bench:
    """A performer whose one kind of action ends when it is told to."""

    def __init__(self) -> None:
        self.story, self.events = story()
        self.go_on = asyncio.Event()
        self.subject = subject(active=(Tier.CRITICAL,))
        self.subject.sample = SAMPLE
        self.broken: Exception | None = None
        kind = SimpleNamespace(run=self.run)
        self.performer = Performer({"slow": kind}, "/proc", self.story, lambda _: None, self.tell)

    async def run(self, request: Request) -> Attempt:
        await self.go_on.wait()
        return Attempt(Verdict.RUN, MONO, MONO)

    def tell(self, subject: Subject, decision: Decision, sample: Sample) -> bool:
        if self.broken is not None:
            raise self.broken
        return False

    def start(self, action: Action, rung: int) -> None:
        if rung >= 0:
            firing = Firing(1, Tier.CRITICAL, rung, action, MONO, None)
            self.subject.ladder = type(self.subject.ladder)(firing, 1)
        decision = Decision(Tier.CRITICAL, action, rung, Verdict.RUN, MONO, firing=1)
        self.performer.run(self.subject, decision, SAMPLE)

    def told(self) -> list[tuple[str, object, object]]:
        found = [one.event for one in self.events.since()]
        return [(one.name.value, one.facts.get("action"), one.facts.get("reason")) for one in found]


def run(test: Callable[[Bench], Awaitable[None]]) -> None:
    async def bounded() -> None:
        bench = Bench()
        async with asyncio.timeout(10):
            await test(bench)
            await bench.performer.close()

    asyncio.run(bounded())


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_higher_tier_stops_the_ladder_and_not_what_tells_of_the_lower_one() -> None:
    async def test(bench: Bench) -> None:
        bench.start(STACKS, -1)
        bench.start(HOOK, 0)
        await turns()
        bench.performer.stop(bench.subject)
        await turns()
        assert bench.performer.running == 1
        bench.go_on.set()
        await turns()
        assert bench.told() == [("action_ran", "stacks", None)]

    run(test)


def test_what_tells_of_a_subject_that_is_let_go_of_ends_once() -> None:
    async def test(bench: Bench) -> None:
        bench.start(STACKS, -1)
        bench.go_on.set()  # its answer is there in the same moment
        bench.performer.let_go(bench.subject, Reason.VANISHED)
        await turns()
        assert bench.told() == [("action_suppressed", "stacks", "vanished")]
        assert bench.performer.running == 0

    run(test)


def test_a_rung_that_cannot_be_begun_has_failed_and_its_ladder_goes_on() -> None:
    async def test(bench: Bench) -> None:
        bench.broken = ValueError("no")
        bench.start(HOOK, 0)
        bench.start(STACKS, -1)
        await turns()
        firing = bench.subject.ladder.firing
        assert firing is not None
        assert firing.attempt is not None
        assert (firing.attempt.verdict, firing.attempt.reason) == (Verdict.FAILED, Reason.ERROR)
        assert bench.told()[1:] == [("action_failed", "stacks", "error")]

    run(test)


GIB = 1 << 30
MACHINE = Sample(
    MONO,
    {Quantity.MEMORY_USED: Reading(0.9, MONO), Quantity.TIME_TO_LIMIT: Reading(12.0, MONO)},
    Limit(Bytes(10 * GIB), "machine"),
    Bytes(GIB),
)
USED = Condition((Threshold(Quantity.MEMORY_USED, 0.8),))
HALF = Condition((Threshold(Quantity.MEMORY_USED, 0.5),))
ASKS = replace(HOOK, cooperative=True)
REQUESTS: dict[str, tuple[Action, Condition | None, float, float]] = {
    "to below 90 % of the threshold, in bytes of the machine": (ASKS, None, 1.8 * GIB, 4.0),
    "to the goal where the policy sets one": (ASKS, HALF, 4.0 * GIB, 4.0),
    "but only what asks is to reach a goal, and only that is told to hurry": (HOOK, HALF, 1.8 * GIB, 3600.0),
}


@pytest.mark.parametrize(("action", "goal", "needed", "deadline"), REQUESTS.values(), ids=REQUESTS)
def test_what_a_rung_is_asked_for(action: Action, goal: Condition | None, needed: float, deadline: float) -> None:
    asked: list[Request] = []

    async def test(bench: Bench) -> None:
        async def note(request: Request) -> Attempt:
            asked.append(request)
            return Attempt(Verdict.RUN, MONO, MONO)

        performer = Performer({"slow": SimpleNamespace(run=note)}, "/proc", bench.story, lambda _: None, bench.tell)
        policy = Policy("p", (TierRule(Tier.CRITICAL, USED, do=(action, action)),), goal=goal)
        performer.run(subject(policy), Decision(Tier.CRITICAL, action, 0, Verdict.RUN, MONO, firing=1), MACHINE)
        await turns()
        await performer.close()

    run(test)
    assert [one.needed for one in asked] == [pytest.approx(needed, abs=2)]
    assert [one.deadline for one in asked] == [pytest.approx(deadline)]
    assert [one.exceeded for one in asked] == [pytest.approx(0.9 / 0.8)]
