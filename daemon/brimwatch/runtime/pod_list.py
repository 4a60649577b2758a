"""What does a list of the API server hold, one item at a time?

A node's 110 pods are 1 to 5 MB of JSON, which as objects of Python would be five times that, and would stop the loop
for 50 ms. Decoded item by item nothing is held but one, and others get their turn in between.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator

_DECODE = json.JSONDecoder().raw_decode
_BLANK = re.compile(r"[ \t\n\r]*")


def members(text: str) -> Iterator[tuple[str, object]]:
    """The members of a JSON object in their order; those of the array `items` each by itself. Raises ValueError."""
    at = _after(text, 0, "{")
    if text[at : at + 1] == "}":
        return
    while True:
        key, at = _value(text, at)
        at = _after(text, at, ":")
        if key == "items" and text[at : at + 1] == "[":
            at = yield from _items(text, at)
        else:
            value, at = _value(text, at)
            yield str(key), value
        at = _skip(text, at)
        if text[at : at + 1] != ",":
            _after(text, at, "}")
            return
        at = _skip(text, at + 1)


def _items(text: str, at: int) -> Generator[tuple[str, object], None, int]:
    """The items of an array; returns where it ends."""
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        item, at = _value(text, at)
        yield "items", item
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise ValueError(f"the list breaks off at character {at}")
    return at + 1


def _value(text: str, at: int) -> tuple[object, int]:
    try:
        value, end = _DECODE(text, at)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None
    return value, end


def _after(text: str, at: int, wanted: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != wanted:
        raise ValueError(f"found {text[at : at + 1]!r} at character {at}, wanted {wanted!r}")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()
