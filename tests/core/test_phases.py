import pytest

from brimwatch.core.phases import TABLE, Phase, Seen, diagram, step

MOVES = {
    "a calm tier that is met begins to hold": (Phase.CALM, Seen.MET, Phase.HOLDING),
    "a calm tier that needs no hold is active at once": (Phase.CALM, Seen.HELD, Phase.ACTIVE),
    "a hold that is complete makes the tier active": (Phase.HOLDING, Seen.HELD, Phase.ACTIVE),
    "a hold ends when the value falls below enter": (Phase.HOLDING, Seen.BETWEEN, Phase.CALM),
    "a hold ends when the value falls below leave": (Phase.HOLDING, Seen.BELOW, Phase.CALM),
    "a hold is void after three missed cadences": (Phase.HOLDING, Seen.LOST, Phase.CALM),
    "an active tier is left below leave": (Phase.ACTIVE, Seen.BELOW, Phase.CALM),
}
KEEPS = {
    "a missing value does not fire": (Phase.CALM, Seen.MISSING),
    "a lost value does not fire": (Phase.CALM, Seen.LOST),
    "a calm tier stays calm between leave and enter": (Phase.CALM, Seen.BETWEEN),
    "a calm tier stays calm below leave": (Phase.CALM, Seen.BELOW),
    "a hold goes on while its condition is met": (Phase.HOLDING, Seen.MET),
    "a missing value does not reset a hold": (Phase.HOLDING, Seen.MISSING),
    "between leave and enter an active tier stays active": (Phase.ACTIVE, Seen.BETWEEN),
    "a missing value does not clear": (Phase.ACTIVE, Seen.MISSING),
    "a lost value does not clear": (Phase.ACTIVE, Seen.LOST),
    "an active tier that is met stays active": (Phase.ACTIVE, Seen.MET),
    "an active tier that is held stays active": (Phase.ACTIVE, Seen.HELD),
}


@pytest.mark.parametrize(("phase", "seen", "after"), MOVES.values(), ids=MOVES)
def test_a_listed_pair_moves(phase: Phase, seen: Seen, after: Phase) -> None:
    assert after is step(phase, seen)


@pytest.mark.parametrize(("phase", "seen"), KEEPS.values(), ids=KEEPS)
def test_a_pair_that_is_not_listed_keeps_its_phase(phase: Phase, seen: Seen) -> None:
    assert phase is step(phase, seen)


def test_every_pair_is_named_here() -> None:
    named = {(phase, seen) for phase, seen, _ in MOVES.values()} | set(KEEPS.values())
    assert {(phase, seen) for phase in Phase for seen in Seen} == named
    assert {(phase, seen) for phase, seen, _ in MOVES.values()} == set(TABLE)


def test_only_an_active_tier_tells_between_from_below() -> None:
    """`evaluate` rests on it: a tier that is not active is not asked whether the value is below its leave."""
    for phase in (Phase.CALM, Phase.HOLDING):
        assert step(phase, Seen.BETWEEN) is step(phase, Seen.BELOW)


def test_the_diagram_is_the_table() -> None:
    expected = """\
stateDiagram-v2
    [*] --> calm
    calm --> holding: met
    calm --> active: held
    holding --> active: held
    holding --> calm: between, below leave, lost
    active --> calm: below leave
"""
    assert expected == diagram()
