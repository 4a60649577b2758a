"""When did it die? As it was noticed, where that was at once; else an estimate, within the bounds that are known.

A process that was not seen to end may have ended at any moment since the last look. It died at its limit: what was left
of that at the last look, by the growth of then, is the best guess, and the moment of noticing is the latest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from brimwatch.core.autopsy import held_points, last_alive, mean_growth
from brimwatch.core.history import Row
from brimwatch.units import Seconds

SURE = Seconds(0.05)  # a look so shortly before is as good as having seen it end
_RECENT = 2.0  # seconds whose growth counts; a step between two looks is the growth of now
_FASTER = 2.0  # times the growth of then: what nobody saw may have been faster
_NEAR = 0.98  # of the limit: the kernel charges in batches


class Death(NamedTuple):
    """`at` in monotonic seconds, estimated where `about`; it was within the `unsure` seconds before it was noticed.

    `last` is what was held at the last look, bytes, and `last_at` when that was; None where nothing was measured.
    """

    at: float
    about: bool
    unsure: Seconds
    last: float | None = None
    last_at: float | None = None


def death(rows: Sequence[Row], noticed: float, exact: bool, from_cgroup: bool) -> Death:
    """When it died. `noticed` in monotonic seconds; `exact`: that is when it ended, not when somebody looked."""
    points = held_points(rows, from_cgroup)
    if not points:
        return Death(noticed, not exact, Seconds(0.0))
    end = last_alive(points, noticed)
    last_at, last = points[end]
    unsure = Seconds(max(0.0, (points[end + 1][0] if end + 1 < len(points) else noticed) - last_at))
    if exact or noticed - last_at <= SURE:
        return Death(noticed, False, Seconds(0.0), last, last_at)
    limit = next((row.limit for row in reversed(rows) if row.limit), None)
    growth = mean_growth(points[: end + 1], _RECENT)
    # Without a growth the last look is the guess: what a threshold would have left is then the least, never too much.
    left = max(0.0, limit - last) / growth if limit and growth is not None and growth > 0 else 0.0
    return Death(last_at + min(left, unsure), True, Seconds(noticed - last_at), last, last_at)


def may_have_reached_limit(rows: Sequence[Row], ended: float, from_cgroup: bool) -> bool:
    """Can it have been at its limit when it `ended` (monotonic seconds)? Twice the growth of the last looks decides.

    False without a limit, or where less than two looks measured it.
    """
    points = held_points(rows, from_cgroup)
    limit = next((row.limit for row in reversed(rows) if row.limit), None)
    if not points or limit is None:
        return False
    end = last_alive(points, ended)
    last_at, last = points[end]
    growth = mean_growth(points[: end + 1], _RECENT)
    return growth is not None and last + _FASTER * max(0.0, growth) * max(0.0, ended - last_at) >= _NEAR * limit
