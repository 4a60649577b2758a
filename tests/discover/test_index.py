import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brimwatch.config.settings import Match
from brimwatch.discover.facts import CGROUP, CMDLINE, EXE, Facts, Place
from brimwatch.discover.index import Index
from brimwatch.discover.rules import Rule
from brimwatch.procfs.cgroup import parse_cgroup


def place(unit):
    return Place(parse_cgroup(f"0::/{unit}\n".encode()))


MATCHES = [
    Match(name="nginx"),
    Match(name="ngin*"),
    Match(unit="web.service"),
    Match(exe="/usr/bin/app"),
    Match(cmdline=re.compile(r"gunicorn .* shop\.wsgi")),
    Match(cmdline=re.compile("abc")),
    Match(cmdline=re.compile("gunicorn [0-9]")),
    Match(user="0"),
]
RULES = {index: Rule(match) for index, match in enumerate(MATCHES)}
ALWAYS = {1, 5, 6, 7}  # patterns, words that are too short, real expressions, other keys


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(Facts("x"), set(), id="nothing that is looked up"),
        pytest.param(Facts("nginx"), {0}, id="an exact name"),
        pytest.param(Facts("x", place=place("web.service")), {2}, id="an exact unit"),
        pytest.param(Facts("x", exe="/usr/bin/app"), {3}, id="an exact program"),
        pytest.param(Facts("x", cmdline="gunicorn -w 4 shop.wsgi"), {4}, id="words"),
        pytest.param(Facts("x", cmdline="other"), set(), id="other words"),
        pytest.param(
            Facts("x", denied=frozenset((EXE, CGROUP, CMDLINE))), {2, 3, 4}, id="what was denied is asked for"
        ),
    ],
)
def test_who_is_compared(facts, expected):
    relevant = Index(RULES).relevant(facts)
    assert sorted(expected | ALWAYS) == relevant


def test_many_targets_whose_words_have_much_in_common_are_told_apart():
    rules = {n: Rule(Match(cmdline=re.compile(rf"gunicorn .* app{n:04}\.wsgi"))) for n in range(5000)}
    relevant = Index(rules).relevant(Facts("x", cmdline="gunicorn -w 4 app1234.wsgi"))
    assert 1234 in relevant
    assert len(relevant) < 100


WORDS = st.text("ab .", min_size=1, max_size=8)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=3), max_size=20), st.lists(WORDS, max_size=10))
def test_nobody_who_would_match_is_left_out(patterns, text):
    facts = Facts("x", cmdline="".join(text))
    rules = {n: Rule(Match(cmdline=re.compile(".*".join(map(re.escape, p))))) for n, p in enumerate(patterns)}
    holding = {n for n, rule in rules.items() if rule.reduce(facts, set()) is not None}
    assert holding <= set(Index(rules).relevant(facts))
