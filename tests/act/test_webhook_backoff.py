import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.act.retry_after import retry_after
from brimwatch.act.webhook_reply import LONGEST_ASKED, LONGEST_WAIT, SHORTEST_WAIT, backoff
from brimwatch.units import Seconds

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"  # 1,700,000,000
DRAWS = st.floats(0, 1)
TRIES = st.integers(0, 10**9)


@pytest.mark.parametrize(
    ("tries", "asked", "draw", "expected"),
    [
        pytest.param(1, None, 1.0, 1.0, id="up to a second after the first try"),
        pytest.param(1, None, 0.5, 0.5, id="any part of it by chance"),
        pytest.param(4, None, 1.0, 8.0, id="twice as long with each"),
        pytest.param(30, None, 1.0, 60.0, id="never more than a minute"),
        pytest.param(5, None, 0.0, 0.1, id="never at once"),
        pytest.param(1, 20.0, 0.5, 20.5, id="what is asked for, and the chance on top"),
        pytest.param(1, 86400.0, 0.5, 300.0, id="but not for more than five minutes"),
    ],
)
def test_how_long_to_wait(tries: int, asked: float | None, draw: float, expected: float) -> None:
    assert backoff(tries, None if asked is None else Seconds(asked), draw) == expected


@given(tries=TRIES, draw=DRAWS)
def test_a_wait_lies_between_its_bounds(tries: int, draw: float) -> None:
    assert SHORTEST_WAIT <= backoff(tries, None, draw) <= LONGEST_WAIT


@given(tries=TRIES, draw=DRAWS, more=DRAWS)
def test_waits_grow_with_the_tries_and_with_chance(tries: int, draw: float, more: float) -> None:
    low, high = sorted((draw, more))
    assert backoff(tries, None, draw) <= backoff(tries + 1, None, draw)
    assert backoff(tries, None, low) <= backoff(tries, None, high)


@given(tries=TRIES, asked=st.floats(-1e9, 1e9), draw=DRAWS)
def test_what_the_receiver_asks_for_is_honoured_within_five_minutes(tries: int, asked: float, draw: float) -> None:
    wait = backoff(tries, Seconds(asked), draw)
    assert min(asked, LONGEST_ASKED) <= wait <= LONGEST_ASKED


@pytest.mark.parametrize(
    ("value", "date", "expected"),
    [
        pytest.param("120", "", 120.0, id="seconds"),
        pytest.param(" 0 ", "", 0.0, id="at once"),
        pytest.param("Tue, 14 Nov 2023 22:14:20 GMT", DATE, 60.0, id="a moment by the receiver's clock"),
        pytest.param("Tue, 14 Nov 2023 22:14:20 GMT", "", 61.0, id="a moment by our clock"),
        pytest.param("Tue, 14 Nov 2023 22:14:20 GMT", "today", 61.0, id="a moment, beside a date that is none"),
        pytest.param("Tuesday, 14-Nov-23 22:14:20 GMT", DATE, 60.0, id="the form of RFC 850"),
        pytest.param("Tue Nov 14 22:14:20 2023", DATE, 60.0, id="the form of asctime"),
        pytest.param("Tue, 14 Nov 2023 22:13:00 GMT", DATE, 0.0, id="a moment that has passed"),
        pytest.param("", "", None, id="no header"),
        pytest.param("-5", "", None, id="a negative number"),
        pytest.param("1.5", "", None, id="a fraction"),
        pytest.param("9" * 4000, "", None, id="a number without end"),
        pytest.param("Tue, 14 Nov 2023 25:61:61 GMT", DATE, None, id="a moment that never comes"),
        pytest.param("\u0661", "", None, id="a digit of another script"),
    ],
)
def test_when_a_receiver_wants_to_be_asked_again(value: str, date: str, expected: float | None) -> None:
    assert retry_after(value, date, 1_699_999_999.0) == expected
