"""Does anybody else hold it? Then dropping it gives nothing back, and making it anew takes its memory twice.

A trial of what the garbage collector does: of all that hangs on an object, references from within are taken off the
count of each; what then has some left is held from outside, and so is all that hangs on that.
Sources: sys.getrefcount, gc.get_referents.
"""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

MOST_OBJECTS = 100_000  # that are looked at: about 0.1 s
_MODULE, _FUNCTION = type(sys), type(lambda: None)
_CONTAINERS = (list, tuple, dict, set, frozenset)


class _Unknown(Exception):  # noqa: N818 - not for callers
    """More hangs on it than is looked at, or it changes meanwhile."""


def object_held(box: list[Any]) -> bool | None:
    """Whether somebody else holds the one object in `box`, which no variable of the caller may hold.

    None where nobody knows: more than 100,000 objects hang on it, or this is not CPython.
    """
    if not hasattr(sys, "getrefcount"):
        return None
    if sys.getrefcount(box[0]) == _alone([object()]):
        return False
    try:
        found = _Reached(box, frozenset())
        return found.held({id(box[0]): 1}, {id(box[0])})
    except _Unknown:
        return None


def modules_held(names: frozenset[str]) -> bool | None:
    """Whether somebody holds one of these loaded modules, or a class, function or instance of one of theirs.

    `sys.modules` and the package above do not count. None where nobody knows, as for an object.
    """
    if not hasattr(sys, "getrefcount"):
        return None
    modules = [sys.modules[name] for name in names]
    try:
        found = _Reached(modules, names)
    except _Unknown:
        return None
    modules.clear()
    known: dict[int, int] = {}
    wanted: set[int] = set()
    for name in names:
        module = sys.modules[name]
        parent, _, last = name.rpartition(".")
        above = {} if parent in names else getattr(sys.modules.get(parent), "__dict__", {})
        known[id(module)] = 1 + (above.get(last) is module)
        wanted.add(id(module))
    del module, above
    return found.held(known, wanted)


def _alone(box: list[Any]) -> int:
    """The count, taken in this very form, of an object that only one list holds; versions of Python differ."""
    return sys.getrefcount(box[0])


class _Reached:
    """All that hangs on some objects, and how often it is referred to from within."""

    def __init__(self, roots: list[Any], names: frozenset[str]) -> None:
        self._names = names
        self.found: list[Any] = list(roots)
        self.counts = {id(one): 0 for one in roots}
        at = 0
        while at < len(self.found):
            for one in self._referents(self.found[at]):
                if id(one) in self.counts:
                    self.counts[id(one)] += 1
                elif gc.is_tracked(one):
                    self.counts[id(one)] = 1
                    self.found.append(one)
            at += 1
            if len(self.found) > MOST_OBJECTS:
                raise _Unknown

    def held(self, known: dict[int, int], wanted: set[int]) -> bool:
        """Whether something outside holds what is wanted, or what it hangs on; `known` references do not count."""
        alone = _alone([object()])
        outside = []
        for at in range(len(self.found)):
            others = sys.getrefcount(self.found[at]) - alone
            one = id(self.found[at])
            if others > self.counts[one] + known.get(one, 0):
                outside.append(at)
        return self._leads_to(wanted, [self.found[at] for at in outside])

    def _leads_to(self, wanted: set[int], pending: list[Any]) -> bool:
        seen = {id(one) for one in pending}
        while pending:
            current = pending.pop()
            if id(current) in wanted or self._is_theirs(current):
                return True
            for one in self._referents(current):
                if id(one) in self.counts and id(one) not in seen:
                    seen.add(id(one))
                    pending.append(one)
        return False

    def _is_theirs(self, one: Any) -> bool:
        """Whether it is a class or function of the modules, or an instance of such a class."""
        if isinstance(one, (type, _FUNCTION)):
            return one.__module__ in self._names
        return type(one).__module__ in self._names

    def _referents(self, one: Any) -> Iterator[Any]:
        """What it refers to. Through strangers' classes, functions and modules one would reach the whole program."""
        if isinstance(one, _CONTAINERS) and len(one) > MOST_OBJECTS:
            raise _Unknown
        if isinstance(one, _MODULE):
            enter = one.__dict__.get("__name__") in self._names
        elif isinstance(one, type):
            enter = one.__module__ in self._names
        elif isinstance(one, _FUNCTION):
            enter = not self._names or one.__module__ in self._names
        else:
            enter = type(one).__name__ != "frame"
        if enter:
            skipped = id(one.__globals__) if isinstance(one, _FUNCTION) and not self._names else 0
            for referent in gc.get_referents(one):
                if id(referent) != skipped:
                    yield referent
