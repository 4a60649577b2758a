"""Is a tier that was left before the daemon ended entered anew, and one that was held taken up, however it ended?"""

from dataclasses import replace

import pytest
from tests.runtime.doubles import POLICY, Clock, Shelf, put_in, rule, subject

from brimwatch.core.decide import Ladder
from brimwatch.model import Tier
from brimwatch.record.journal_rows import STATE
from brimwatch.runtime.memory import GRACE, Memory
from brimwatch.runtime.subject import GROUP, Subject


class Run:
    """One run of the daemon after another: each is killed at once where it stands, and no `tidy` was due."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.shelf = Shelf(self.clock)
        self.memory = Memory(self.shelf, self.clock)
        self.memory.take_up((), None)

    def again(self, away: float = 5.0) -> None:
        ended = self.clock()
        self.clock.pass_time(away)
        self.memory = Memory(self.shelf, self.clock)
        self.memory.take_up(self.shelf.of(STATE), ended)

    def stands(self, one: Subject, *active: Tier) -> Subject:
        """A look finds the subject in these tiers."""
        put_in(one, *active)
        self.memory.looked(one)
        return one

    def found(self, one: Subject | None = None) -> Subject:
        one = one or subject()
        self.memory.restore(one)
        return one


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([[Tier.CRITICAL], []], id="it was left"),
        pytest.param([[Tier.CRITICAL], [], [Tier.CRITICAL], []], id="it was left twice"),
        pytest.param([[Tier.WARNING, Tier.CRITICAL], [Tier.WARNING], []], id="it was left by way of a lower one"),
    ],
)
def test_a_tier_that_was_left_is_not_taken_up(looks: list[list[Tier]]) -> None:
    run, one = Run(), subject()
    for active in looks:
        run.stands(one, *active)
    run.again()
    assert run.found().tier is Tier.CALM


def test_a_higher_tier_that_was_left_is_not_taken_up_and_the_lower_one_is() -> None:
    run, one = Run(), subject()
    run.stands(one, Tier.WARNING, Tier.CRITICAL)
    run.stands(one, Tier.WARNING)
    run.again()
    assert run.found().tier is Tier.WARNING


def test_a_tier_that_was_left_and_entered_again_is_taken_up_with_its_last_entry() -> None:
    run, one = Run(), subject()
    run.stands(one, Tier.CRITICAL)
    run.stands(one)
    run.clock.pass_time(30.0)
    one.since_wall = run.clock.wall
    run.stands(one, Tier.CRITICAL)
    run.again()
    again = run.found()
    assert (again.tier, again.since_wall) == (Tier.CRITICAL, one.since_wall)


def test_a_tier_that_was_taken_up_and_left_at_the_first_look_is_not_taken_up_by_the_run_after_that() -> None:
    run = Run()
    run.stands(subject(), Tier.CRITICAL)
    run.again()
    run.stands(run.found())
    run.again()
    assert run.found().tier is Tier.CALM


def test_a_tier_that_is_held_is_taken_up_by_one_run_after_another() -> None:
    run = Run()
    run.stands(subject(), Tier.CRITICAL)
    for _ in range(3):
        run.again()
        again = run.found()
        assert again.tier is Tier.CRITICAL
        run.stands(again, Tier.CRITICAL)


def test_an_entry_that_waited_to_be_told_and_was_left_is_not_taken_up() -> None:
    run, one = Run(), subject()
    one.ladder = Ladder(entered=Tier.CRITICAL)
    run.stands(one, Tier.CRITICAL)
    one.ladder = Ladder()
    run.stands(one)
    assert run.shelf.of(STATE) == ()


def test_a_tier_whose_rule_had_changed_is_not_taken_up_when_the_old_rule_comes_back() -> None:
    run = Run()
    run.stands(subject(), Tier.WARNING, Tier.CRITICAL)
    run.again()
    other = replace(POLICY, tiers=(POLICY.tiers[0], rule(Tier.CRITICAL, 200)))
    run.stands(run.found(subject(other)), Tier.WARNING)
    run.again()
    assert run.found().tier is Tier.WARNING


def test_a_tier_that_a_reload_took_away_is_not_taken_up_when_it_comes_back() -> None:
    run, one = Run(), subject()
    run.stands(one, Tier.CRITICAL)
    put_in(one)
    run.memory.tick()
    run.again()
    assert run.found().tier is Tier.CALM


def test_a_group_that_was_away_for_too_long_is_not_taken_up_by_the_run_after_that() -> None:
    run = Run()
    one = subject(key=GROUP)
    one.ladder = Ladder().cool(Tier.CRITICAL, run.clock.mono + 10_000)
    run.stands(one, Tier.CRITICAL)
    run.again(away=601.0)
    run.stands(run.found(subject(key=GROUP)))
    run.again()
    assert run.found(subject(key=GROUP)).tier is Tier.CALM


def test_what_was_found_too_late_is_not_taken_up_by_the_run_after_that() -> None:
    run = Run()
    run.stands(subject(), Tier.CRITICAL)
    run.again()
    run.clock.pass_time(GRACE + 0.5)
    run.stands(run.found())
    run.again()
    assert run.found().tier is Tier.CALM


def test_what_was_found_calm_before_the_journal_answered_is_not_taken_up_by_the_run_after_that() -> None:
    run = Run()
    run.stands(subject(), Tier.CRITICAL)
    run.memory = Memory(run.shelf, run.clock)
    run.stands(run.found())
    run.memory.take_up(run.shelf.of(STATE), run.clock())
    run.again()
    assert run.found().tier is Tier.CALM
