"""Has a process just ended that may have been killed? The pidfds of subjects near their end wake the loop.

Only those: a descriptor in the loop costs four objects and two system calls, an end that nobody asks about a look. For
1,000 subjects in a tier that is 1,000 epoll entries, 0.3 MB; at rest it is none. Without a pidfd, and for all others,
the next look or pass finds the end, and its time is estimated (`core.death`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from brimwatch.core.pace import RESTING
from brimwatch.model import Tier
from brimwatch.runtime.subject import Subject

NEAR = 0.5  # of a cgroup's limit left: a kill can come


class Ends:
    """`hasten(subject, due)` asks for a look at `due` (monotonic seconds)."""

    def __init__(self, hasten: Callable[[Subject, float], None]) -> None:
        self._hasten = hasten
        self._held: dict[int, asyncio.AbstractEventLoop] = {}

    def heed(self, subject: Subject) -> None:
        """A look was taken: wait for the ends of its processes from now on, or no more."""
        if not _matters(subject):
            if self._held:
                for watched in subject.watched.values():
                    self.forget(watched.pidfd)
            return
        for watched in subject.watched.values():
            pidfd = watched.pidfd
            if pidfd >= 0 and pidfd not in self._held:
                loop = asyncio.get_running_loop()
                loop.add_reader(pidfd, self._ended, subject, pidfd)
                self._held[pidfd] = loop

    def forget(self, pidfd: int) -> None:
        """Wait for this one no more; to be called before it is closed: a copy of it would keep it in the loop."""
        loop = self._held.pop(pidfd, None)
        if loop is not None and not loop.is_closed():
            loop.remove_reader(pidfd)

    def _ended(self, subject: Subject, pidfd: int) -> None:
        self.forget(pidfd)
        now = time.monotonic()
        subject.ended_at = now
        # While a rung runs, it says itself that its target has gone, and looks are 50 ms apart. A group whose processes
        # come and go is looked at 50 times a second at most.
        if subject.ladder.firing is None:
            looked = 0.0 if subject.sample is None else subject.sample.at
            self._hasten(subject, max(now, looked + RESTING) if len(subject.watched) > 1 else now)


def _matters(subject: Subject) -> bool:
    if subject.tier > Tier.CALM:
        return True
    sample = subject.sample
    if sample is None or sample.limit is None or sample.headroom is None or sample.limit.source != "cgroup":
        return False
    return sample.headroom < NEAR * sample.limit.bytes
