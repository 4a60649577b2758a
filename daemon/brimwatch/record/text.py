"""How is text that someone else wrote made fit to be shown?

Names, command lines and messages of targets are hostile: they may hold newlines, terminal escapes, bytes that are no
UTF-8 (lone surrogates in Python), or be endless. Everything shown passes through here once.
"""

from __future__ import annotations

import hashlib
import time

LONGEST_LABEL = 64
_DIGEST = 10  # hexadecimal digits that keep two cut names apart


def label(name: str) -> str:
    """Make a name fit to be a label value: printable, at most 64 characters, and still different for different names.

    A name that has to be changed ends in `~` and a digest of the whole; without it two targets could become one series,
    for which Prometheus refuses the whole scrape. A NUL byte would do the same, so nothing unprintable stays.
    """
    if len(name) <= LONGEST_LABEL and name.isprintable():
        return name
    whole = name.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(whole, digest_size=_DIGEST // 2).hexdigest()
    head = name[: LONGEST_LABEL - _DIGEST - 1]
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in head) + "~" + digest


def escaped(text: str, longest: int = 1000) -> str:
    """Show what cannot be printed as a backslash escape, and cut: no newline, no ANSI escape, no surrogate is left."""
    shown = text[: longest + 1]
    if not shown.isprintable():
        shown = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in shown)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def timestamp(wall: float) -> str:
    """Show Unix seconds as ISO 8601 in UTC with milliseconds."""
    milliseconds = round(wall * 1000)
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"
