"""`gc`: does a collection give anything back? Up to five rounds in an emergency, as long as a round frees 1 %."""

from __future__ import annotations

import gc
import sys
import time

from brimwatch.hooks.process import rss
from brimwatch.hooks.request import Request, Skip
from brimwatch.hooks.wire import WOULD_UNSHARE

ROUNDS = {"warning": 1, "critical": 2, "emergency": 5}
OWN_FROZEN = 1000  # Python 3.12 begins with 375 frozen objects of its own; a program that freezes has 3,800 at least
WORTH = 0.01  # of the resident set, or of all blocks: less is not worth another round


class Heritage:
    """Whether this process shares its heap with the one that forked it."""

    def __init__(self) -> None:
        self.would_unshare = False

    def after_fork(self) -> None:
        """A collection writes to every object that it tracks, and so copies its page; frozen ones are left alone.

        Measured: four workers of 187 MB together took 342 MB after a collection in each; nothing after gc.freeze()
        before the fork.
        """
        self.would_unshare = not is_frozen()


def is_frozen() -> bool:
    """Whether somebody has called gc.freeze() in this process, or in the one that forked it."""
    return hasattr(gc, "get_freeze_count") and gc.get_freeze_count() > OWN_FROZEN


HERITAGE = Heritage()


def collect(request: Request) -> int | None:
    """The hook: bytes by which the resident set fell. Raises Skip in a fork that was not frozen before."""
    if HERITAGE.would_unshare:
        raise Skip(WOULD_UNSHARE, "forked without gc.freeze(): a collection would copy what is shared with the parent")
    first = rss()
    for _ in range(ROUNDS.get(request.tier, 1)):
        before, began = _held(), time.monotonic()
        gc.collect()
        # The next round takes about as long, and nobody can stop it.
        if not _worth(before, _held()) or request.enough() or time.monotonic() - began > request.seconds_left():
            break
    last = rss()
    return None if first is None or last is None else max(0, first - last)


def _held() -> tuple[int | None, int | None]:
    return rss(), sys.getallocatedblocks() if hasattr(sys, "getallocatedblocks") else None


def _worth(before: tuple[int | None, int | None], after: tuple[int | None, int | None]) -> bool:
    """Freed objects often leave the resident set as it is until the allocator is trimmed: blocks count as well."""
    return any(
        was is not None and now is not None and was - now >= was * WORTH
        for was, now in ((before[0], after[0]), (before[1], after[1]))
    )
