import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.discover import expression
from brimwatch.discover.expression import searcher

SIMPLE = {
    r"gunicorn .* shop\.wsgi": "words with a gap",
    r".*python.*manage.*runserver": "a gap first",
    r"postgres: ": "one word",
    r"/usr/bin/app --config=/etc/app\.yaml": "a path",
    r"a\.*b": "an escaped dot, and then a star that repeats it",
    "": "nothing",
    ".*": "a gap alone",
    "größe": "letters beyond ASCII",
}


@pytest.mark.parametrize("pattern", SIMPLE, ids=SIMPLE.values())
@pytest.mark.parametrize(
    "text", ["", "gunicorn -w 4 shop.wsgi", "python manage runserver", "a..b", "größer postgres: x"]
)
def test_the_answer_is_that_of_the_engine(pattern, text):
    compiled = re.compile(pattern)
    assert (compiled.search(text) is not None) == searcher(compiled)(text)


WORDS = st.lists(st.sampled_from(["a", "b", "ab", r"\.", ".*", ".*?", r"\*", " ", r"\-", "ü"]), max_size=8).map("".join)


@given(WORDS, st.text("ab.* -ü", max_size=30))
def test_whatever_the_words_the_answer_is_that_of_the_engine(pattern, text):
    compiled = re.compile(pattern)
    assert (compiled.search(text) is not None) == searcher(compiled)(text)


@pytest.mark.parametrize(
    ("pattern", "flags"),
    [
        *[(r"a\d", 0), ("a+", 0), ("^a", 0), ("a$", 0), ("[ab]", 0), ("a|b", 0), ("a.b", 0), ("(a)", 0), (r"\ba", 0)],
        *[("a", re.IGNORECASE), ("a b", re.VERBOSE), ("a{2}", 0), ("a?", 0), (r"\w", 0), ("(?i)a", 0), ("a.*+b", 0)],
    ],
)
def test_what_is_more_than_words_goes_to_the_engine(monkeypatch, pattern, flags):
    asked = []
    monkeypatch.setattr(expression, "search", lambda pattern, text: asked.append(text))
    searcher(re.compile(pattern, flags))("text")
    assert asked == ["text"]


def test_a_text_made_to_be_slow_is_answered_at_once():
    # The engine would need years: three gaps over 8,000 characters that come close again and again.
    assert searcher(re.compile(".*a.*b.*c"))("ab" * 4000) is False


def test_a_newline_is_nothing_that_a_gap_goes_over():
    assert searcher(re.compile("a.*b"))("a\nb") is False
