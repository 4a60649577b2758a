"""What of tiers, cooldowns and budgets comes back, and when does it not?"""

from dataclasses import replace

import pytest
from tests.runtime.doubles import POLICY, WALL, Clock, Shelf, put_in, rule, subject

from brimwatch.core.budget import Spent
from brimwatch.core.decide import NEVER, Ladder
from brimwatch.core.phases import Phase
from brimwatch.model import Action, Budget, Policy, ProcessId, Tier
from brimwatch.record.journal_rows import BUDGET, STATE, Kept
from brimwatch.runtime.memory import GRACE, Memory
from brimwatch.runtime.subject import GROUP, Subject
from brimwatch.units import Seconds

RESTART = Action("restart", "signal", None, ends_process=True, at_most=Budget(1, Seconds(600.0)))


def left(clock: Clock, was: Subject) -> Shelf:
    """The journal of a run that knew a subject."""
    shelf = Shelf(clock)
    Memory(shelf, clock).looked(was)
    return shelf


def found(clock: Clock, shelf: Shelf, again: Subject, away: float = 5.0) -> Subject:
    """The same subject in the next run, `away` seconds later."""
    ended = clock()
    clock.pass_time(away)
    memory = Memory(shelf, clock)
    memory.take_up(shelf.of(STATE), ended)
    memory.restore(again)
    return again


def test_a_process_that_is_found_again_goes_on_where_it_was() -> None:
    clock = Clock()
    was = subject(active=(Tier.WARNING, Tier.CRITICAL))
    was.since_wall = WALL - 100
    was.ladder = Ladder(climbs=3, cooldowns=(NEVER, NEVER, clock.mono + 40, NEVER), refused=Tier.CRITICAL)
    again = found(clock, left(clock, was), subject())
    assert again.tier is Tier.CRITICAL
    assert again.judgement is not None
    assert [state.phase for state in again.judgement.states] == [Phase.ACTIVE, Phase.ACTIVE]
    assert again.ladder == was.ladder
    assert again.since_wall == WALL - 100


@pytest.mark.parametrize("step", [1e8, -1e8], ids=["far ahead", "far back"])
def test_a_step_of_the_wall_clock_moves_no_cooldown_and_no_budget(step: float) -> None:
    clock = Clock()
    was = subject(active=(Tier.CRITICAL,))
    was.ladder = Ladder().cool(Tier.CRITICAL, clock.mono + 40)
    shelf = left(clock, was)
    Memory(shelf, clock).spent(Spent().spend("cache", RESTART, clock.mono))
    clock.wall += step
    again = found(clock, shelf, subject(), away=30.0)
    spent = Memory(shelf, clock).budgets(shelf.of(BUDGET))
    assert again.ladder.cooldowns == was.ladder.cooldowns
    assert not spent.allows("cache", RESTART, clock.mono)
    assert not spent.allows("cache", RESTART, clock.mono + 569)
    assert spent.allows("cache", RESTART, clock.mono + 571)


def test_after_a_reboot_budgets_go_by_the_wall_clock() -> None:
    clock = Clock()
    shelf = Shelf(clock)
    Memory(shelf, clock).spent(Spent().spend("cache", RESTART, clock.mono - 60))
    clock.reboot(100.0)
    spent = Memory(shelf, clock).budgets(shelf.of(BUDGET))
    assert not spent.allows("cache", RESTART, clock.mono + 439)
    assert spent.allows("cache", RESTART, clock.mono + 441)


def test_after_a_reboot_with_a_dead_clock_no_run_lies_in_the_future() -> None:
    clock = Clock()
    shelf = Shelf(clock)
    Memory(shelf, clock).spent(Spent().spend("cache", RESTART, clock.mono))
    clock.reboot(-WALL)
    spent = Memory(shelf, clock).budgets(shelf.of(BUDGET))
    assert spent.runs[("cache", "restart")] == (clock.mono,)
    assert spent.allows("cache", RESTART, clock.mono + 601)


def test_a_run_that_was_taken_back_is_not_restored() -> None:
    clock = Clock()
    shelf = Shelf(clock)
    memory = Memory(shelf, clock)
    spent = Spent().spend("cache", RESTART, clock.mono)
    memory.spent(spent)
    memory.spent(spent.refund("cache", RESTART, clock.mono))
    assert Memory(shelf, clock).budgets(shelf.of(BUDGET)).allows("cache", RESTART, clock.mono)


@pytest.mark.parametrize(
    ("again", "reboot"),
    [
        pytest.param(subject(key=ProcessId(42, 4201)), False, id="another process with the same PID"),
        pytest.param(subject(name="other"), False, id="the same process under another name"),
        pytest.param(subject(), True, id="a process of another boot"),
    ],
)
def test_what_is_not_the_same_is_judged_afresh(again: Subject, reboot: bool) -> None:
    clock = Clock()
    shelf = left(clock, subject(active=(Tier.CRITICAL,)))
    if reboot:
        clock.reboot(60.0)
    assert found(clock, shelf, again).judgement is None


def test_a_tier_whose_rule_has_changed_is_judged_afresh_and_the_others_are_kept() -> None:
    clock = Clock()
    shelf = left(clock, subject(active=(Tier.WARNING, Tier.CRITICAL)))
    changed = replace(POLICY, tiers=(POLICY.tiers[0], rule(Tier.CRITICAL, 101)))
    again = found(clock, shelf, subject(changed))
    assert again.tier is Tier.WARNING


