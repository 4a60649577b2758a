"""How does the daemon know what is inside its targets? It asks a worker, within one budget of CPU time for all of them.

What a look brings joins the samples of its process, each value with its own time and cadence, so that one that is
missing or old neither enters nor leaves a tier. Does *not* decide what is due (`introspect_plan`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from brimwatch.core.pace import Allowance
from brimwatch.inspect.found import PERMANENT, Census
from brimwatch.inspect.wire import Answer
from brimwatch.model import ProcessId, Reading
from brimwatch.quantity import INSIDE_SHOWN, Quantity
from brimwatch.record.catalogue import Name
from brimwatch.runtime.introspect_plan import DENIED_PAUSE, Inside, Part
from brimwatch.runtime.introspect_readings import Seen, readings_of
from brimwatch.runtime.introspect_worker import Worker
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Target
from brimwatch.units import Seconds

COLLECTOR = "introspection"
BURST = Seconds(2.0)  # CPU seconds that are saved up at most
FIRST = Seconds(1.0)  # and that there are at the start, so that the first figures do not take minutes
MOST = Seconds(5.0)  # CPU seconds that one reader may take: some 7 million objects
EACH_TICK = 500  # processes whose turn is worked out anew at a tick: 10 us each
_NAMED = {Quantity.PYTHON_OBJECTS: "objects", Quantity.PYTHON_BLOCKS: "pools"}


class Introspection:
    """Looks inside the processes under watch. Everything is called on the loop; `tick` about once a second."""

    def __init__(
        self,
        procfs: str,
        story: Story,
        loop: asyncio.AbstractEventLoop,
        budget: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cpu = 0.0  # seconds, all workers together
        self.worker = Worker(procfs, loop, self._failed)
        self._story = story
        self._budget = budget
        self._clock = clock
        self._allowance = Allowance(budget, BURST, FIRST, clock())
        self._known: dict[ProcessId, Inside] = {}
        self._rota: Iterator[Inside] = iter(())
        self._stretch = 1.0
        self._blind: dict[str, float] = {}  # targets of which something may not be looked into, since when
        self._answered = asyncio.Event()

    def configure(self, budget: float) -> None:
        """Another budget, a share of one core; 0 switches off."""
        if budget == self._budget:
            return
        self._budget = budget
        self._allowance = Allowance(budget, BURST, self._allowance.balance, self._allowance.at)
        if not budget:
            self.close()
            for inside in self._known.values():
                inside.sampler.noted.forget(INSIDE_SHOWN)
                inside.sampler.noted.blind.pop(COLLECTOR, None)
            self._known.clear()

    def close(self) -> None:
        """End the worker."""
        self.worker.close()

    def tick(self, now: float, targets: Iterable[Target]) -> None:
        """Take over who came and went, work out turns, and ask for a look where one is due and paid for."""
        if not self._budget:
            return
        self.worker.tick(now)
        self._take_over(now, targets)
        for _ in range(min(EACH_TICK, len(self._known))):
            inside = next(self._rota, None)
            if inside is None:
                self._stretch = max(1.0, sum(one.demand for one in self._known.values()) / self._budget)
                self._rota = iter(tuple(self._known.values()))
                names = {one.subject.target.name for one in self._known.values()}
                self._blind = {name: since for name, since in self._blind.items() if name in names}
                break
            inside.refresh(self._budget, self._stretch)
            inside.sampler.noted.expire(INSIDE_SHOWN, now)
        self._ask(now)

    async def settle(self, targets: Iterable[Target], patience: float) -> None:
        """Look inside everyone once, within the budget, for `patience` seconds at most."""
        targets = tuple(targets)
        self.tick(self._clock(), targets)
        try:
            async with asyncio.timeout(patience):
                while self.worker.busy:
                    self._answered.clear()
                    await self._answered.wait()
        except TimeoutError:
            return

    def _take_over(self, now: float, targets: Iterable[Target]) -> None:
        known = self._known
        seen: dict[ProcessId, Inside] = {}
        for target in targets:
            for subject in target.subjects.values():
                for process, watched in subject.watched.items():
                    inside = known.get(process)
                    if inside is None or inside.sampler is not watched.sampler or inside.subject is not subject:
                        inside = Inside(subject, process, watched, now)
                    seen[process] = inside
        self._known = seen

    def _ask(self, now: float) -> None:
        """Ask for the look that has been due for longest, if it is paid for."""
        if not self.worker.ready(now):
            return
        self._allowance = self._allowance.refilled(now)
        inside = min(self._known.values(), key=lambda one: one.due, default=None)
        if inside is None or inside.due > now:
            return
        parts = inside.parts_due(now, self._budget, self._stretch)
        if not parts:  # what it was worked out from has changed
            inside.refresh(self._budget, self._stretch)
            return
        if self._allowance.grants(Seconds(sum(inside.expected(part) for part in parts))):
            self.worker.ask(inside.process, inside.wants(parts), MOST, partial(self._hear, inside, parts))

    def _hear(self, inside: Inside, parts: frozenset[Part], answer: Answer | None, cost: Seconds) -> None:
        """An answer, or none; then ask for the next look at once."""
        now = self._clock()
        self.cpu += cost
        self._allowance = self._allowance.refilled(now).charged(cost)
        for part in parts:
            inside.turns(part).paid(_share(part, parts, answer, cost), now)
        census = None if answer is None else answer.census
        if answer is not None and answer.fault:
            self._failed(answer.fault)
        if census is None:
            self._retry(inside, parts, now)
        elif self._known.get(inside.process) is inside:
            self._accept(inside, parts, census, now)
        inside.refresh(self._budget or 1.0, self._stretch)
        self._ask(now)
        self._answered.set()

    def _accept(self, inside: Inside, parts: frozenset[Part], census: Census, now: float) -> None:
        found = list(readings_of(census, inside.subject.target.spec.grouped))
        if not census.denied:
            inside.learn(census.python is not None)
        self._tell_blind(inside, census, now)
        if inside.python is False:  # its allocators alone are looked at, its zeros are taken along each time
            parts &= {Part.CENSUS}
        for part in parts:
            turns = inside.turns(part)
            values = [seen for seen in found if seen.part is part or inside.python is False]
            if values:
                gap = 0.0 if turns.taken is None else now - turns.taken
                turns.succeeded(now)
                self._note(inside, values, max(gap, inside.cadence(part, self._budget, self._stretch)), now)
            elif census.denied:
                turns.pause_until = now + DENIED_PAUSE
            else:
                turns.failed(now, inside.cadence(part, self._budget))

    def _note(self, inside: Inside, values: list[Seen], cadence: float, now: float) -> None:
        for seen in values:
            source = "walk" if seen.quantity is Quantity.PYTHON_OBJECTS else ""
            inside.sampler.note(seen.quantity, Reading(seen.value, now, cadence), source)

    def _retry(self, inside: Inside, parts: frozenset[Part], now: float) -> None:
        for part in parts:
            inside.turns(part).failed(now, inside.cadence(part, self._budget or 1.0))

    def _tell_blind(self, inside: Inside, census: Census, now: float) -> None:
        """Say once of a target that it cannot be looked into, or lacks for good what its policy asks for."""
        why = _blindness(inside, census)
        inside.sampler.noted.blind[COLLECTOR] = why
        target = inside.subject.target.name
        if why and target not in self._blind:
            self._blind[target] = now
            self._story.tell(
                Name.COLLECTOR_BLIND, target, collector=COLLECTOR, detail=f"{why} (pid {inside.process.pid})"
            )
        elif not why and target in self._blind:
            others = (one for one in self._known.values() if one.subject.target.name == target)
            if not any(one.sampler.reasons.get(COLLECTOR) for one in others):
                seconds = round(now - self._blind.pop(target), 1)
                self._story.tell(Name.COLLECTOR_RECOVERED, target, collector=COLLECTOR, blind_seconds=seconds)

    def _failed(self, why: str) -> None:
        self._story.fault(COLLECTOR, RuntimeError(why))


def _share(part: Part, parts: frozenset[Part], answer: Answer | None, cost: Seconds) -> float:
    """What of the whole cost a part takes: the walk over the objects is measured, the rest is the dearest other's."""
    census = None if answer is None else answer.census
    walked = cost if census is None else census.objects_cpu
    walk = float(min(cost, walked)) if Part.OBJECTS in parts else 0.0
    if part is Part.OBJECTS:
        return walk
    return 0.0 if part is Part.THREADS and Part.CENSUS in parts else cost - walk


def _blindness(inside: Inside, census: Census) -> str:
    if census.denied:
        return next((missing.why for missing in census.missing), "permission denied")
    lacking = {missing.what: missing.why for missing in census.missing if missing.why in PERMANENT}
    wanted = inside.subject.target.wanted
    return next((lacking[what] for quantity, what in _NAMED.items() if quantity in wanted and what in lacking), "")
