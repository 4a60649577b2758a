"""How many objects of each type are there, and where do the last of a type come from?

The list of objects is made and left within one call into C: no other thread runs meanwhile, so that nothing of the
program's is kept alive by a look, and nothing ends on our thread. Only types are kept. The program stands still for
about 0.1 us for each object.
"""

from __future__ import annotations

import gc
import operator
import sys
from itertools import chain, compress, repeat, starmap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SLICE = 20_000  # types counted at a time: a millisecond, then other threads may run
SAMPLES = 64  # objects of a type that are looked at closely
LINES = 3  # places that are named
# By identity, here and below: a metaclass may have an opinion of its own on equality.
_PLAIN = {id(one) for one in (bytes, bytearray, str, int, float, complex, list, dict, set, frozenset, tuple)}
_OWN_REFERENCES = 4  # holder, list of referents, variable, argument


def tracked_types() -> list[type]:
    """The type of every object that the collector tracks; frozen ones are not told."""
    return list(map(type, chain.from_iterable(starmap(gc.get_objects, ((),)))))


def named(types: list[type]) -> tuple[dict[str, int], dict[str, type]]:
    """Count of each name, and one type of that name; types that are made again and again share theirs."""
    counts: dict[int, int] = {}
    known: dict[int, type] = {}
    for begin in range(0, len(types), SLICE):
        part = types[begin : begin + SLICE]
        known.update(zip(map(id, part), part))
        for key in map(id, part):
            counts[key] = counts.get(key, 0) + 1
    names: dict[str, int] = {}
    examples: dict[str, type] = {}
    for key, count in counts.items():
        name = type_name(known[key])
        names[name] = names.get(name, 0) + count
        if name not in examples or count > counts[id(examples[name])]:
            examples[name] = known[key]
    return names, examples


def type_name(found: type) -> str:
    """`module.qualname`, by what `type` itself says: a metaclass could run code of its own."""
    try:
        module = type.__dict__["__module__"].__get__(found)
        qualname = type.__dict__["__qualname__"].__get__(found)
    except (AttributeError, TypeError):
        return "unnamed"
    text = f"{module}.{qualname}" if isinstance(module, str) and module != "builtins" else str(qualname)
    return text[:200]


def last_of(found: type) -> list[Any]:
    """Objects of exactly this type: those that came last into the oldest generation, else any."""
    return _of(found, 2) or _of(found, None)


def _of(found: type, generation: int | None) -> list[Any]:
    try:
        objects = gc.get_objects(generation)
    except (TypeError, ValueError):  # an interpreter with other generations, or none
        return []
    return list(compress(objects, map(operator.is_, map(type, objects), repeat(found))))[-SAMPLES:]


def mean_size(objects: list[Any]) -> float | None:
    """Bytes of one with what it alone holds of plain types, two levels deep; None where there is none."""
    return sum(_size(one, 2) for one in objects) / len(objects) if objects else None


def places(objects: list[Any]) -> list[str]:
    """The lines that made most of them, `file:line`; empty where tracemalloc is off or began later."""
    tracemalloc = sys.modules.get("tracemalloc")
    if tracemalloc is None or not tracemalloc.is_tracing():
        return []
    made: dict[str, int] = {}
    for one in objects:
        # Python 3.11 does not find an object that has a __dict__, but what was made for it.
        found = map(tracemalloc.get_object_traceback, (one, *_own(one)))
        traceback = next((each for each in found if each), None)
        if traceback:
            frame = traceback[-1]  # the innermost one
            line = f"{frame.filename}:{frame.lineno}"
            made[line] = made.get(line, 0) + 1
    return sorted(made, key=lambda line: -made[line])[:LINES]


def _size(one: Any, depth: int) -> int:
    # The type's own __sizeof__ may be Python code.
    size = sys.getsizeof(one) if id(type(one)) in _PLAIN else object.__sizeof__(one)
    if depth == 0:
        return size
    return size + sum(_size(part, depth - 1) for part in _own(one))


def _own(one: Any) -> list[Any]:
    """Objects of plain types that nothing else refers to."""
    parts = []
    for part in gc.get_referents(one):
        if id(type(part)) in _PLAIN and sys.getrefcount(part) <= _OWN_REFERENCES:
            parts.append(part)  # noqa: PERF401 - a comprehension has references of its own
    return parts