def test_a_group_is_the_same_for_ten_minutes_and_not_after_a_reboot() -> None:
    clock = Clock()
    was = subject(active=(Tier.CRITICAL,), key=GROUP)
    was.ladder = Ladder().cool(Tier.CRITICAL, clock.mono + 50)
    shelf = left(clock, was)
    assert found(clock, shelf, subject(key=GROUP), away=599.0).tier is Tier.CRITICAL
    assert found(clock, shelf, subject(key=GROUP), away=601.0).judgement is None

    clock = Clock()
    shelf = left(clock, was)
    clock.reboot(10.0)
    again = found(clock, shelf, subject(key=GROUP), away=0.0)
    assert again.judgement is None
    assert again.ladder.cooldowns[Tier.CRITICAL] == clock.mono + 40


def test_a_shorter_cooldown_in_the_configuration_holds_at_once() -> None:
    clock = Clock()
    was = subject(active=(Tier.CRITICAL,))
    was.ladder = Ladder().cool(Tier.CRITICAL, clock.mono + 60)
    short = Policy(POLICY.name, POLICY.tiers, Seconds(10.0))
    again = found(clock, left(clock, was), subject(short))
    assert again.ladder.cooldowns[Tier.CRITICAL] == clock.mono + 10


def test_what_is_found_late_is_judged_afresh() -> None:
    clock = Clock()
    shelf = left(clock, subject(active=(Tier.CRITICAL,)))
    memory = Memory(shelf, clock)
    memory.take_up(shelf.of(STATE), clock())
    clock.pass_time(GRACE + 1)
    memory.tidy(clock.mono)
    again = subject()
    memory.restore(again)
    assert again.judgement is None
    assert shelf.of(STATE) == ()


def test_what_comes_too_late_does_not_take_along_what_was_written_since() -> None:
    clock = Clock()
    shelf = left(clock, subject(active=(Tier.CRITICAL,)))
    memory = Memory(shelf, clock)
    memory.take_up(shelf.of(STATE), clock())
    memory.looked(subject(active=(Tier.WARNING,)))
    clock.pass_time(GRACE + 1)
    memory.tidy(clock.mono)
    assert len(shelf.of(STATE)) == 1


def test_an_entry_that_waits_to_be_told_still_does() -> None:
    clock = Clock()
    was = subject(active=(Tier.CRITICAL,))
    was.ladder = Ladder(entered=Tier.CRITICAL)
    assert found(clock, left(clock, was), subject()).ladder.entered is Tier.CRITICAL


def test_a_calm_subject_is_not_written_and_one_that_became_calm_is_forgotten() -> None:
    clock = Clock()
    shelf = Shelf(clock)
    memory = Memory(shelf, clock)
    one = subject()
    memory.looked(one)
    assert shelf.written == 0
    put_in(one, Tier.WARNING)
    memory.looked(one)
    memory.looked(one)
    assert shelf.written == 1
    put_in(one)
    memory.tidy(clock.mono)
    assert shelf.of(STATE) == ()


def test_a_value_that_swings_around_a_threshold_is_written_once() -> None:
    clock = Clock()
    shelf = Shelf(clock)
    memory = Memory(shelf, clock)
    one = subject()
    for _ in range(10):
        put_in(one, holding=True)
        memory.looked(one)
        put_in(one)
        memory.looked(one)
    assert shelf.written == 1
    again = found(clock, shelf, subject())
    assert again.judgement is not None, "it was known, so that it does not skip `for`"
    assert again.tier is Tier.CALM


@pytest.mark.parametrize(
    "body",
    [{}, {"tiers": 7}, {"tiers": {"critical": []}}, {"cooldowns": [1]}, {"cooldowns": "x", "entered": 5, "climbs": -1}],
)
def test_a_document_that_says_nonsense_does_no_harm(body: dict[str, object]) -> None:
    clock = Clock()
    memory = Memory(Shelf(clock), clock)
    memory.take_up([Kept('["cache", 42, 4200]', body, clock())], clock())  # type: ignore[arg-type]
    again = subject()
    memory.restore(again)
    assert again.tier is Tier.CALM
    assert again.ladder == Ladder()
    rows = [
        Kept(key, {"runs": runs}, clock()) for key, runs in (("[", []), ("[1, 2]", [1.0]), ('["a", "b"]', ["x", None]))
    ]  # type: ignore[dict-item, list-item]
    assert memory.budgets(rows) == Spent()


def test_a_new_journal_is_told_all_that_is_known() -> None:
    clock = Clock()
    shelf = Shelf(clock)
    memory = Memory(shelf, clock)
    memory.looked(subject(active=(Tier.CRITICAL,)))
    memory.spent(Spent().spend("cache", RESTART, clock.mono))
    before = {kind: set(rows) for kind, rows in shelf.rows.items()}
    shelf.rows.clear()
    memory.write_all()
    assert {kind: set(rows) for kind, rows in shelf.rows.items()} == before


def test_an_entry_that_was_told_and_still_waits_for_its_turn_is_not_told_again() -> None:
    clock = Clock()
    was = subject(active=(Tier.WARNING, Tier.CRITICAL))
    was.ladder = Ladder(entered=Tier.CRITICAL, told=Tier.CRITICAL)
    again = found(clock, left(clock, was), subject())
    assert (again.ladder.entered, again.ladder.told) == (Tier.CRITICAL, Tier.CRITICAL)


def test_one_limit_shared_by_many_is_one_emergency_after_a_restart_as_well() -> None:
    clock = Clock()
    was = subject(active=(Tier.CRITICAL,))
    was.shared = True
    assert found(clock, left(clock, was), subject()).shared


def test_runs_that_no_budget_sees_any_more_leave_the_journal() -> None:
    clock = Clock()
    shelf = Shelf(clock)
    memory = Memory(shelf, clock)
    memory.spent(Spent().spend("cache", RESTART, clock.mono))
    memory.spent(Spent())
    assert shelf.of(BUDGET) == ()
