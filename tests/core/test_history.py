import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from brimwatch.core.history import MOST, SPAN, History, Row
from brimwatch.model import Limit, Reading, Sample
from brimwatch.quantity import Quantity
from brimwatch.units import Bytes


def sample(at: float, rss: float = 1.0, **more: float) -> Sample:
    values = {Quantity.RSS: rss} | {Quantity(name): value for name, value in more.items()}
    return Sample(at, {quantity: Reading(value, at) for quantity, value in values.items()})


def filled(*looks: Sample) -> History:
    history = History()
    for look in looks:
        history.add(look)
    return history


def test_a_row_holds_what_was_measured_and_none_for_the_rest() -> None:
    whole = Sample(5.0, sample(5.0, 7.0, swap=2.0, growth=3.0).readings, Limit(Bytes(100), "cgroup"), Bytes(0))
    assert filled(whole).rows() == [Row(5.0, rss=7.0, swap=2.0, limit=100.0, headroom=0.0, growth=3.0)]
    assert filled(Sample(1.0, {})).rows() == [Row(1.0)]


def test_an_endless_time_to_the_limit_stays_one() -> None:
    assert filled(sample(1.0, time_to_limit=math.inf)).rows()[0].time_to_limit == math.inf


def test_rows_since_a_moment_are_those_from_it_on() -> None:
    history = filled(sample(1.0), sample(2.0), sample(3.0))
    assert [row.at for row in history.rows(2.0)] == [2.0, 3.0]
    assert History().rows() == []


def test_looks_at_the_same_moment_share_a_row() -> None:
    assert filled(sample(1.0, 5.0), sample(1.001, 6.0)).rows() == [Row(1.001, rss=6.0)]


def test_five_minutes_of_a_look_each_second_are_kept_whole() -> None:
    history = filled(*(sample(float(at)) for at in range(1000)))
    assert [row.at for row in history.rows(999 - SPAN)] == [float(at) for at in range(699, 1000)]


def test_of_ten_minutes_of_looks_at_100_a_second_the_last_second_and_the_first_minutes_are_both_there() -> None:
    history = filled(*(sample(at / 100, float(at)) for at in range(60_000)))
    rows = history.rows(600 - SPAN)
    assert len(history) <= MOST
    assert rows[0].at < 600 - SPAN + 10
    assert rows[-1].at == 599.99
    assert sum(row.at > 599 for row in rows) > 40
    assert all(later.at - one.at <= 10 for one, later in pairwise(rows))


@given(st.lists(st.floats(0.0, 5.0), max_size=1500))
def test_rows_stay_few_and_in_order_whatever_the_gaps(gaps: list[float]) -> None:
    history, at = History(), 0.0
    for gap in gaps:
        at += gap
        history.add(sample(at))
    rows = history.rows()
    assert len(rows) <= MOST
    assert [row.at for row in rows] == sorted(row.at for row in rows)
    assert not gaps or rows[-1].at == at
