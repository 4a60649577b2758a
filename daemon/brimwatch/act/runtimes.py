"""Which runtime runs in a process, and does it keep a signal for itself?"""

from __future__ import annotations

from typing import NamedTuple

from brimwatch.act.runtime_table import RUNTIMES, Runtime

_ARGUMENTS = 8  # the launcher, its options and what it launches; what follows belongs to the program
_PARTS = 4  # words of one argument: titles such as `gunicorn: master [shop]` are one


class Evidence(NamedTuple):
    """What a process shows of its runtime. `libraries` are base names of mapped files that a row of the table names."""

    executable: str
    arguments: tuple[str, ...] = ()
    libraries: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()


class Kept(NamedTuple):
    """A signal that a runtime keeps, and what it does on it."""

    runtime: str
    why: str


def recognise(evidence: Evidence) -> tuple[Runtime, ...]:
    """The runtimes of a process: several for Gunicorn with an embedded Java, none where nothing is known."""
    words = _words(evidence.arguments)
    return tuple(runtime for runtime in RUNTIMES if _fits(runtime, evidence, words))


def kept(evidence: Evidence, number: int) -> Kept | None:
    """Who keeps this signal, or None where nobody is known to."""
    for runtime in recognise(evidence):
        why = runtime.keeps.get(number)
        if why is not None:
            return Kept(runtime.name, why)
    return None


def _fits(runtime: Runtime, evidence: Evidence, words: frozenset[str]) -> bool:
    return (
        any(_is_named(evidence.executable, name) for name in runtime.executables)
        or any(library.startswith(runtime.libraries) for library in evidence.libraries)
        or not runtime.words.isdisjoint(words)
        or not runtime.marks.isdisjoint(evidence.marks)
    )


def _is_named(executable: str, name: str) -> bool:
    base = executable.removesuffix(" (deleted)").rpartition("/")[2]
    return base.startswith(name[:-1]) if name.endswith("*") else base == name


def _words(arguments: tuple[str, ...]) -> frozenset[str]:
    """Base names of the first arguments: `/usr/bin/celery`, `celery.bin`, `celery/__main__.py` all hold `celery`."""
    words = set()
    for argument in arguments[:_ARGUMENTS]:
        for part in argument.split()[:_PARTS]:
            path = part.removesuffix("/__main__.py")
            word = path.rpartition("/")[2].strip("[]():")
            words |= {word, word.partition(".")[0]}
    return frozenset(words)
