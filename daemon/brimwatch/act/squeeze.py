"""How does the kernel take memory from a cgroup, whatever language runs in it? By `memory.reclaim`, piece by piece.

It drops clean file pages and swaps out what it may: nothing that the program needs is lost, nothing is to be undone. A
write waits until its piece is done and cannot be cut short, hence the pieces.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from brimwatch.act.cgroup_target import Found, refuse_shared
from brimwatch.act.cgroup_write import CURRENT, write_reclaim
from brimwatch.act.parts import Part
from brimwatch.model import Verdict
from brimwatch.procfs.cgroup_place import Directory
from brimwatch.procfs.memory_files import parse_amount
from brimwatch.units import Bytes, format_bytes

PIECE = 16 << 20  # bytes: some 10 ms to drop, some 100 ms to swap out to a slow disk


class Squeeze(NamedTuple):
    """How many bytes to ask for, and whether others may be in the cgroup."""

    amount: Bytes
    force: bool = False


def squeeze(found: Found, order: Squeeze, ends_at: float, stop: threading.Event) -> Part:
    """Have one cgroup reclaimed, until `ends_at` (monotonic seconds) or `stop`. Raises Refused, OSError."""
    with Directory(found.place) as directory:
        refuse_shared(found, directory, order.force)
        before = parse_amount(directory.read(CURRENT), CURRENT)
        asked = left = int(min(order.amount, before))
        why = ""
        while left > 0 and not why:
            piece = Bytes(min(PIECE, left))
            if not write_reclaim(directory, piece):
                why = "; the kernel found no more"
            elif stop.is_set() or time.monotonic() >= ends_at:
                why = "; its time was over"
            left -= piece
        after = parse_amount(directory.read(CURRENT), CURRENT)
    change = f"usage {format_bytes(before)}, then {format_bytes(after)}"
    return Part(Verdict.RUN, f"{format_bytes(asked)} asked of {found.place.path}: {change}{why}")
