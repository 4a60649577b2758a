"""How is a command line searched in time that its author cannot stretch?

Most expressions that people write are words with `.*` between them. Those are looked for one after the other, in time
that grows with the length of the text and no faster, and with the same answer. All others go to the regular expression
engine, with a limit on its time.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from brimwatch.discover.patience import search

# Literal characters, escaped punctuation and `.*` (or `.*?`, which finds the same), and nothing else.
_WORDS = re.compile(r"(?:\.\*\??|\\[^\w\s]|[^\\.^$*+?{}\[\]|()])*")
_ESCAPED = re.compile(r"\\(.)")
_GAP = re.compile(r"(\\.)|\.\*\??")  # a `.*`, but not one whose dot is escaped


def searcher(pattern: re.Pattern[str]) -> Callable[[str], bool | None]:
    """A function that says whether the pattern is found in a text; None where it was given up."""
    words = words_of(pattern)
    if words is None:
        return lambda text: search(pattern, text)
    return lambda text: _in_order(words, text) if "\n" not in text else search(pattern, text)


def words_of(pattern: re.Pattern[str]) -> tuple[str, ...] | None:
    """The words that a simple pattern finds in this order, None where it is not simple."""
    if pattern.flags != re.UNICODE or not _WORDS.fullmatch(pattern.pattern):
        return None
    marked = _GAP.sub(lambda found: found[1] or "\n", pattern.pattern)
    if "\n" in pattern.pattern:
        return None
    return tuple(word for part in marked.split("\n") if (word := _ESCAPED.sub(r"\1", part)))


def _in_order(words: tuple[str, ...], text: str) -> bool:
    place = 0
    for word in words:
        place = text.find(word, place)
        if place < 0:
            return False
        place += len(word)
    return True
