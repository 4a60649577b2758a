"""Inside which process is to be looked, for what, and how often? Decided without looking."""

from types import SimpleNamespace
from typing import Any

import pytest

from brimwatch.inspect.found import Want
from brimwatch.model import ProcessId, Tier
from brimwatch.quantity import Quantity
from brimwatch.runtime.introspect_plan import ASKED, CENSUS, CHEAP, LONGEST_BACKOFF, Inside, Part

BUDGET = 0.005
NOW = 1000.0


def inside(*wanted: Quantity, tier: Tier = Tier.CALM, resident: float | None = None) -> Inside:
    sample = None if resident is None else SimpleNamespace(value=lambda quantity: resident)
    subject: Any = SimpleNamespace(target=SimpleNamespace(wanted=frozenset(wanted)), tier=tier)
    watched: Any = SimpleNamespace(sampler=SimpleNamespace(last=sample))
    return Inside(subject, ProcessId(4242, 1), watched, NOW)


def taken(one: Inside, part: Part, cost: float, now: float = NOW) -> Inside:
    one.turns(part).paid(cost, now)
    one.turns(part).succeeded(now)
    return one


def test_a_new_process_is_looked_into_at_once() -> None:
    assert inside().parts_due(NOW, BUDGET, 1.0) == {Part.THREADS, Part.CENSUS}


def test_objects_are_walked_only_where_a_tier_names_them() -> None:
    assert not inside(Quantity.RSS).applies(Part.OBJECTS)
    assert inside(Quantity.PYTHON_OBJECTS).applies(Part.OBJECTS)


def test_of_what_is_no_python_only_the_allocators_are_looked_at() -> None:
    one = inside(Quantity.PYTHON_OBJECTS)
    one.learn(python=False)
    assert [part for part in Part if one.applies(part)] == [Part.CENSUS]
    assert one.wants(frozenset({Part.CENSUS})) == {Want.ARENAS, Want.THREADS}


def test_one_that_has_just_begun_is_asked_again_soon_whether_it_runs_python() -> None:
    one = inside()
    cadences = []
    for _ in range(5):
        one.learn(python=False)
        cadences.append(one.cadence(Part.CENSUS, BUDGET))
    assert cadences == [CHEAP, CHEAP, CHEAP, CENSUS, CENSUS]
    one.learn(python=True)
    assert [part for part in Part if one.applies(part)] == [Part.THREADS, Part.CENSUS]


@pytest.mark.parametrize(
    ("one", "part", "seconds"),
    [
        pytest.param(inside(), Part.THREADS, CHEAP, id="what is cheap often"),
        pytest.param(inside(), Part.CENSUS, CENSUS, id="a census each minute"),
        pytest.param(inside(Quantity.FRAGMENTATION), Part.CENSUS, ASKED, id="where a tier names fragmentation sooner"),
        pytest.param(inside(Quantity.TRIMMABLE), Part.CENSUS, ASKED, id="where a tier names trimmable sooner"),
        pytest.param(inside(Quantity.PYTHON_BLOCKS), Part.CENSUS, ASKED, id="where a tier names blocks sooner"),
        pytest.param(inside(tier=Tier.WARNING), Part.CENSUS, ASKED, id="while a tier holds sooner"),
        pytest.param(inside(Quantity.PYTHON_OBJECTS), Part.OBJECTS, ASKED, id="objects each half minute"),
        pytest.param(
            taken(inside(Quantity.PYTHON_OBJECTS), Part.OBJECTS, 0.5),
            Part.OBJECTS,
            0.5 / (BUDGET / 2),
            id="what costs much takes half of the budget at most",
        ),
    ],
)
def test_how_often(one: Inside, part: Part, seconds: float) -> None:
    assert one.cadence(part, BUDGET) == seconds
    assert one.cadence(part, BUDGET, 3.0) == 3 * seconds


def test_what_was_taken_is_due_again_after_its_cadence() -> None:
    one = taken(taken(inside(), Part.THREADS, 0.001), Part.CENSUS, 0.01)
    one.refresh(BUDGET, 1.0)
    assert (one.due, one.demand) == (NOW + CHEAP, 0.001 / CHEAP + 0.01 / CENSUS)
    assert one.parts_due(NOW + 1, BUDGET, 1.0) == frozenset()
    assert one.parts_due(NOW + CHEAP, BUDGET, 1.0) == {Part.THREADS}


def test_what_is_due_soon_is_taken_along() -> None:
    one = taken(taken(inside(), Part.THREADS, 0.001, NOW + 40), Part.CENSUS, 0.01)
    assert one.parts_due(NOW + 50, BUDGET, 1.0) == {Part.THREADS, Part.CENSUS}


def test_what_failed_is_tried_again_ever_later() -> None:
    turns = inside().turns(Part.CENSUS)
    pauses = []
    for _ in range(8):
        turns.paid(0.01, NOW)
        turns.failed(NOW, CENSUS)
        pauses.append(turns.due(CENSUS) - NOW)
    assert pauses[:3] == [CENSUS, 2 * CENSUS, 4 * CENSUS]
    assert pauses[-1] == LONGEST_BACKOFF
    turns.succeeded(NOW)
    assert turns.due(CENSUS) == NOW + CENSUS


def test_what_was_never_looked_into_is_expected_to_cost_by_its_size() -> None:
    assert inside(resident=5e9).expected(Part.CENSUS) == pytest.approx(0.5)
    assert inside().expected(Part.CENSUS) == 0.0
    assert taken(inside(resident=5e9), Part.CENSUS, 0.2).expected(Part.CENSUS) == 0.2
