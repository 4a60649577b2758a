"""Has what was to buy time bought any? Growth before and under a brake or a ceiling, as it was measured.

A brake counts from the moment that memory has reached it: below, it slows nothing. It helps where growth fell to less
than `SLOWED` of what it was, and whoever is asked under it answers: the kernel puts a thread that allocates to sleep
with all that it holds, the interpreter's lock included (measured: answers after up to 8 s). What hooks free meanwhile
counts in its favour: it is taken back in doubt by its `max`.

A ceiling bounds private memory alone. It does not help where the process has grown by more than the room that it left:
what grows is shared, or was reserved before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from brimwatch.core.history import Row
from brimwatch.units import Bytes, format_bytes, format_duration

TRIAL = 1.0  # seconds of growth under a brake before it is judged
BEFORE = 2.0  # seconds before it that growth is compared with
SLOWED = 0.8
SILENCE = 1.5  # seconds under a brake without an answer; a busy interpreter alone takes up to 1 s
OVERSHOOT = 1.25  # of the room below a ceiling: stacks and files grow a little beside what it counts
_REACHED = 0.97  # of a brake: the working set leaves out file pages that the kernel counts
_SHORTEST = 0.1  # seconds that growth can be measured over


class Bought(NamedTuple):
    """Growth in bytes per second before and since, None where it is not known; `helps` None: cannot be told (yet)."""

    before: float | None
    since: float | None
    helps: bool | None = None
    besides: str = ""

    def told(self) -> str:
        """For people; empty where there is nothing to tell."""
        known = self.before is not None and self.since is not None
        rates = f"growth {_rate(self.before or 0.0)} before, {_rate(self.since or 0.0)} under it" if known else ""
        return "; ".join(filter(None, (rates, self.besides)))


def growth(rows: Sequence[Row]) -> float | None:
    """Bytes per second of RSS and swap from the first row to the last; None where that is no time to speak of."""
    known = [(row.at, row.rss + (row.swap or 0)) for row in rows if row.rss is not None]
    if not known or known[-1][0] - known[0][0] < _SHORTEST:
        return None
    (start, first), (end, last) = known[0], known[-1]
    return (last - first) / (end - start)


def by_brake(before: float | None, rows: Sequence[Row], level: Bytes, silent: float = 0.0) -> Bought:
    """What a brake at `level` bytes did, by the looks since it was set.

    `silent`: for how many seconds of it a rung has been asking without an answer.
    """
    biting = [row for row in rows if _usage(row) >= _REACHED * level]
    since = growth(biting)
    if biting and min(silent, rows[-1].at - biting[0].at) >= SILENCE:
        return Bought(before, since, False, f"who was asked has not answered for {format_duration(silent)}")
    if before is None or before <= 0 or since is None or biting[-1].at - biting[0].at < TRIAL:
        return Bought(before, since)
    return Bought(before, since, since <= SLOWED * before)


def by_ceiling(before: float | None, rows: Sequence[Row], rise: float | None, room: Bytes) -> Bought:
    """What a ceiling did that left `room` bytes to a process which has grown by `rise` since."""
    beyond = rise is not None and rise > OVERSHOOT * room
    return Bought(before, growth(rows), False if beyond else None)


def _usage(row: Row) -> float:
    return max(row.working_set or 0, row.rss or 0)


def _rate(value: float) -> str:
    return ("-" if value < 0 else "") + format_bytes(abs(value)) + "/s"
