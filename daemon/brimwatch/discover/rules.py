"""Does a process meet one `match`? Compiled once; what cannot be read never counts as met.

A match is reduced against the facts of a process: either it cannot hold, or what is left are the keys that depend on
the pass (`pid`, `pidfile`, `agent`), which are looked up each time. So no expression is evaluated twice on the same
facts.
"""

from __future__ import annotations

import enum
import fnmatch
import pwd
import re
from collections.abc import Callable
from typing import NamedTuple

from brimwatch.config.settings import Match
from brimwatch.discover.expression import searcher, words_of
from brimwatch.discover.facts import CGROUP, CMDLINE, EXE, USER, Facts

SLOW = "slow"  # beside the keys in `denied`: an expression was given up
POD = "pod"  # a pod that is not known counts as doubt, but not as denied: whoever watches the pods tells of that

Holds = Callable[[Facts], bool | None]  # None: an expression was given up, or a pod is not known


class Test(NamedTuple):
    """One key of a match, the fact that it needs ("" for none but the name), and whether it holds."""

    key: str
    fact: str
    holds: Holds


class Moving(enum.Enum):
    """Keys whose answer may change from pass to pass while the process stays the same."""

    PID = "pid"
    PIDFILE = "pidfile"
    AGENT = "agent"


class Residue(NamedTuple):
    """What is left to ask of a match whose other keys hold: all of `keys`, and not `unless`."""

    keys: tuple[tuple[Moving, int | str | bool], ...] = ()
    unless: Residue | None = None

    @property
    def is_certain(self) -> bool:
        """True where nothing is left to ask."""
        return not self.keys and self.unless is None


class Rule:
    """One compiled match. `wanted` are the facts it needs.

    `exact` is a key and the only value it can hold for, if it has one; `words` are what a command line must have.
    """

    __slots__ = ("exact", "exclude", "residue", "tests", "wanted", "words")

    def __init__(self, match: Match) -> None:
        self.tests: tuple[Test, ...] = tuple(_tests(match))
        self.exact = _exact(match)
        self.words = () if match.cmdline is None else words_of(match.cmdline) or ()
        self.exclude = None if match.exclude is None else Rule(match.exclude)
        self.residue = Residue(tuple(_moving(match)))
        wanted = frozenset(test.fact for test in self.tests if test.fact)
        self.wanted: frozenset[str] = wanted if self.exclude is None else wanted | self.exclude.wanted

    def reduce(self, facts: Facts, denied: set[str], doubt: bool = False) -> Residue | None:
        """What is left to ask of this process, None where the match cannot hold.

        A key that cannot be known counts as `doubt`: as not met, but under `not` as met, so that in doubt a process is
        left alone. Such keys are added to `denied`.
        """
        unknown: set[str] = set()
        for key, fact, holds in self.tests:
            met = None if fact in facts.denied else holds(facts)
            if met is None:
                unknown.add(key if fact in facts.denied or key == POD else SLOW)
            elif not met:
                return None
        if unknown:  # and nothing else speaks against it
            denied |= unknown if CGROUP in facts.denied else unknown - {POD}
            if not doubt:
                return None
        if self.exclude is None:
            return self.residue
        unless = self.exclude.reduce(facts, denied, not doubt)
        if unless is None:
            return self.residue
        return None if unless.is_certain else Residue(self.residue.keys, unless)


def _tests(match: Match) -> list[Test]:
    """The cheap and decisive ones first."""
    tests: list[Test] = []
    if match.name is not None:
        same_name = _pattern(match.name)
        tests.append(Test("name", "", lambda facts: same_name(facts.comm)))
    if match.user is not None:
        uid = _uid(match.user)
        tests.append(Test("user", USER, lambda facts: uid is not None and facts.uid == uid))
    if match.unit is not None:
        same_unit = _pattern(match.unit)
        tests.append(Test("unit", CGROUP, lambda facts: _unit(facts, same_unit)))
    if match.container is not None:
        beginning = "" if match.container == "*" else match.container
        tests.append(Test("container", CGROUP, lambda facts: _container(facts, beginning)))
    if match.pod is not None:
        from brimwatch.discover.pod_rules import pod_test  # only where a pod is asked for

        tests.append(Test(POD, CGROUP, pod_test(match.pod, _pattern)))
    if match.cgroup is not None:
        below = _pattern(match.cgroup.rstrip("/") or "/")
        tests.append(Test("cgroup", CGROUP, lambda facts: _below(facts, below)))
    if match.exe is not None:
        same_exe = _pattern(match.exe)
        tests.append(Test("exe", EXE, lambda facts: facts.exe is not None and same_exe(facts.exe)))
    if match.cmdline is not None:
        found = searcher(match.cmdline)
        tests.append(Test("cmdline", CMDLINE, lambda facts: found(facts.cmdline or "")))
    return tests


def _moving(match: Match) -> list[tuple[Moving, int | str | bool]]:
    keys = ((Moving.PID, match.pid), (Moving.PIDFILE, match.pidfile), (Moving.AGENT, match.agent))
    return [(key, value) for key, value in keys if value is not None]


def _exact(match: Match) -> tuple[str, str] | None:
    for key, pattern in (("name", match.name), ("unit", match.unit), ("exe", match.exe)):
        if pattern is not None and not _has_wildcard(pattern):
            return key, pattern
    return None


def _has_wildcard(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def _pattern(pattern: str) -> Callable[[str], bool]:
    """A shell pattern on a whole text, upper and lower case told apart; `*` goes across slashes."""
    if not _has_wildcard(pattern):
        return pattern.__eq__
    compiled = re.compile(fnmatch.translate(pattern))
    return lambda text: compiled.match(text) is not None


def _uid(user: str) -> int | None:
    """The uid of a name or number, None for a name that this machine does not know: nobody has it."""
    if user.isascii() and user.isdecimal():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def _unit(facts: Facts, same: Callable[[str], bool]) -> bool:
    return facts.place is not None and facts.place.unit is not None and same(facts.place.unit)


def _container(facts: Facts, beginning: str) -> bool:
    container = None if facts.place is None else facts.place.container
    return container is not None and container.id.startswith(beginning)


def _below(facts: Facts, same: Callable[[str], bool]) -> bool:
    """Whether a path of the process, in any hierarchy, or something above it is what is wanted."""
    return facts.place is not None and any(_under(path, same) for path in facts.place.paths.paths)


def _under(path: str, same: Callable[[str], bool]) -> bool:
    while path and path != "/":
        if same(path):
            return True
        path = path.rpartition("/")[0]
    return same("/")
