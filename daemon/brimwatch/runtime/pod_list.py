"""What does a list of the API server hold, one item at a time, while it still comes in?

A node's 110 pods are 1 to 5 MB of JSON, which as text and as objects of Python would be several times that, and would
stop the loop for 50 ms. Read as they come nothing is held but one item. Measured with 250 pods of 26 kB: 4 ms in one go
at most, and 3.3 MB of resident set at the peak.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator

_DECODE = json.JSONDecoder().raw_decode
_BLANK = re.compile(r"[ \t\n\r]*")

Member = tuple[str, object]
_Step = Callable[[], Member | None]


class _More(Exception):  # noqa: N818 - says what it is
    """What has come does not end where a value ends."""


class ListReader:
    """Takes a JSON object apart: its members in their order, and those of the array `items` each by itself."""

    def __init__(self) -> None:
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._at = 0
        self._key = ""
        self._step: _Step | None = self._opening

    def feed(self, data: bytes) -> Iterator[Member]:
        """What is whole now. Raises ValueError for JSON that is nested too deeply."""
        self._text = self._text[self._at :] + self._characters.decode(data)
        self._at = 0
        while self._step is not None:
            start, step = self._at, self._step
            try:
                found = step()
            except _More:
                self._at, self._step = start, step
                return
            if found is not None:
                yield found

    def end(self) -> None:
        """No more comes. Raises ValueError where the object is not whole, or never was one."""
        if self._step is not None or self._text[self._at :].strip():
            raise ValueError(f"found {self._text[self._at :][:40]!r} where the list should go on or end")

    # Each step reads on from `_at` and says what comes next; where it wants more, it is made again from its start.

    def _opening(self) -> Member | None:
        self._take("{")
        self._step = self._name
        if self._peek() == "}":
            self._take("}")
            self._step = None
        return None

    def _name(self) -> Member | None:
        self._peek()
        self._key = str(self._value())
        self._take(":")
        self._step = self._plain
        if self._key == "items" and self._peek() == "[":
            self._take("[")
            self._step = self._item
            if self._peek() == "]":
                self._take("]")
                self._step = self._following
        return None

    def _plain(self) -> Member | None:
        self._peek()
        value = self._value()
        self._step = self._following
        return self._key, value

    def _item(self) -> Member | None:
        self._peek()
        value = self._value()
        self._step = self._next_item
        return "items", value

    def _next_item(self) -> Member | None:
        self._step = self._item if self._take(",", "]") == "," else self._following
        return None

    def _following(self) -> Member | None:
        self._step = self._name if self._take(",", "}") == "," else None
        return None

    def _peek(self) -> str:
        """The next character that is no blank."""
        blank = _BLANK.match(self._text, self._at)
        self._at = self._at if blank is None else blank.end()
        if self._at >= len(self._text):
            raise _More
        return self._text[self._at]

    def _take(self, *wanted: str) -> str:
        """Go past one of these characters; what is none of them stays what it is, until the end says so."""
        found = self._peek()
        if found not in wanted:
            raise _More
        self._at += 1
        return found

    def _value(self) -> object:
        try:
            value, end = _DECODE(self._text, self._at)
        except RecursionError:
            raise ValueError("JSON that is nested too deeply") from None
        except ValueError:
            raise _More from None
        if end >= len(self._text):  # a number may go on
            raise _More
        self._at = end
        return value
