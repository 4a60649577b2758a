"""Which targets can a process belong to, judged by what it is? Every target's rule, asked once for each process.

A process is judged once, and processes that show the same facts (500 forks of one parent) are judged together. Ten
thousand targets therefore cost nothing in a pass that finds nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from brimwatch.config.settings import TargetSpec
from brimwatch.discover.facts import CGROUP, NOTHING, Facts
from brimwatch.discover.index import Index
from brimwatch.discover.names import fill, is_template, placeholders
from brimwatch.discover.patience import patience
from brimwatch.discover.rules import SLOW, Holds, Residue, Rule

_REMEMBERED = 256  # judgements kept beyond one for each process


class Candidate(NamedTuple):
    """A target that a process can belong to once `residue` holds as well. `name` is the target's, filled in."""

    target: int  # its place in the file
    name: str
    residue: Residue


class Verdict(NamedTuple):
    """What a process's facts say: candidates in file order; targets whose `not` bars it from being taken as a child."""

    candidates: tuple[Candidate, ...] = ()
    barred: Mapping[int, Residue] = {}
    denied: frozenset[str] = NOTHING


NO_VERDICT = Verdict()
_ALWAYS: tuple[str, Holds] = ("", lambda _: True)


class Catalogue:
    """The targets in file order. `wanted` are the facts that any of them needs."""

    def __init__(self, specs: tuple[TargetSpec, ...]) -> None:
        self.specs = specs
        self.rules = [Rule(spec.match) for spec in specs]
        self.children = [spec.match.children for spec in specs]
        self.templates = [is_template(spec.name) for spec in specs]
        self.explicit = [spec.match.pid is not None for spec in specs]
        self.configured = frozenset(spec.name for spec in specs if not is_template(spec.name))
        self._placed = [bool(placeholders(spec.name) - {"comm"}) for spec in specs]
        # A target with a PID or pidfile is judged for that one process only; the host is no process.
        self.pointed = tuple(i for i, s in enumerate(specs) if s.match.pid is not None or s.match.pidfile is not None)
        searched = [i for i in sorted(set(range(len(specs))) - set(self.pointed)) if not specs[i].match.host]
        self._index = Index({index: self.rules[index] for index in searched})
        self._barring = [
            (i, rule.exclude) for i, rule in enumerate(self.rules) if self.children[i] and rule.exclude is not None
        ]
        asked = {*searched, *(index for index, _ in self._barring)}
        self.wanted = frozenset[str]().union(*(self._wanted(index) for index in asked))
        self._first = [(rule.tests[0].fact, rule.tests[0].holds) if rule.tests else _ALWAYS for rule in self.rules]
        self._known: dict[int, Verdict] = {}

    def wanted_by(self, pointed: tuple[int, ...]) -> frozenset[str]:
        """The facts needed to judge a process for these targets as well."""
        return self.wanted.union(*(self._wanted(index) for index in pointed)) if pointed else self.wanted

    def judge(self, facts: Facts, processes: int) -> Verdict:
        """What targets the facts allow. `processes` bounds how many answers are remembered."""
        key = hash(facts)
        verdict = self._known.get(key)
        if verdict is None:
            if len(self._known) > 2 * processes + _REMEMBERED:
                self._known.clear()
            with patience():
                verdict = self._judge(facts)
            if SLOW not in verdict.denied:  # else it is tried again when the facts are read again
                self._known[key] = verdict
        return verdict

    def judge_pointed(self, pointers: tuple[int, ...], facts: Facts) -> tuple[tuple[Candidate, ...], frozenset[str]]:
        """The same for targets that mean this process by PID or pidfile: candidates, and keys that were denied."""
        if not pointers:
            return (), NOTHING
        denied: set[str] = set()
        with patience():
            found = [self._candidate(index, facts, denied) for index in pointers]
        return tuple(candidate for candidate in found if candidate is not None), frozenset(denied)

    def _judge(self, facts: Facts) -> Verdict:
        denied: set[str] = set()
        candidates = []
        for index in self._index.relevant(facts):
            fact, first = self._first[index]
            if first(facts) is False and fact not in facts.denied:
                continue  # with ten thousand targets, by far the most
            candidate = self._candidate(index, facts, denied)
            if candidate is not None:
                candidates.append(candidate)
                if candidate.residue.is_certain:
                    break  # none of those that follow can win
        barred = {}
        for index, exclude in self._barring:
            residue = exclude.reduce(facts, denied, True)
            if residue is not None:
                barred[index] = residue
        if not candidates and not barred and not denied:
            return NO_VERDICT
        return Verdict(tuple(candidates), barred, frozenset(denied))

    def _candidate(self, index: int, facts: Facts, denied: set[str]) -> Candidate | None:
        residue = self.rules[index].reduce(facts, denied)
        if residue is None:
            return None
        name = self.specs[index].name
        filled = fill(name, facts) if self.templates[index] else name
        return None if filled is None else Candidate(index, filled, residue)

    def _wanted(self, index: int) -> frozenset[str]:
        wanted = self.rules[index].wanted
        return wanted | {CGROUP} if self._placed[index] else wanted
