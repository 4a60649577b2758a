"""Did a process start before a file was written, or is its PID a used one? Start times against the times of files.

Start times count from the boot, file times from 1970: a step of the clock between the two makes processes seem younger
or older than they are. Hence a tolerance, and hence no second judgement of what was believed once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from brimwatch.model import ProcessId

TOLERANCE = 30.0  # seconds by which a process may seem younger than the file that means it
_TICKS = os.sysconf("SC_CLK_TCK")


def uptime() -> float:
    """Seconds since the boot, sleep included: the clock that start times are counted on. Source: clock_gettime(2)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Births:
    """When processes started. `wall` is Unix seconds, `since_boot` seconds since the boot."""

    def __init__(self, wall: Callable[[], float] = time.time, since_boot: Callable[[], float] = uptime) -> None:
        self.wall = wall
        self.since_boot = since_boot

    def age(self, process: ProcessId) -> float:
        """Seconds that the process has lived."""
        return self.since_boot() - process.start_ticks / _TICKS

    def after(self, process: ProcessId, written: float) -> bool:
        """Whether the process clearly started after `written` (Unix seconds), and so cannot be what was meant then."""
        return self.wall() - self.age(process) > written + TOLERANCE
