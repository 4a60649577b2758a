import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.discover.slots import QUARANTINE, SLOTS, Slots


def test_the_first_members_count_from_zero():
    slots = Slots()
    assert [slots.take(0.0) for _ in range(3)] == [0, 1, 2]


def test_a_number_rests_five_minutes_before_another_member_has_it():
    slots = Slots()
    slots.take(0.0)
    slots.give_back(0, 10.0)
    assert [slots.take(10.0), slots.take(309.9), slots.take(310.0)] == [1, 2, 0]


def test_the_lowest_number_that_has_rested_comes_first():
    slots = Slots()
    for _ in range(5):
        slots.take(0.0)
    for number in (3, 1, 4):
        slots.give_back(number, 0.0)
    assert [slots.take(QUARANTINE) for _ in range(4)] == [1, 3, 4, 5]


def test_no_more_than_64_members_have_a_number():
    slots = Slots()
    assert [*range(64), None, None] == [slots.take(0.0) for _ in range(66)]


def test_numbers_that_rest_are_not_free():
    slots = Slots(most=2)
    slots.take(0.0), slots.take(0.0)
    slots.give_back(1, 0.0)
    assert [slots.take(1.0), slots.take(QUARANTINE)] == [None, 1]


def test_a_number_that_nobody_has_cannot_be_given_back():
    slots = Slots()
    with pytest.raises(KeyError):
        slots.give_back(0, 0.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 200), st.integers(0, SLOTS)), max_size=300))
def test_no_number_is_ever_shared_nor_used_again_too_soon(steps):
    slots, now = Slots(), 0.0
    taken: set[int] = set()
    freed: dict[int, float] = {}
    for take, later, which in steps:
        now += later
        if take:
            number = slots.take(now)
            if number is None:
                assert all(number in taken or now < freed[number] + QUARANTINE for number in range(SLOTS))
                continue
            assert number not in taken
            assert number < SLOTS
            assert now >= freed.get(number, -QUARANTINE) + QUARANTINE
            taken.add(number)
        elif taken:
            number = sorted(taken)[which % len(taken)]
            taken.remove(number)
            freed[number] = now
            slots.give_back(number, now)
