"""How is a regular expression kept from running for ever on a hostile text?

A pattern as ordinary as `.*a.*b.*c` needs 8 s for 1,000 characters made for it, and any user can start a process with
such a command line: bounding the text is not enough. Python's matcher looks for signals while it works, so a timer of
our own processor time interrupts it.
"""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TICK = 0.05  # seconds of processor time; a search that is still the same after a whole tick is given up
STRIKES = 3  # searches given up in one pass; then no other is begun, since whoever starts one such process starts many


class _OutOfPatience(Exception):  # noqa: N818 - named after what has happened
    """Raised by the signal, out of the search that it interrupts; never seen outside this file."""


class _Watchdog:
    """The one timer of the process. A call of `search` is known by its frame, which no later call can have."""

    def __init__(self) -> None:
        self.seen: FrameType | None = None  # what ran at the last tick
        self.strikes = 0

    def bark(self, _number: int, frame: FrameType | None) -> None:
        if frame is None or frame.f_code is not search.__code__:
            self.seen = None
        elif frame is self.seen:
            self.seen = None
            self.strikes += 1
            raise _OutOfPatience
        else:
            self.seen = frame


_watchdog = _Watchdog()


def renew() -> None:
    """A new pass begins: searches may be given up again."""
    _watchdog.strikes = 0


@contextmanager
def patience(tick: float = TICK) -> Iterator[None]:
    """While this is open, `search` gives up after one to two ticks of processor time. Costs about 2 us.

    Only the main thread can be interrupted; in another one this does nothing. Uses SIGVTALRM. Source: setitimer(2).
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if signal.getsignal(signal.SIGVTALRM) != _watchdog.bark:
        signal.signal(signal.SIGVTALRM, _watchdog.bark)
    signal.setitimer(signal.ITIMER_VIRTUAL, tick, tick)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        _watchdog.seen = None


def search(pattern: re.Pattern[str], text: str) -> bool | None:
    """Whether the pattern is found in the text; None where that took too long to find out, or is not tried any more."""
    if _watchdog.strikes >= STRIKES:
        return None
    try:
        return pattern.search(text) is not None
    except _OutOfPatience:
        return None
