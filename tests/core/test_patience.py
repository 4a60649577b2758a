"""How long is a rung waited for before the limit comes? Its share of the time that is left, by what was measured."""

import math
from dataclasses import replace

import pytest
from tests.core.climbing import CLEAN, USR1, Climb, policy

from brimwatch.core.patience import allowed, overdue, time_left
from brimwatch.model import Firing, Reading, Reason, Sample, Tier, TierRule, Verdict
from brimwatch.quantity import Quantity

FIRING = Firing(1, Tier.CRITICAL, 0, USR1, 10.0, before=1000)


def sample(at: float, held: float | None, headroom: int | None = 1000, **more: float) -> Sample:
    values = {Quantity(name): Reading(value, at) for name, value in more.items()}
    if held is not None:
        values[Quantity.RSS] = Reading(held, at)
    return Sample(at, values, headroom=headroom)


LEFT: dict[str, tuple[Sample, float | None]] = {
    "headroom over the growth since it started": (sample(12, 1400), 5.0),
    "not the forecast, whose window holds what was before": (sample(12, 1400, time_to_limit=900), 5.0),
    "nothing grows: for ever": (sample(12, 1000), math.inf),
    "memory falls: for ever": (sample(12, 400), math.inf),
    "a rise of a thousandth is none": (sample(12, 1001), math.inf),
    "at the limit: none": (sample(12, 1400, 0), 0.0),
    "over the limit: none": (sample(12, 1400, -5), 0.0),
    "too short a time to measure growth over": (sample(10.2, 1400), None),
    "not measured": (sample(12, None), None),
    "no limit is known": (sample(12, 1400, None), None),
}


@pytest.mark.parametrize(("seen", "expected"), LEFT.values(), ids=LEFT)
def test_the_time_that_is_left(seen: Sample, expected: float | None) -> None:
    assert time_left(FIRING, seen) == (None if expected is None else pytest.approx(expected))


OVERDUE: dict[str, tuple[Sample, int, bool]] = {
    "two seconds of seven, one more rung: its third is not over": (sample(12, 1400), 1, False),
    "three of seven: it is": (sample(13, 1600, 668), 1, True),
    "the more rungs are left the sooner": (sample(12, 1400), 2, True),
    "without another rung there is nothing to climb to": (sample(12, 1900, 1), 0, False),
    "where nothing grows it has all the time": (sample(60, 900, 1), 3, False),
    "before growth can be measured nothing is given up": (sample(10.1, 1900, 0), 3, False),
}


@pytest.mark.parametrize(("seen", "rungs_left", "expected"), OVERDUE.values(), ids=OVERDUE)
def test_when_a_rung_has_had_its_share(seen: Sample, rungs_left: int, expected: bool) -> None:
    assert overdue(FIRING, seen, rungs_left) is expected


ALLOWED: dict[str, tuple[Sample, int, float]] = {
    "a share of the forecast for each rung, and one to spare": (sample(1, 1, time_to_limit=30), 1, 10.0),
    "never less than a busy interpreter takes to answer": (sample(1, 1, time_to_limit=0.5), 1, 1.0),
    "no bound without a forecast": (sample(1, 1), 1, math.inf),
    "nor where nothing grows": (sample(1, 1, time_to_limit=math.inf), 1, math.inf),
}


@pytest.mark.parametrize(("seen", "rungs_left", "expected"), ALLOWED.values(), ids=ALLOWED)
def test_how_long_who_is_asked_may_take(seen: Sample, rungs_left: int, expected: float) -> None:
    assert allowed(seen, rungs_left) == pytest.approx(expected)


def climb(*rungs: str, **changes: object) -> Climb:
    """A subject whose critical ladder has these rungs, with room for 1000 bytes below the limit."""
    do = tuple(replace(USR1, name=name, **changes) for name in rungs)
    return Climb(policy(tiers=(TierRule(Tier.CRITICAL, policy().tiers[1].when, do=do),)))


def test_a_rung_under_way_that_will_not_do_in_time_is_given_up_and_the_next_one_runs() -> None:
    one = climb("ask", "clean")
    assert one.look(10.0, 300, headroom=700) == ["critical: ask"]
    assert one.look(10.5, 350, headroom=650) == []
    assert one.look(11.0, 500, headroom=100) == ["ask = deadline", "critical: clean"]
    outcome = one.outcomes[0]
    assert (outcome.verdict, outcome.reason, outcome.reclaimed) == (Verdict.FAILED, Reason.DEADLINE, -200)


def test_an_answer_whose_effect_does_not_come_is_not_waited_for_past_its_share() -> None:
    one = climb("ask", "clean")
    one.look(10.0, 300, headroom=700)
    one.answer(10.05)
    assert one.look(10.1, 300, headroom=700) == []
    assert one.look(10.6, 360, headroom=640) == []
    assert one.look(11.1, 500, headroom=300) == ["ask = -200", "critical: clean"]  # settled at 12.05 else


def test_a_stale_swap_figure_is_not_waited_for_when_the_time_is_over() -> None:
    one = climb("ask", "clean")
    one.swap_matters = True
    old = Reading(5.0, 9.0, 30.0)
    one.look(10.0, 300, headroom=700, swap=old)
    one.answer(10.05, settled=True)
    assert one.look(10.5, 310, headroom=690, swap=old) == []
    assert one.look(11.0, 600, headroom=100, swap=old) == ["ask = -300", "critical: clean"]


def test_what_still_comes_back_is_measured_to_its_end() -> None:
    one = climb("ask", "clean")
    one.look(10.0, 300, headroom=700)
    one.answer(10.05)
    one.look(10.5, 500, headroom=500)
    assert one.look(11.2, 480, headroom=20) == []


CLEAN_LATER = replace(CLEAN, only_if=policy().tiers[2].when)
KEPT = {
    "the last rung has nobody to hand over to": climb("ask"),
    "a rung that ends a process is left to its grace": climb("ask", "clean", ends_process=True),
    "the next rung may not run": Climb(
        policy(tiers=(replace(policy().tiers[1], tell=(), do=(USR1, CLEAN_LATER)),)),
    ),
}


@pytest.mark.parametrize("one", KEPT.values(), ids=KEPT)
def test_who_is_not_given_up(one: Climb) -> None:
    one.look(10.0, 300, headroom=700)
    assert one.look(11.0, 390, headroom=1) == []
    assert one.ladder.firing is not None
