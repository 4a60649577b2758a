"""What are the elements of one long JSON array, without reading all of it? Text in pieces goes in, values come out.

Pure but for the pieces that it asks for. Uses the C scanner of `json`: the values are those of `json.loads`. When an
element does not end in what was read, as much again is read, so that a long one is scanned a few times only.

Not ijson, which takes between as long and 0.6 times as long for small objects, and bounds nothing: with floats its C
backend refuses integers from 2**63 on, and makes a question mark of `"\\ud800"` (measured with 3.6.0).
"""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_BLANK = " \t\n\r"
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_SPLIT = 16  # characters: a number, a word or an escape may be cut this close to the end of what was read


class Malformed(ValueError):  # noqa: N818 - says what the text is
    """It is no JSON array: `element` is the number of the first one that is faulty, from 0."""

    def __init__(self, element: int, fault: str) -> None:
        super().__init__(f"element {element}: {fault}")
        self.element, self.fault = element, fault


class TooLong(Malformed):
    """An element is longer than it may be."""


def elements(more: Callable[[], str], longest: int) -> Iterator[Any]:
    """The elements, one by one. `more()` is the next characters, "" at the end; no element has more than `longest`.

    Raises Malformed for what is no JSON array (RFC 8259: no NaN), and TooLong. What comes after the array but blanks
    is a fault too.
    """
    text = _Text(more, longest)
    if text.next() != "[":
        raise Malformed(0, "wanted an array, which begins with '['")
    text.at += 1
    number = 0
    if text.next() == "]":
        text.at += 1
    else:
        while True:
            yield text.value(number)
            number += 1
            if text.pass_comma():
                continue
            following = text.next()
            text.at += 1
            if following == "]":
                break
            text.next()
            if following != ",":
                raise Malformed(number, f"found {following!r}, wanted ',' or ']'" if following else "the text ends")
    if text.next():
        raise Malformed(number, "there is more after the array")


class _Text:
    """What was read and not yet used."""

    def __init__(self, more: Callable[[], str], longest: int) -> None:
        self._more, self._longest = more, longest
        self._buffer = ""
        self.at = 0
        self._ended = False
        self._decode = JSONDecoder(parse_constant=_refuse).raw_decode

    def next(self) -> str:
        """The next character that is no blank; "" at the end."""
        while True:
            while self.at < len(self._buffer):
                if self._buffer[self.at] not in _BLANK:
                    return self._buffer[self.at]
                self.at += 1
            if not self._read(1):
                return ""

    def pass_comma(self) -> bool:
        """Go to the next value, where it is near; False where that is not sure."""
        found = _COMMA.match(self._buffer, self.at)
        if found is None or found.end() == len(self._buffer):
            return False
        self.at = found.end()
        return True

    def value(self, number: int) -> Any:
        """The value that begins here."""
        while True:
            size = len(self._buffer) - self.at
            try:
                value, end = self._decode(self._buffer, self.at)
            except JSONDecodeError as fault:
                cut = fault.pos + _SPLIT >= len(self._buffer) or fault.msg.startswith("Unterminated string")
                if self._ended or not cut:
                    raise Malformed(number, fault.msg) from None
            except RecursionError:
                raise Malformed(number, "it is nested too deeply") from None
            except ValueError as fault:
                raise Malformed(number, str(fault)) from None
            else:
                if end - self.at > self._longest:
                    break
                if self._ended or end + _SPLIT < len(self._buffer):
                    self.at = end
                    return value
            if size > self._longest + _SPLIT:
                break
            self._read(size)
        raise TooLong(number, f"it has more than {self._longest} characters")

    def _read(self, least: int) -> bool:
        """Read at least so many characters more; False at the end."""
        pieces, size = [self._buffer[self.at :]], 0
        while size < least:
            piece = self._more()
            if not piece:
                self._ended = True
                break
            pieces.append(piece)
            size += len(piece)
        self._buffer, self.at = "".join(pieces), 0
        return size > 0


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")
