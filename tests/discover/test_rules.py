import re

import pytest

from brimwatch.config.settings import Match
from brimwatch.discover.facts import CGROUP, CMDLINE, EXE, USER, Facts, Place
from brimwatch.discover.rules import SLOW, Moving, Residue, Rule
from brimwatch.procfs.cgroup import parse_cgroup

ID = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
PLACE = Place(parse_cgroup(f"4:memory:/batch/night\n0::/system.slice/web@1.service/libpod-payload-{ID}\n".encode()))
FACTS = Facts("gunicorn", "/usr/bin/python3.11", "gunicorn -w 4 shop.wsgi", 33, PLACE)
BARE = Facts("gunicorn", None, "", 33, Place(parse_cgroup(b"0::/\n")))


def holds(match, facts=FACTS):
    residue = Rule(match).reduce(facts, set())
    return residue is not None and residue.is_certain


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        pytest.param(Match(name="gunicorn"), True, id="a name"),
        pytest.param(Match(name="gun"), False, id="a part of a name is no name"),
        pytest.param(Match(name="gun*"), True, id="a name by pattern"),
        pytest.param(Match(name="Gun*"), False, id="upper and lower case differ"),
        pytest.param(Match(name="[gh]unicorn"), True, id="a set of characters"),
        pytest.param(Match(exe="/usr/bin/python*"), True, id="a program by pattern"),
        pytest.param(Match(exe="/usr/*"), True, id="a star goes across slashes"),
        pytest.param(Match(exe="*/python3"), False, id="a pattern is of the whole path"),
        pytest.param(Match(cmdline=re.compile(r"gunicorn .* shop\.wsgi")), True, id="an expression"),
        pytest.param(Match(cmdline=re.compile("wsgi")), True, id="an expression is searched for"),
        pytest.param(Match(cmdline=re.compile("^wsgi")), False, id="... unless it is anchored"),
        pytest.param(Match(user="33"), True, id="a uid"),
        pytest.param(Match(user="0"), False, id="another uid"),
        pytest.param(Match(user="root"), False, id="a user by name"),
        pytest.param(Match(user="no-such-user-here"), False, id="a user that this machine does not know"),
        pytest.param(Match(unit="web@1.service"), True, id="a unit"),
        pytest.param(Match(unit="web@*.service"), True, id="a unit by pattern"),
        pytest.param(Match(unit="web@1"), False, id="a unit without its suffix"),
        pytest.param(Match(container="9ec3"), True, id="the beginning of a container's ID"),
        pytest.param(Match(container=ID), True, id="a whole ID"),
        pytest.param(Match(container="ec39"), False, id="the middle of an ID"),
        pytest.param(Match(container="*"), True, id="any container"),
        pytest.param(Match(cgroup="/system.slice/web@1.service"), True, id="a cgroup takes what is below"),
        pytest.param(Match(cgroup="/system.slice/web@1.service/"), True, id="a slash at the end means nothing"),
        pytest.param(Match(cgroup="/system.slice/web"), False, id="a beginning of a name is no cgroup above"),
        pytest.param(Match(cgroup="/system.slice/web@*"), True, id="a cgroup by pattern"),
        pytest.param(Match(cgroup="/batch"), True, id="a cgroup of any hierarchy"),
        pytest.param(Match(cgroup="/"), True, id="the root takes everything"),
        pytest.param(Match(name="gunicorn", user="0"), False, id="every key is needed"),
        pytest.param(Match(name="gunicorn", user="33", unit="web*"), True, id="several keys that hold"),
        pytest.param(Match(name="gunicorn", exclude=Match(user="33")), False, id="not"),
        pytest.param(Match(name="gunicorn", exclude=Match(user="0")), True, id="not somebody else"),
        pytest.param(
            Match(name="gunicorn", exclude=Match(user="33", name="x")), True, id="all keys of a `not` are needed"
        ),
        pytest.param(
            Match(name="gunicorn", exclude=Match(user="33", exclude=Match(name="gunicorn"))), True, id="not not"
        ),
    ],
)
def test_keys(match, expected):
    assert expected == holds(match)


