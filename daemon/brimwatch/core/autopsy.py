"""Why did nobody see it coming, and which threshold would have? The last minutes before a kill, replayed.

Each candidate, a share of the limit or a time to the limit, is entered and left over the history as a tier would be
(left below 90 % of it, above 1/0.9 for a time). The one that is proposed is the latest that leaves the time which the
policy's rungs need. Does *not* cover what was done meanwhile: bytes that a rung won back have bought time already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from brimwatch.core.history import Row
from brimwatch.model import Policy
from brimwatch.units import Seconds

SHARES = tuple(share / 100 for share in range(95, 45, -5))
TIMES = (10.0, 20.0, 60.0)  # seconds to the limit
SHORTEST = Seconds(2.0)  # seconds that any rung needs: a request, an answer, a measurement
_LEAVE = 0.9
_NEVER = math.inf
_DYING = 10.0  # seconds that the kernel may take to give back what a killed process held


class Candidate(NamedTuple):
    """A threshold and what it would have done. Exactly one of `share` (of the limit) and `time_to_limit` is set.

    `left`: seconds between its last entry and the kill, None where it was not entered. `whole`: it was above since the
    history began, so that `left` is the least. `false_alarms`: entries before, which were left again.
    """

    share: float | None
    time_to_limit: float | None
    left: Seconds | None
    whole: bool
    false_alarms: int


class Autopsy(NamedTuple):
    """What the history says of a kill; None where it does not tell. Growths are bytes per second up to the end."""

    peak: float | None
    limit: float | None
    growth: float | None  # over the last ten seconds
    minute_growth: float | None
    step: float | None  # the greatest rise between two looks of the last ten seconds, bytes
    seen: Seconds  # that the history covers
    needed: Seconds
    advised: Candidate | None
    candidates: tuple[Candidate, ...] = ()


def needed_time(policy: Policy) -> Seconds:
    """Seconds that the longest ladder of the policy takes when every rung uses its settling time."""
    ladders = [sum(action.settle for action in rule.do) for rule in policy.tiers]
    return Seconds(max(SHORTEST, *ladders)) if ladders else SHORTEST


def examine(rows: Sequence[Row], killed_at: float, from_cgroup: bool, needed: Seconds) -> Autopsy:
    """Replay a history up to `killed_at` (monotonic seconds).

    `from_cgroup`: the limit is a cgroup's, of which the process may hold more than the cgroup's last reading says;
    otherwise it is the machine's, and what others hold counts.
    """
    limits = [row.limit for row in rows if row.limit]
    limit = limits[-1] if limits else None
    points = held_points(rows, from_cgroup)
    if not points:
        return Autopsy(None, limit, None, None, None, Seconds(0.0), needed, None)
    alive = points[: last_alive(points, killed_at) + 1]
    end_at = alive[-1][0]
    times = [(row.at, _NEVER if row.time_to_limit is None else row.time_to_limit) for row in rows if row.at <= end_at]
    candidates = [_shared(alive, share, limit, killed_at) for share in SHARES] if limit else []
    candidates += [_timed(times, seconds, killed_at) for seconds in TIMES]
    return Autopsy(
        peak=max(held for _, held in alive),
        limit=limit,
        growth=mean_growth(alive, 10.0),
        minute_growth=mean_growth(alive, 60.0),
        step=max((later[1] - one[1] for one, later in _pairs(alive, 10.0)), default=None),
        seen=Seconds(killed_at - points[0][0]),
        needed=needed,
        advised=_advise(candidates, needed),
        candidates=tuple(candidates),
    )


def held_points(rows: Sequence[Row], from_cgroup: bool) -> list[tuple[float, float]]:
    """Times, and the bytes that counted against the limit then; what is above the limit is counted twice."""
    limits = [row.limit for row in rows if row.limit]
    most = limits[-1] if limits else _NEVER
    return [(row.at, min(held, most)) for row in rows if (held := _held(row, from_cgroup)) is not None]


def last_alive(points: Sequence[tuple[float, float]], killed_at: float) -> int:
    """The place of the last look before the kill: what only falls in the seconds before the end is the kill itself."""
    end = len(points) - 1
    while end > 0 and points[end][1] < points[end - 1][1] and points[end][0] > killed_at - _DYING:
        end -= 1
    return end


def _held(row: Row, from_cgroup: bool) -> float | None:
    used = row.limit - row.headroom if row.limit is not None and row.headroom is not None else row.working_set
    if not from_cgroup:
        return row.rss if used is None else used
    return max((value for value in (used, row.rss) if value is not None), default=None)


def mean_growth(points: Sequence[tuple[float, float]], seconds: float) -> float | None:
    """The mean growth over the last `seconds`; None for less than two looks."""
    last = points[-1]
    since = [point for point in points if point[0] >= last[0] - seconds]
    if len(since) < 2:
        since = list(points[-2:])
    span = last[0] - since[0][0]
    return (last[1] - since[0][1]) / span if span > 0 else None


def _shared(points: Sequence[tuple[float, float]], share: float, limit: float, killed_at: float) -> Candidate:
    enter = share * limit
    leave = enter * _LEAVE
    return Candidate(share, None, *_replay([(at, held >= enter, held < leave) for at, held in points], killed_at))


def _timed(points: Sequence[tuple[float, float]], seconds: float, killed_at: float) -> Candidate:
    leave = seconds / _LEAVE
    return Candidate(None, seconds, *_replay([(at, left <= seconds, left > leave) for at, left in points], killed_at))


def _replay(looks: Sequence[tuple[float, bool, bool]], killed_at: float) -> tuple[Seconds | None, bool, int]:
    """Enter and leave over the looks: the time that the last entry left, whether it was whole, entries before it."""
    entered: float | None = None
    entries = 0
    for at, enters, leaves in looks:
        if entered is None and enters:
            entered, entries = at, entries + 1
        elif entered is not None and leaves:
            entered = None
    if entered is None:
        return None, False, entries
    return Seconds(killed_at - entered), entered == looks[0][0], entries - 1


def _advise(candidates: Sequence[Candidate], needed: Seconds) -> Candidate | None:
    """The highest share that leaves enough time; a time to the limit where no share does, or with fewer alarms."""
    enough = [one for one in candidates if one.left is not None and one.left >= needed]
    shares = [one for one in enough if one.share is not None]
    times = [one for one in enough if one.time_to_limit is not None]
    best = shares[0] if shares else None
    sooner = min(times, key=lambda one: (one.false_alarms, one.time_to_limit), default=None)
    if best is None or (sooner is not None and sooner.false_alarms < best.false_alarms):
        return sooner
    return best


def _pairs(
    points: Sequence[tuple[float, float]], seconds: float
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    since = points[-1][0] - seconds
    return [(one, later) for one, later in pairwise(points) if later[0] >= since]
