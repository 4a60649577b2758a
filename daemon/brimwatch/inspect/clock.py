"""How long may a look go on? A bound of CPU time, asked often and read rarely: hostile memory has walks without end."""

from __future__ import annotations

import time

from brimwatch.units import Seconds


class OutOfTime(Exception):  # noqa: N818 - named after what it is
    """The CPU time that was granted did not suffice."""


class Clock:
    """Counts the CPU seconds of this thread. Reading them costs 0.3 us, so every `every`-th question does."""

    def __init__(self, most: Seconds, every: int = 256) -> None:
        self._end = time.thread_time() + most
        self._every = every
        self._asked = 0

    def over(self) -> bool:
        """Whether the time is up."""
        self._asked += 1
        return self._asked % self._every == 0 and time.thread_time() > self._end

    def check(self) -> None:
        """Raises OutOfTime when the time is up."""
        if self.over():
            raise OutOfTime("the CPU time that was granted did not suffice")
