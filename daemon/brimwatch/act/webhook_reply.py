"""What became of a message's try, and when is the next one due?"""

from __future__ import annotations

import enum
from typing import NamedTuple

from brimwatch.units import Seconds

FIRST_WAIT = 1.0  # seconds; the longest wait after the first try, doubled with each
LONGEST_WAIT = 60.0
LONGEST_ASKED = 300.0  # what Retry-After may ask for
SHORTEST_WAIT = 0.1


class Fate(enum.Enum):
    """What became of a try."""

    DELIVERED = "delivered"
    RETRY = "retry"  # another try may succeed
    REFUSED = "refused"  # another try would end the same


class Reply(NamedTuple):
    """How a try ended. `detail` is one line for people, in which nothing of the URL but its origin is shown."""

    fate: Fate
    status: int | None
    retry_after: Seconds | None
    detail: str
    seconds: Seconds


class Tried(NamedTuple):
    """A try and what it was answered: a whole body, or an empty one. `timed_out`: before a status had come."""

    reply: Reply
    answer: bytes
    timed_out: bool


def backoff(tries: int, retry_after: Seconds | None, draw: float) -> Seconds:
    """Seconds to wait after `tries` tries; `draw`, 0 to 1, is chance, so that many do not come back at once.

    Up to 1, 2, 4, ... 60 s, any of it by chance (full jitter) but at least 100 ms. What the receiver asks for is waited
    for, up to five minutes, and the chance comes on top of it, up to five minutes as well.
    """
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(max(tries, 1) - 1, 16))
    wait = max(SHORTEST_WAIT, draw * longest)
    if retry_after is None:
        return Seconds(wait)
    return Seconds(min(LONGEST_ASKED, max(0.0, retry_after) + wait))
