"""When was the daemon that kept this journal last alive? It says so each second, in the file of its lock.

Nothing waits for the disk, and no transaction is made: what was written is in the kernel's hands, so that it survives
the end of this process however it comes. The kernel writes one page of it back about twice a minute.
"""

from __future__ import annotations

import contextlib
import math
import os

from brimwatch.core.moment import Moment

EVERY = 1.0  # seconds between two signs of life
_LENGTH = 120  # bytes of one: it covers the one before, also where that was longer


def sign(descriptor: int, now: Moment) -> None:
    """Write down that this process is alive. A disk without room for it costs the sign, nothing else."""
    text = f"{os.getpid()}\n{now.wall:.1f} {now.mono:.1f} {now.boot}".ljust(_LENGTH - 1) + "\n"
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, text.encode("ascii", "replace"), 0)


def last_sign(descriptor: int) -> Moment | None:
    """The last sign of whoever had the lock before; None where it cannot be understood."""
    try:
        wall, mono, boot = os.pread(descriptor, _LENGTH, 0).decode("ascii").splitlines()[1].split()
        found = Moment(float(wall), float(mono), boot)
    except (OSError, ValueError, IndexError):
        return None
    return found if math.isfinite(found.wall) and math.isfinite(found.mono) else None


def owner(descriptor: int) -> str:
    """The process ID of whoever has the lock, for people."""
    try:
        lines = os.pread(descriptor, 20, 0).decode("ascii", "replace").splitlines()
    except OSError:
        lines = []
    return lines[0].strip() if lines and lines[0].strip().isdigit() else "unknown"


def later(row: Moment | None, signed: Moment | None) -> Moment | None:
    """The later of what the journal and the lock say. A sign of another boot than the row's belongs to no run of it."""
    if row is None or signed is None or not row.boot or signed.boot != row.boot:
        return row
    return max(row, signed, key=lambda moment: moment.mono)
