"""Is a value of a recording what it has to be? Typed access to one JSON object that anybody may have written."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from brimwatch.model import ProcessId

_LARGEST = 2**63  # what no size, PID or count goes beyond
_LONGEST_TEXT = 8192  # characters: paths of cgroups, what actions say


class Malformed(ValueError):  # noqa: N818 - named after what is malformed
    """A row that does not read as documented; the text says what is wrong with it."""


class Fields:
    """One object of a row."""

    __slots__ = ("_given",)

    def __init__(self, given: object) -> None:
        if not isinstance(given, dict):
            raise Malformed("found something else than an object")
        self._given: dict[str, Any] = given

    def get(self, key: str) -> Any:
        """The value, whatever it is; None where it is absent."""
        return self._given.get(key)

    def number(self, key: str) -> float:
        """A finite number, as it was written: whole numbers stay whole. Raises Malformed."""
        return as_number(self._given.get(key), key)

    def maybe_number(self, key: str) -> float | None:
        """The same, or None where it is absent. Raises Malformed."""
        value = self._given.get(key)
        return None if value is None else as_number(value, key)

    def whole(self, key: str) -> int:
        """A whole number. Raises Malformed."""
        value = self._given.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= _LARGEST:
            raise Malformed(f"{key} is no whole number")
        return value

    def maybe_whole(self, key: str) -> int | None:
        """The same, or None where it is absent. Raises Malformed."""
        return None if self._given.get(key) is None else self.whole(key)

    def text(self, key: str) -> str:
        """A text. Raises Malformed."""
        value = self._given.get(key)
        if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
            raise Malformed(f"{key} is no text of at most {_LONGEST_TEXT} characters")
        return value

    def maybe_text(self, key: str) -> str | None:
        """The same, or None where it is absent. Raises Malformed."""
        return None if self._given.get(key) is None else self.text(key)

    def flag(self, key: str) -> bool:
        """True or false; absent is false. Raises Malformed."""
        value = self._given.get(key, False)
        if not isinstance(value, bool):
            raise Malformed(f"{key} is neither true nor false")
        return value

    def items(self, key: str) -> list[Any]:
        """A list; absent is an empty one. Raises Malformed."""
        value = self._given.get(key, [])
        if not isinstance(value, list):
            raise Malformed(f"{key} is no list")
        return value

    def part(self, key: str) -> Fields:
        """An object. Raises Malformed."""
        value = self._given.get(key)
        if not isinstance(value, dict):
            raise Malformed(f"{key} is no object")
        return Fields(value)

    def maybe(self, key: str) -> Fields | None:
        """The same, or None where it is absent. Raises Malformed."""
        return None if self._given.get(key) is None else self.part(key)

    def parts(self, key: str) -> Iterator[Fields]:
        """A list of objects. Raises Malformed."""
        return (Fields(one) for one in self.items(key))

    def process(self, key: str) -> ProcessId:
        """A process as [PID, start in clock ticks]. Raises Malformed."""
        value = self._given.get(key)
        if not (isinstance(value, list) and len(value) == 2 and all(type(one) is int and one >= 0 for one in value)):
            raise Malformed(f"{key} is not [pid, start]")
        return ProcessId(value[0], value[1])

    def pairs(self, key: str) -> Iterator[tuple[str, Any]]:
        """The entries of an object; absent is an empty one. Raises Malformed."""
        value = self._given.get(key, {})
        if not isinstance(value, dict):
            raise Malformed(f"{key} is no object")
        return iter(value.items())


def as_number(value: object, key: str) -> float:
    """A finite number within bounds. Raises Malformed."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
        raise Malformed(f"{key} is no number")
    return value


def as_measured(value: object, key: str) -> float:
    """A number, or an infinite one written as `inf`. Raises Malformed."""
    return math.inf if value == "inf" else as_number(value, key)
