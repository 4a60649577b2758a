"""What time is it, on the clocks that outlive the daemon?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from brimwatch.core.moment import Moment


def clock_of(procfs: str) -> Callable[[], Moment]:
    """A clock that gives both times and the boot they belong to; "" where the kernel does not say which boot it is."""
    boot = read_boot_id(procfs)
    return lambda: Moment(time.time(), time.monotonic(), boot)


def read_boot_id(procfs: str) -> str:
    """The kernel's random name for this boot, or "". Source: random(4)."""
    try:
        with open(os.path.join(procfs, "sys/kernel/random/boot_id"), "rb") as file:
            return file.read(64).decode("ascii", "replace").strip()
    except OSError:
        return ""