@pytest.mark.parametrize(
    "match",
    [Match(exe="*"), Match(container="*"), Match(unit="*"), Match(cmdline=re.compile("x"))],
)
def test_what_a_process_does_not_have_matches_nothing(match):
    assert not holds(match, BARE)


@pytest.mark.parametrize(
    ("match", "fact"),
    [
        (Match(exe="*"), EXE),
        (Match(cmdline=re.compile("")), CMDLINE),
        (Match(user="0"), USER),
        (Match(unit="*"), CGROUP),
        (Match(container="*"), CGROUP),
        (Match(cgroup="/"), CGROUP),
    ],
)
def test_what_cannot_be_read_is_never_guessed_and_is_told(match, fact):
    denied: set[str] = set()
    facts = Facts("gunicorn", denied=frozenset((fact,)))
    assert Rule(match).reduce(facts, denied) is None
    assert denied
    assert Rule(match).wanted == {fact}


def test_in_doubt_a_process_is_not_taken_under_not_either():
    denied: set[str] = set()
    rule = Rule(Match(name="gunicorn", exclude=Match(exe="/opt/keep")))
    assert rule.reduce(Facts("gunicorn", denied=frozenset((EXE,))), denied) is None
    assert denied == {"exe"}


def test_a_key_that_does_not_decide_is_not_denied():
    denied: set[str] = set()
    rule = Rule(Match(name="nginx", exe="/usr/sbin/nginx"))
    assert rule.reduce(Facts("gunicorn", denied=frozenset((EXE,))), denied) is None
    late = Rule(Match(exe="/usr/sbin/nginx", cmdline=re.compile("nginx")))
    assert late.reduce(Facts("gunicorn", cmdline="x", denied=frozenset((EXE,))), denied) is None
    assert denied == set()


def test_an_expression_that_was_given_up_does_not_match_and_is_told(monkeypatch):
    monkeypatch.setattr("brimwatch.discover.rules.searcher", lambda pattern: lambda text: None)
    denied: set[str] = set()
    assert Rule(Match(cmdline=re.compile("."))).reduce(FACTS, denied) is None
    assert denied == {SLOW}


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        pytest.param(Match(pid=7), Residue(((Moving.PID, 7),)), id="a PID"),
        pytest.param(Match(agent=False), Residue(((Moving.AGENT, False),)), id="no agent"),
        pytest.param(
            Match(name="gunicorn", pidfile="/run/x.pid", agent=True),
            Residue(((Moving.PIDFILE, "/run/x.pid"), (Moving.AGENT, True))),
            id="a pidfile and an agent, once the name holds",
        ),
        pytest.param(Match(name="x", pid=7), None, id="nothing, where the name does not hold"),
        pytest.param(
            Match(name="gunicorn", exclude=Match(pid=7)), Residue((), Residue(((Moving.PID, 7),))), id="not a PID"
        ),
        pytest.param(Match(name="gunicorn", exclude=Match(pid=7, name="x")), Residue(), id="not a PID of another name"),
    ],
)
def test_what_may_change_from_pass_to_pass_is_left_to_ask(match, expected):
    assert expected == Rule(match).reduce(FACTS, set())


@pytest.mark.parametrize(
    ("match", "exact"),
    [
        (Match(name="nginx", unit="x.service"), ("name", "nginx")),
        (Match(name="ngin*", unit="x.service"), ("unit", "x.service")),
        (Match(name="ngin?", exe="/usr/sbin/nginx"), ("exe", "/usr/sbin/nginx")),
        (Match(exe="/usr/*"), None),
        (Match(), None),
    ],
)
def test_an_exact_value_can_be_indexed(match, exact):
    assert exact == Rule(match).exact


@pytest.mark.parametrize(("pattern", "words"), [("a .* b", ("a ", " b")), ("a+", ()), (None, ())])
def test_words_of_the_command_line_can_be_indexed(pattern, words):
    assert words == Rule(Match(cmdline=None if pattern is None else re.compile(pattern))).words
