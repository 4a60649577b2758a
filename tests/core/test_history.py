"""Does the ring of the last minutes stay small, and keep what matters: the newest rows, every peak and every floor?"""

import gc
import math
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as some

from brimwatch.core.history import CAPACITY, SPAN, History, Row
from brimwatch.model import Limit, Reading, Sample
from brimwatch.quantity import Quantity


def look(at: float, rss: float | None, **more: float) -> Sample:
    readings = {Quantity(name): Reading(value, at) for name, value in more.items()}
    if rss is not None:
        readings[Quantity.RSS] = Reading(rss, at)
    return Sample(at, readings)


def filled(points: Iterable[tuple[float, float]], **options: float) -> History:
    history = History(**options)
    for at, rss in points:
        history.add(look(at, rss))
    return history


def test_a_row_holds_what_was_measured_and_none_for_the_rest() -> None:
    history = History()
    history.add(Sample(1.5, {Quantity.RSS: Reading(100, 1.5)}, Limit(900, "cgroup"), 400))
    history.add(look(2.5, None, working_set=7, swap=1, growth=2.5, time_to_limit=math.inf))
    assert history.rows() == [
        Row(1.5, 100, None, None, 900, 400, None, None),
        Row(2.5, None, 1, 7, None, None, 2.5, math.inf),
    ]


def test_rows_since_a_moment_begin_with_it() -> None:
    history = filled((at, at) for at in range(10))
    assert [row.at for row in history.rows(7)] == [7, 8, 9]


def test_nothing_is_kept_at_first() -> None:
    assert History().rows() == []


def test_a_look_that_is_not_later_is_left_out() -> None:
    assert [row.at for row in filled([(5, 1), (5, 2), (4, 3), (6, 4)]).rows()] == [5, 6]


def test_what_is_older_than_the_span_is_not_shown() -> None:
    rows = filled((at, at) for at in range(1000)).rows()
    assert (rows[0].at, rows[-1].at) == (999 - SPAN, 999)


def test_a_subject_that_comes_back_after_an_hour_begins_anew() -> None:
    assert [row.at for row in filled([(0, 1), (1, 1), (3600, 2)]).rows()] == [3600]


def test_looks_two_milliseconds_apart_leave_no_more_rows_than_there_is_room() -> None:
    history = filled((number * 0.002, number) for number in range(50_000))
    assert CAPACITY // 2 <= len(history) <= CAPACITY


def test_the_newest_looks_stay_as_they_were() -> None:
    history = filled((number * 0.002, number) for number in range(50_000))
    assert [row.rss for row in history.rows()][-200:] == list(range(49_800, 50_000))


def test_a_single_peak_and_a_single_floor_outlive_thinning() -> None:
    points = {number * 0.002: 500.0 for number in range(100_000)}
    points[31_000 * 0.002], points[77_000 * 0.002] = 900.0, 100.0
    held = [row.rss for row in filled(points.items()).rows()]
    assert (max(held), min(held)) == (900, 100)


def test_a_swapped_out_peak_counts_as_one() -> None:
    history = History(16)
    for number in range(1000):
        history.add(look(number * 0.01, 100, swap=800 if number == 500 else 0))
    assert max(row.rss + row.swap for row in history.rows()) == 900


@given(some.lists(some.tuples(some.floats(0.001, 5), some.integers(0, 10**12)), min_size=1, max_size=400))
def test_peak_and_floor_of_the_span_are_always_there_and_rows_rise_in_time(steps: list[tuple[float, int]]) -> None:
    now, seen, history = 0.0, [], History(32, 100.0)
    for step, rss in steps:
        now += step
        history.add(look(now, rss))
        seen = [(at, value) for at, value in [*seen, (now, rss)] if at >= now - 100]
    rows = history.rows()
    assert len(history) <= 32
    assert [row.at for row in rows] == sorted({row.at for row in rows})
    assert max(row.rss for row in rows) >= max(value for _, value in seen)
    assert min(row.rss for row in rows) <= min(value for _, value in seen)


def test_the_same_looks_leave_the_same_rows() -> None:
    points = [(number * 0.013, (number * 7919) % 1000) for number in range(5000)]
    assert filled(points).rows() == filled(points).rows()


def test_a_full_history_is_two_objects_to_the_garbage_collector() -> None:
    history = filled((at * 0.5, at) for at in range(2000))
    inside = [one for one in gc.get_referents(history) if gc.is_tracked(one) and not isinstance(one, type)]
    assert len(inside) == 1
    assert gc.get_referents(inside[0]) == [type(inside[0])] or gc.get_referents(inside[0]) == []
