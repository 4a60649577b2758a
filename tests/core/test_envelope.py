"""Does the envelope of a long history keep every peak and every floor in little memory?"""

from hypothesis import given
from hypothesis import strategies as some

from brimwatch.core.envelope import Envelope


def filled(points: list[tuple[float, float]], most: int = 2048) -> Envelope:
    envelope = Envelope(most)
    for at, value in points:
        envelope.add(at, value)
    return envelope


def test_nothing_is_nothing() -> None:
    assert (Envelope().looks, Envelope().span, Envelope().points()) == (0, 0.0, [])


def test_a_short_history_stays_as_it_is() -> None:
    points = [(float(at), float(at % 3)) for at in range(100)]
    assert filled(points).points() == points


def test_a_point_that_is_earlier_than_the_last_is_left_out() -> None:
    assert filled([(5.0, 1.0), (4.0, 9.0), (6.0, 2.0)]).points() == [(5.0, 1.0), (6.0, 2.0)]


def test_coarse_slots_are_of_equal_length_and_hold_their_floor_and_their_peak() -> None:
    slots = filled([(float(at), float(at)) for at in range(101)]).coarse(10)
    assert [(slot.low, slot.high) for slot in slots] == [
        *((start, start + 9) for start in range(0, 90, 10)),
        (90, 100),
    ]


@given(some.lists(some.tuples(some.floats(0, 100), some.floats(0, 1e12)), min_size=1, max_size=300))
def test_peak_and_floor_are_never_lost_however_long_it_takes(steps: list[tuple[float, float]]) -> None:
    now, points = 0.0, []
    for step, value in steps:
        now += step
        points.append((now, value))
    envelope = filled(points, 16)
    values = [value for _, value in envelope.points()]
    assert len(values) <= 32
    assert (min(values), max(values)) == (min(value for _, value in points), max(value for _, value in points))
    assert [at for at, _ in envelope.points()] == sorted(at for at, _ in envelope.points())
    assert envelope.looks == len(points)
