"""How does our thread get its turn in a program that never sleeps? The interpreter switches sooner while it is asked.

Each call of the kernel lets the interpreter go, and a busy program keeps it for its whole switch interval (5 ms) each
time. About ten such calls lie between a request and its hook: on two cores with other work a hook ran 16 ms after its
request, one in ten 60 to 90 ms after; with 0.5 ms it was 3 and 12 ms (Python 3.11, a program that only allocates). At
500 MB/s that is the difference between life and death. Source: sys.setswitchinterval.
"""

from __future__ import annotations

import sys

SWITCH = 0.0005  # seconds
SPOKEN = 0.1  # seconds after each word, which may be followed by another
LONGEST = 1.0  # seconds for one request: a hook that takes longer is in no hurry


class Haste:
    """The program's switch interval and ours; used by the agent's thread alone. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.until: float | None = None  # None: nobody asks
        self._before: float | None = None

    def begin(self, now: float) -> None:
        """Somebody asks, or waits. A program that switches as often by itself is left alone."""
        if self.until is None:
            before = sys.getswitchinterval()
            if before > SWITCH:
                self._before = before
                sys.setswitchinterval(SWITCH)
        self.until = now + SPOKEN

    def look(self, now: float) -> None:
        """End it where nobody has said anything for a while."""
        if self.until is not None and now >= self.until:
            self.end()

    def end(self) -> None:
        """As it was before. Where the program has set another interval meanwhile, that stays."""
        self.until = None
        if self._before is not None:
            if abs(sys.getswitchinterval() - SWITCH) < 1e-6:  # it counts in microseconds
                sys.setswitchinterval(self._before)
            self._before = None  # only now: without memory for a float the next end does it
