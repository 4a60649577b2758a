"""How many bytes does a value hold? Counted for what is understood, None for what is not: never a guess.

Measured are the objects themselves (`sys.getsizeof`), not the allocator's rounding (at most 16 bytes an object) and not
the collector's. What several values share is counted in each of them, so a sum of sizes is an upper bound.
"""

from __future__ import annotations

import sys
from collections import deque
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, ModuleType
from weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

MOST_OBJECTS = 20_000  # in one value: about 10 ms
# What holds nothing but itself. `bytearray` and `array` count their buffers.
_LEAVES = (int, float, complex, str, bytes, bytearray, range, type(None), type(Ellipsis), type(NotImplemented))
_SMALL = {("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")}
_LEAVES_ELSEWHERE = _SMALL | {("decimal", "Decimal"), ("array", "array")}
_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, ref)  # the program has them anyway
_SEQUENCES = (list, tuple, set, frozenset, deque)
_BESIDE = 2  # pointers that every instance of a class may have: `__dict__` and `__weakref__`
_POINTER = tuple.__itemsize__


def estimate(value: object, most: int = MOST_OBJECTS) -> int | None:
    """Bytes that `value` and all it refers to hold; None where that cannot be known.

    Known are numbers, text, bytes, dates, the containers of the standard library, objects of classes written in
    Python, and what tells its own size (`nbytes` of numpy, pyarrow and torch, `memory_usage` of pandas). A view of an
    array counts as the array that it keeps alive. Modules, classes, functions and weak references count as nothing.
    Unknown are other objects of C libraries, and what refers to more than `most` objects. An object that is met twice
    counts once. Runs `nbytes`, `memory_usage` and `__sizeof__` of strangers; whatever these raise is None.
    """
    try:
        return _walk(value, most)
    except Exception:  # noqa: BLE001 - a stranger's property, or a container that another thread changes meanwhile
        return None


def _walk(value: object, most: int) -> int | None:
    pending, seen, total = [value], set(), 0
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, _SHARED):
            continue
        held = _held(current)
        if held is None:
            return None
        size, children = held
        total += size
        pending.extend(children)
        if len(seen) + len(pending) > most:
            return None
    return total


def _held(value: Any) -> tuple[int, Iterable[object]] | None:
    """Bytes of the object alone, and what it refers to; None where either cannot be known."""
    kind = type(value)
    if kind in _LEAVES or (kind.__module__, kind.__qualname__) in _LEAVES_ELSEWHERE:
        return sys.getsizeof(value), ()
    if kind.__module__.partition(".")[0] == "pandas" and hasattr(kind, "memory_usage"):
        told = value.memory_usage(index=True, deep=True)
        return int(told.sum() if hasattr(told, "sum") else told), ()
    if isinstance(value, dict):
        return sys.getsizeof(value), [*dict.keys(value), *dict.values(value), *_attributes(value)]
    if isinstance(value, _SEQUENCES):
        return sys.getsizeof(value), [*value, *_attributes(value)]
    if hasattr(kind, "nbytes"):
        return _array(value)
    if isinstance(value, _LEAVES):  # a subclass: an IntEnum, a str with attributes
        return sys.getsizeof(value), _attributes(value)
    return (sys.getsizeof(value), _attributes(value)) if _is_plain(kind) else None


def _array(value: Any) -> tuple[int, Iterable[object]] | None:
    """What tells its size as `nbytes`. Of objects in it only the references would be counted."""
    dtype = getattr(value, "dtype", None)
    if getattr(dtype, "hasobject", False):
        return sys.getsizeof(value), value.ravel().tolist()
    owner = value.obj if isinstance(value, memoryview) else getattr(value, "base", None)
    if owner is not None and not callable(owner):
        return object.__sizeof__(value), (owner,)
    size = int(value.nbytes)
    return None if size < 0 else (size + object.__sizeof__(value), ())


def _is_plain(kind: type) -> bool:
    """Whether all that an instance holds are its attributes: C code has put nothing beside them."""
    slots = sum(isinstance(found, MemberDescriptorType) for base in kind.__mro__ for found in vars(base).values())
    beside = kind.__basicsize__ - object.__basicsize__ - _POINTER * slots
    written = kind.__dictoffset__ != 0 or any("__slots__" in vars(base) for base in kind.__mro__)
    return kind is object or (written and beside <= _POINTER * _BESIDE)


def _attributes(value: object) -> list[object]:
    """The dict of an instance and what is in its slots."""
    found: list[object] = []
    kind = type(value)
    if kind.__dictoffset__ != 0:
        found.append(value.__dict__)
    for base in kind.__mro__:
        for name, slot in vars(base).items():
            if isinstance(slot, MemberDescriptorType) and name != "__dict__" and base.__flags__ & _HEAP:
                try:
                    found.append(slot.__get__(value, kind))
                except AttributeError:  # not set
                    continue
    return found


_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that was made at run time
