"""When is each subject looked at? One timer, a heap of due times, and a discovery pass each interval.

Everything urgent happens in one callback of the event loop: it neither waits nor yields between a measurement and the
start of the rung that it asks for.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
import time
from collections.abc import Callable, Iterator

from brimwatch.agent.places import directories
from brimwatch.config.settings import Config
from brimwatch.core.glance import ALERT, MOST, QUIET, asks_for_look, glance_gap
from brimwatch.core.pace import SHORTEST
from brimwatch.discover.roster import Roster
from brimwatch.runtime.ends import Ends
from brimwatch.runtime.looks import Looks
from brimwatch.runtime.membership import Membership
from brimwatch.runtime.punctual import Punctual
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject
from brimwatch.runtime.wakes import Wakes
from brimwatch.units import Seconds

BEATS = 10  # looks at rest fall on this many beats of an interval, so that the daemon wakes rarely
BURST = 0.005  # seconds that one callback may look around before it lets others run
BEAT = 0.01  # seconds: glances at what has never grown fall on beats as well
FAULT_PAUSE = 10.0  # seconds that a subject whose look failed is left alone
SLOW_PASS = 0.2  # share of a core that discovery may take: a pass that costs more is made less often


class Watch:
    """The heart: looks at what is due, then sleeps until the next."""

    def __init__(
        self, membership: Membership, looks: Looks, roster: Roster, story: Story, config: Config, procfs: str = "/proc"
    ) -> None:
        self._membership = membership
        self._looks = looks
        self._story = story
        self._roster = roster
        self._interval = config.interval
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Subject]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._next_pass = 0.0
        self._running = False
        self._punctual = Punctual(story)
        self._due = float("inf")
        self._glances = 0.0  # a second, wanted of all that has never grown
        self._ends = Ends(self._hasten)
        self.wakes = Wakes(procfs, self._hasten, self._subjects)
        membership.released = self._ends.forget
        self.rising: Callable[[Subject], None] = lambda _: None  # growth leads to a tier: what takes time is begun
        self.last_tick = 0.0
        self.passes = 0

    def start(self) -> None:
        """Begin to watch; the first pass and look happen at once."""
        self._running = True
        self.wakes.start()
        self._tick()

    def stop(self) -> None:
        """Look no more."""
        self._running = False
        self.wakes.stop()
        if self._timer is not None:
            self._timer.cancel()

    def configure(self, config: Config) -> None:
        """Go on under another configuration; subjects that are still wanted keep what is known of them."""
        self._interval = config.interval
        self._roster.replace(config.targets, directories(config.run_dir, os.geteuid()))
        self._next_pass = 0.0
        self._wake(0.0)

    def hurry(self, subject: Subject) -> None:
        """Look at this subject at once: a rung has ended."""
        self._push(subject, time.monotonic())
        self._wake(0.0)

    def _hasten(self, subject: Subject, due: float) -> None:
        """Look at this subject at `due`, if that is sooner than it would be."""
        if due < subject.due < float("inf"):
            self._push(subject, due)
            self._wake(max(0.0, due - time.monotonic()))

    def _subjects(self) -> Iterator[Subject]:
        for target in self._membership.targets.values():
            yield from target.subjects.values()

    def forget(self, subject: Subject) -> None:
        """The subject is gone; entries of it in the heap are passed over."""
        subject.due = subject.glance_due = float("inf")
        self._want_glances(subject, 0.0)
        self.wakes.forget(subject)

    def overdue(self, now: float) -> Seconds:
        """How late the next look is; infinite before the first. Late by much is a loop that has stalled."""
        return Seconds(max(0.0, now - self._due) if self.last_tick else float("inf"))

    def look_once(self) -> None:
        """One pass and one look at everything, with nothing scheduled: what `--once` does."""
        now = time.monotonic()
        self._pass(now)
        for target in list(self._membership.targets.values()):
            for subject in list(target.subjects.values()):
                self._look(subject, now)
        self._heap.clear()

    def _tick(self) -> None:
        now = time.monotonic()
        self._punctual.ticked(now, self._due, self._interval)
        self.last_tick = now
        self._looks.tick += 1
        if now >= self._next_pass:
            self._pass(now)
        end = now + BURST
        while self._heap and self._heap[0][0] <= now:
            due, _, subject = heapq.heappop(self._heap)
            if due == subject.due:
                self._look(subject, now)
            elif due == subject.glance_due:
                self._glance(subject, now)
            else:
                continue  # looked at sooner, or gone
            now = time.monotonic()
            if now >= end:
                break
        first = self._heap[0][0] if self._heap else self._next_pass
        self._wake(max(0.0, min(first, self._next_pass) - now))

    def _look(self, subject: Subject, now: float) -> None:
        try:
            gap = self._looks.look(subject, now)
        except Exception as error:  # noqa: BLE001 - a fault in one look must not end the watching of the others
            self._story.fault("look", error)
            gap = FAULT_PAUSE
        self._story.sampled(Seconds(time.monotonic() - now))
        if gap != float("inf"):
            if self._running:
                self._ends.heed(subject)
                self.wakes.heed(subject)
            self._push(subject, self._on_beat(now + gap, gap))
            self._plan_glance(subject, now, subject.way)

    def _glance(self, subject: Subject, now: float) -> None:
        """Has it risen? Then it is looked at; else the next glance is as far off as what is left of the way allows."""
        way, rise = subject.way, self._looks.rise(subject, now)
        if way is None or asks_for_look(rise, way):
            subject.alert_until = max(subject.alert_until, now + ALERT)
            self._look(subject, now)
            self.rising(subject)
        else:
            self._plan_glance(subject, now, way - rise)

    def _plan_glance(self, subject: Subject, now: float, way: float | None) -> None:
        """`way` is what is left to the next tier, in bytes."""
        alert = now < subject.alert_until
        stretch = max(1.0, self._glances / MOST)
        gap = float("inf") if way is None else glance_gap(way, subject.fastest, alert, stretch)
        due = now + gap
        if gap >= QUIET and not alert:
            due = max(due // BEAT * BEAT, now + SHORTEST)
        if due >= subject.due:  # a look comes first
            due, gap = float("inf"), float("inf")
        self._want_glances(subject, 0.0 if alert else 1 / gap)
        subject.glance_due = due
        if due < float("inf"):
            heapq.heappush(self._heap, (due, next(self._order), subject))

    def _want_glances(self, subject: Subject, rate: float) -> None:
        self._glances += rate - subject.glances
        subject.glances = rate

    def _on_beat(self, due: float, gap: float) -> float:
        """At rest, looks share beats: a wake-up costs as much as several looks."""
        if gap < self._interval / 2:
            return due
        beat = self._interval / BEATS
        return due // beat * beat

    def _pass(self, now: float) -> list[Subject]:
        wall = time.time()
        try:
            found = self._roster.scan(now)
            fresh = self._membership.apply(found, now, wall)
            self._story.scanned(self._roster.report)
        except Exception as error:  # noqa: BLE001 - the next pass may succeed; what is known stays under watch
            self._story.fault("discovery", error)
            fresh = []
        self.passes += 1
        cost = time.monotonic() - now
        self._next_pass = now + max(self._interval, cost / SLOW_PASS if cost > self._interval * SLOW_PASS else 0.0)
        for subject in fresh:
            self._push(subject, now)
        return fresh

    def _push(self, subject: Subject, due: float) -> None:
        subject.due = due
        heapq.heappush(self._heap, (due, next(self._order), subject))

    def _wake(self, delay: float) -> None:
        if not self._running:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = time.monotonic() + delay
        self._timer = asyncio.get_running_loop().call_later(delay, self._tick)
