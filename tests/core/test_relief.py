"""Who fills again before the ladder has rested: is the highest tier climbed at once, and only there, and only then?"""

from dataclasses import replace

import pytest
from tests.core.climbing import Climb, policy

from brimwatch.core.relief import Relief, is_short
from brimwatch.model import Limit, Reading, Sample
from brimwatch.quantity import Quantity
from brimwatch.units import Bytes


def relieved(held: float = 450) -> Climb:
    """A subject whose ladder has just won everything back."""
    climb = Climb(policy())
    climb.look(0, held, 1000 - int(held))
    climb.answer(0.1, settled=True)
    climb.look(0.2, 50, 950)
    return climb


@pytest.mark.parametrize(
    ("at", "headroom", "decided"),
    [
        pytest.param(2.2, 600, ["emergency: purge"], id="growth that leads to the limit within the cooldown"),
        pytest.param(30.2, 600, ["emergency: purge cooldown (restart)"], id="growth that does not"),
        pytest.param(2.2, None, ["emergency: purge cooldown (restart)"], id="no limit is known"),
        pytest.param(2.2, 0, ["emergency: purge"], id="the limit is reached"),
    ],
)
def test_an_entry_of_the_highest_tier_in_its_cooldown(at: float, headroom: int | None, decided: list[str]) -> None:
    assert relieved().look(at, 400, headroom) == decided


def test_the_memory_of_the_machine_is_no_such_limit() -> None:
    sample = Sample(2.2, {Quantity.RSS: Reading(400, 2.2)}, Limit(Bytes(1000), "machine"), Bytes(600))
    assert not is_short(Relief(0.2, 50), sample, 60.0)
    assert is_short(Relief(0.2, 50), replace(sample, limit=Limit(Bytes(1000), "cgroup")), 60.0)


def test_a_lower_tier_rests_however_fast_memory_grows() -> None:
    climb = relieved(250)
    assert climb.look(1.0, 250, 10)[-1] == "critical: usr1 cooldown (clean)"


def test_the_cooldown_begins_anew_after_the_second_climb() -> None:
    climb = relieved()
    climb.look(2.2, 400, 600)
    climb.answer(2.3, settled=True)
    climb.look(2.4, 50, 950)
    assert climb.look(62.2, 400, 900) == ["emergency: purge cooldown (restart)"]
    assert climb.look(62.4, 400, 900) == ["emergency: purge"]
