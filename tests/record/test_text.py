"""Is text of others harmless once it was made fit to be shown?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.record.text import LONGEST_LABEL, escaped, label, timestamp

ANY = st.text(st.characters(exclude_categories=()), max_size=200)


def test_an_ordinary_name_stays_as_it_is() -> None:
    assert label("checkout.service") == "checkout.service"


@given(ANY)
def test_a_label_is_printable_bounded_and_encodable(name: str) -> None:
    shown = label(name)

    assert shown.isprintable()
    assert len(shown) <= LONGEST_LABEL
    assert shown.encode("utf-8")[:0] == b""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a" * 64 + "x", "a" * 64 + "y"),
        ("worker\udc80", "worker\udc81"),
        ("line\n", "line\r"),
        ("nul\0", "nul\x01"),
    ],
    ids=["names that differ after 64 characters", "different surrogates", "different line ends", "NUL and SOH"],
)
def test_different_names_stay_different_labels(one: str, other: str) -> None:
    assert label(one) != label(other)


def test_a_label_never_depends_on_the_run() -> None:
    assert label("bad\n") == "bad\ufffd~c53b267c71"


@given(ANY)
def test_escaped_text_is_printable_and_stays_so(text: str) -> None:
    once = escaped(text, 50)

    assert once.isprintable()
    assert escaped(once, 1000) == once


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Käse", "plain Käse"),
        ("two\nlines", r"two\nlines"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("byte \udcff", r"byte \udcff"),
        ("\u202eright to left", r"\u202eright to left"),
        ("x" * 11, "x" * 9 + "…"),
    ],
    ids=[
        "plain text stays",
        "a line feed",
        "an ANSI escape",
        "a lone surrogate",
        "a direction mark",
        "long text is cut",
    ],
)
def test_what_cannot_be_printed_is_shown_as_an_escape(text: str, shown: str) -> None:
    longest = 10 if text == "x" * 11 else 100

    assert escaped(text, longest) == shown


@pytest.mark.parametrize(
    ("wall", "shown"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_760_000_000.0004, "2025-10-09T08:53:20.000Z"),
        (1_760_000_000.9996, "2025-10-09T08:53:21.000Z"),
    ],
    ids=["the epoch", "milliseconds are rounded", "rounding carries into the seconds"],
)
def test_a_timestamp_is_iso_8601_in_utc_with_milliseconds(wall: float, shown: str) -> None:
    assert timestamp(wall) == shown
