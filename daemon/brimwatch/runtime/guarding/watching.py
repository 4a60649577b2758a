"""How is the command watched without the command depending on it? The Engine runs on a thread of its own.

Whatever fails there is told once, and the command goes on unwatched: the main thread, which passes signals on and waits
for the end, needs nothing from here.
"""

from __future__ import annotations

import asyncio
import threading
import time

from brimwatch.config.settings import Config
from brimwatch.model import Tier
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Recorded
from brimwatch.record.log import Log
from brimwatch.record.sentences import sentence
from brimwatch.runtime.engine import Engine
from brimwatch.runtime.guarding.course import Course
from brimwatch.runtime.guarding.passing import is_exiting
from brimwatch.runtime.guarding.teller import Progress, Teller
from brimwatch.runtime.options import Options
from brimwatch.runtime.service import Service
from brimwatch.runtime.subject import Subject
from brimwatch.units import format_bytes, format_duration

BEAT = 0.1  # seconds between two glances at what the Engine knows
STATUS_EVERY = 1.0
STALLED = 10.0  # seconds, beside three intervals
AFTER = 5.0  # seconds that a ladder may take to close, beyond what its rungs were given
TOLD = frozenset(
    {Name.TIER_ENTERED, Name.TIER_LEFT, Name.ACTION_RAN, Name.ACTION_FAILED, Name.ACTION_SUPPRESSED, Name.OOM_KILLED}
)
_MINE = TOLD | {Name.TARGET_LOST}  # that a command ends is no loss


class GuardLog(Log):
    """The log of a guard: what `progress` tells is not told a second time, and no line is drawn into another."""

    teller: Teller | None = None
    passes_over: frozenset[Name] = frozenset({Name.TARGET_LOST})

    def write(self, recorded: Recorded) -> None:
        """Write one event, unless somebody else tells it."""
        if recorded.event.name in self.passes_over:
            return
        if self.teller is not None:
            self.teller.clear()
        super().write(recorded)


class Watching:
    """One watch over one command. `patience`: seconds that a ladder which is under way gets at the end."""

    def __init__(
        self,
        options: Options,
        config: Config,
        log: GuardLog,
        course: Course,
        teller: Teller,
        progress: Progress,
        every: float,
        patience: float,
    ) -> None:
        self.fault = ""
        self._options = options
        self._config = config
        self._log = log
        self._course = course
        self._teller = teller
        self._progress = progress
        self._every = every
        self._patience = patience
        self._pid = config.targets[0].match.pid
        self._begun = time.monotonic()
        self._beat = self._begun
        self._stalled = False
        self._over = threading.Event()
        self._hurry = threading.Event()
        self._kept: dict[int, Subject] = {}  # by identity: a subject that is gone still knows its peak
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        log.teller = teller
        if progress is not Progress.OFF:
            log.passes_over = _MINE

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Is the thread still at work?"""
        return self._thread.is_alive()

    def check(self) -> None:
        """Called once a second by the main thread: say once that looks have stalled."""
        silent = time.monotonic() - self._beat
        if not self._stalled and self.running and silent > STALLED + 3 * self._config.interval:
            self._stalled = True
            self._tell_fault(f"no look for {silent:.0f}s")

    def end(self) -> None:
        """The command has ended: close what is open."""
        self._over.set()

    def hurry(self) -> None:
        """Wait for no ladder any more."""
        self._hurry.set()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - whatever fails here is no reason for the command to
            self._tell_fault(f"{error!r:.200}")
        else:
            if not self._over.is_set() and not self.fault:
                self._tell_fault("it ended by itself")

    def _tell_fault(self, why: str) -> None:
        if not self.fault:
            self.fault = why
            self._teller.say(f"the watch has failed ({why}); the command goes on without it")

    async def _serve(self) -> None:
        await Service(self._options, self._config, self._log, hosted=True).run(until=self._follow)

    async def _follow(self, engine: Engine) -> None:
        """Glance at the Engine until the command has ended, and a ladder that is under way with it."""
        unsubscribe = engine.events.subscribe(self._hear)
        try:
            next_status, next_line = 0.0, self._begun + self._every
            while not self._over.is_set():
                self._glance(engine)
                now = self._beat = time.monotonic()
                if self._progress is Progress.STATUS and now >= next_status:
                    next_status = now + STATUS_EVERY
                    self._teller.draw(self._now())
                elif self._progress is Progress.LINES and now >= next_line:
                    next_line = now + self._every
                    self._teller.say(self._now())
                await asyncio.sleep(min(BEAT, self._config.interval))
            await self._close(engine)
        except Exception as error:  # noqa: BLE001 - told as the watch's end
            self._tell_fault(f"{error!r:.200}")
        finally:
            unsubscribe()

    async def _close(self, engine: Engine) -> None:
        """Let a ladder come to its end: its last rung is for what the command has left behind."""
        end = time.monotonic() + self._patience + AFTER
        while time.monotonic() < end and not self._hurry.is_set():
            self._glance(engine)
            subjects = engine.membership.targets[self._config.targets[0].name].subjects.values()
            if not engine.performer.running and all(one.ladder.firing is None for one in subjects):
                return
            await asyncio.sleep(BEAT)

    def _glance(self, engine: Engine) -> None:
        target = engine.membership.targets.get(self._config.targets[0].name)
        subjects = [] if target is None else list(target.subjects.values())
        for subject in subjects:
            self._kept[id(subject)] = subject
        if target is not None and not target.spec.grouped:
            self._kept = {key: one for key, one in self._kept.items() if one in subjects}
        peak = max((one.peak for one in self._kept.values()), default=0.0)
        samples = [one.sample for one in subjects if one.sample is not None]
        tier = max((one.tier for one in subjects), default=Tier.CALM)
        # Measured: a look in the middle of an exit made 32 MB/s and a reduction of 37 % of 58 MB/s and none.
        ending = self._course.looks > 0 and self._pid is not None and is_exiting(self._pid)
        if samples and not ending:
            self._course.look(samples, time.monotonic(), time.time(), peak, tier)

    def _hear(self, recorded: Recorded) -> None:
        event = recorded.event
        self._course.hear(event)
        if self._progress is not Progress.OFF and event.name in TOLD:
            self._teller.say(f"{time.strftime('%H:%M:%S', time.localtime(event.wall))} {sentence(event)}")

    def _now(self) -> str:
        """The state in one line."""
        course = self._course
        took = format_duration(time.monotonic() - self._begun)
        if course.last is None or course.peak is None:
            return f"{took}: not measured yet"
        parts = [f"rss {format_bytes(course.last)}", f"peak {format_bytes(course.peak)}", course.tier.label]
        found = self._outlook()
        return f"{took}: " + ", ".join((*parts, *found))

    def _outlook(self) -> list[str]:
        """Growth and the time left, of the subject that has least."""
        found: list[tuple[float, str]] = []
        for subject in self._kept.values():
            growth = None if subject.sample is None else subject.sample.value(Quantity.GROWTH)
            left = None if subject.sample is None else subject.sample.value(Quantity.TIME_TO_LIMIT)
            if growth is not None and growth > 0:
                ahead = "" if left is None or left == float("inf") else f", limit in {format_duration(left)}"
                found.append((left if left is not None else float("inf"), f"growing {format_bytes(growth)}/s{ahead}"))
        return [min(found)[1]] if found else []
