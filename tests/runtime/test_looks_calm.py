"""Does a subject whose looks are not all judged go the same way as one whose looks are?"""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.runtime.doubles import PROCESS, rule, story, subject

from brimwatch.core import calm
from brimwatch.discover.roster import Member
from brimwatch.model import Action, Condition, Decision, Limit, Policy, Reading, Sample, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.runtime.looks import Looks
from brimwatch.runtime.subject import Subject, Watched
from brimwatch.units import Bytes, Seconds

HOOKS = Action("reclaim", "reclaim", None, cooperative=True)
HELD = TierRule(
    Tier.WARNING,
    Condition((Threshold(Quantity.RSS, 0.5, True), Threshold(Quantity.THREADS, 8.0))),
    hold=Seconds(2.0),
    do=(HOOKS,),
)
POLICIES = {
    "two sizes": Policy("sizes", (rule(Tier.WARNING, 50, HOOKS), rule(Tier.CRITICAL, 100, HOOKS)), Seconds(3.0)),
    "a share that is to hold, or threads": Policy("held", (HELD, rule(Tier.EMERGENCY, 90, HOOKS)), Seconds(3.0)),
    "address space, which no glance sees": Policy(
        "wide", (TierRule(Tier.WARNING, Condition((Threshold(Quantity.VMS, 80e6),)), do=(HOOKS,)),), Seconds(3.0)
    ),
}
LIMITS = (Limit(Bytes(100_000_000), "cgroup"), Limit(Bytes(60_000_000), "cgroup"), Limit(Bytes(100_000_000), "machine"))


class Sampler:
    """Of a process whose next sample is given."""

    def __init__(self) -> None:
        self.next: Sample | None = None
        self.fastest = 0.0

    def look(self, _: float) -> Sample:
        assert self.next is not None
        return self.next

    def due(self, *_: object) -> tuple[()]:
        return ()

    def accept(self, *_: object) -> None:
        pass

    def oom_kills(self) -> int:
        return 0


class Nobody:
    """Stands for those who keep and explain, and have nothing to say."""

    def __init__(self) -> None:
        self.memory = self
        self.kept = 0

    def restore(self, _: Subject) -> bool:
        return False

    def looked(self, _: Subject) -> None:
        self.kept += 1

    def spent(self, _: object) -> None:
        pass

    def entered(self, *_: object) -> None:
        pass


class Watching:
    """One subject, and all that follows from its looks."""

    def __init__(self, policy: Policy) -> None:
        self.sampler, self.nobody, self.ran = Sampler(), Nobody(), list[Decision]()
        told, self.events = story()
        self.subject = subject(policy)
        sampler: Any = self.sampler
        stubs: Any = self.nobody
        member = Member(PROCESS, "app", "/app", "", 0, 1, None, None, None, True, False)
        self.subject.watched[PROCESS] = Watched(member, -1, sampler)
        self.looks = Looks(
            stubs, told, lambda _, decision, __: self.ran.append(decision), lambda _: None, stubs, lambda _: None,
            stubs, stubs,
        )  # fmt: skip

    def look(self, sample: Sample, fastest: float) -> tuple[object, ...]:
        """Take a look; returns all that anybody can see afterwards."""
        self.sampler.next, self.sampler.fastest = sample, fastest
        self.looks.tick += 1
        gap, one = self.looks.look(self.subject, sample.at), self.subject
        events = [(found.event.name, _timeless(found.event.facts)) for found in self.events.since()]
        return (
            gap, one.way, one.fastest, one.judgement, one.ladder, one.sample, one.peak, one.looks, one.history.rows(),
            one.tier, tuple(self.ran), self.nobody.kept, events,
        )  # fmt: skip


def _timeless(facts: Mapping[str, object]) -> dict[str, object]:
    return {key: fact for key, fact in facts.items() if key != "held_seconds"}  # by the wall clock of the test


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.005, 1.0, 1.0, 5.0]),
        st.one_of(st.none(), st.integers(0, 120)),  # megabytes; None: as before
        st.sampled_from([None, 3, 9]),  # threads
        st.sampled_from([0, 0, 0, 1, 2]),
        st.sampled_from([0.0, 0.0, 20e6]),
    ),
    min_size=3,
    max_size=25,
)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@settings(max_examples=50, deadline=None)
@given(steps=STEPS)
def test_nobody_can_tell_whether_a_look_was_judged(policy: Policy, steps: list[tuple[Any, ...]]) -> None:
    usual, in_full = Watching(policy), Watching(policy)
    now, size = 5000.0, 20
    for gap, megabytes, threads, limit, fastest in steps:
        now, size = now + gap, size if megabytes is None else megabytes
        readings = {Quantity.RSS: Reading(size * 1e6, now), Quantity.VMS: Reading(size * 1.1e6, now)}
        if threads is not None:
            readings[Quantity.THREADS] = Reading(float(threads), now)
        sample = Sample(now, readings, LIMITS[limit], Bytes(max(0, LIMITS[limit].bytes - size * 10**6)))
        in_full.subject.floors = None
        assert in_full.look(sample, fastest) == usual.look(sample, fastest)


def test_at_rest_no_look_is_judged_but_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    watching, judged = Watching(POLICIES["two sizes"]), []
    real = calm.FloorBook.of
    monkeypatch.setattr(calm.FloorBook, "of", lambda *words: judged.append(words) or real(*words))
    for second in range(10):
        now = 5000.0 + second
        watching.look(Sample(now, {Quantity.RSS: Reading(20e6, now)}, LIMITS[0], Bytes(80_000_000)), 0.0)
    assert len(judged) == 1
    assert watching.subject.looks == len(watching.subject.history.rows()) == 10
