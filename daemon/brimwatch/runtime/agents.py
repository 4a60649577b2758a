"""When is which agent spoken to? Its figures on a cadence, the tier of its process when that changes, hooks for a rung.

At most one question that is not a rung's is open for each agent, at most `MOST_OPEN` in all, and none is waited for. An
agent that does not answer is asked ever more rarely. The client itself is imported when the first agent is found.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from brimwatch.act.off_loop import Threads
from brimwatch.config.settings import Config
from brimwatch.discover.agents import Agents as Sockets
from brimwatch.model import ProcessId, Reading, Reason, Tier
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Name
from brimwatch.runtime.agent_view import Known, asks_hooks, left_out, own_thresholds, shown
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject, Target, Watched
from brimwatch.units import Seconds

if TYPE_CHECKING:
    from brimwatch.agent.client import Caller
    from brimwatch.agent.figures import Reclaimed, Stats
    from brimwatch.record.snapshot import AgentView

CADENCE = Seconds(10.0)
CADENCE_IN_TIER = Seconds(2.0)
OBJECTS_EVERY = 60.0  # seconds: counting them holds the program up
WITHIN = Seconds(5.0)  # for figures and tiers
EXPIRY = 3  # cadences for which a tier that was told holds
LONGEST_PAUSE = 60.0  # seconds until an agent that does not answer is asked again
MOST_OPEN = 16
FIND_EVERY = 1.0  # seconds between two looks for agents
_PATHS = Threads("brimwatch-agents", 4)  # started as needed; each container can hold up one


class Agents:
    """What is known of the agents inside the processes under watch."""

    def __init__(self, procfs: str, story: Story, targets: Callable[[], Iterator[Target]]) -> None:
        self._procfs = procfs
        self._story = story
        self._targets = targets
        self._caller: Caller | None = None
        self._run_dir = ""
        self._sockets: Sockets | None = None
        self._dry_run = False
        self._known: dict[ProcessId, Known] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_find = 0.0

    def configure(self, config: Config, sockets: Sockets) -> None:
        """Another configuration is in force; `sockets` finds processes that have an agent."""
        self._dry_run = config.dry_run
        self._sockets = sockets
        if config.run_dir != self._run_dir:
            self._run_dir, self._caller = config.run_dir, None
        for known in self._known.values():
            known.due = 0.0

    def caller(self) -> Caller:
        """Who speaks to agents."""
        if self._caller is None:
            from brimwatch.agent.client import Caller
            from brimwatch.agent.dial import Ground

            self._caller = Caller(Ground(self._procfs, self._run_dir), _PATHS.run)
        return self._caller

    def heard(self, subject: Subject, reply: Reclaimed) -> None:
        """An agent has run hooks for a rung of this subject."""
        self._story.claimed(subject, {hook.name: hook.claimed for hook in reply.hooks if hook.claimed is not None})
        for process in subject.watched:
            known = self._known.get(process)
            if known is not None:
                known.due = 0.0

    def tier_changed(self, subject: Subject) -> None:
        """The tier of a subject changed: its agents are to hear of it now."""
        for process, watched in subject.watched.items():
            known = self._known.get(process)
            if known is not None:
                known.due = 0.0
                self._begin(known, subject, watched, time.monotonic())

    def look(self, now: float) -> None:
        """Called often: find agents, and ask those that are due. Waits for nothing."""
        if now >= self._next_find:
            self._next_find = now + FIND_EVERY
            self._find()
        if not self._known:
            return
        for subject, watched in self._watched():
            known = self._known.get(watched.member.identity)
            if known is not None and now >= known.due:
                self._begin(known, subject, watched, now)

    def view(self, subject: Subject) -> AgentView | None:
        """What agents say of a subject, summed up over its processes; None where none has spoken."""
        known = [one for process in subject.watched if (one := self._known.get(process)) is not None]
        return shown(known, time.monotonic(), 3 * CADENCE) if known else None

    def capable(self, subject: Subject) -> bool | None:
        """Whether all agents that a subject has answer; None where it has none."""
        known = [one for process in subject.watched if (one := self._known.get(process)) is not None]
        return all(not one.fault for one in known) if known else None

    async def drain(self, patience: float) -> None:
        """Wait for what has been asked, `patience` seconds at most: for who looks once."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=patience)

    async def close(self) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _watched(self) -> Iterator[tuple[Subject, Watched]]:
        for target in self._targets():
            for subject in target.subjects.values():
                for watched in subject.watched.values():
                    yield subject, watched

    def _find(self) -> None:
        """Which of the processes under watch have an agent now?"""
        if self._sockets is None:
            return
        present = {watched.member.identity.pid: watched.member.identity for _, watched in self._watched()}
        found = self._sockets.among(present.get, present.values)
        for process in found - self._known.keys():
            self._known[process] = Known(process)
        for process in self._known.keys() - found:
            if self._known[process].task is None:
                del self._known[process]

    def _begin(self, known: Known, subject: Subject, watched: Watched, now: float) -> None:
        if known.task is not None or len(self._tasks) >= MOST_OPEN:
            return
        cadence = CADENCE if subject.tier is Tier.CALM else CADENCE_IN_TIER
        known.due = now + cadence
        task = asyncio.get_running_loop().create_task(self._talk(known, subject, watched, cadence))
        known.task = task
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(known, ended))

    def _ended(self, known: Known, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        known.task = None
        if not task.cancelled() and task.exception() is not None:
            self._story.fault("agent", RuntimeError(repr(task.exception())))

    async def _talk(self, known: Known, subject: Subject, watched: Watched, cadence: Seconds) -> None:
        """Tell the tier, ask for the figures."""
        from brimwatch.agent.fault import AgentFault

        told, refused = subject.tier, None
        try:
            if asks_hooks(subject.target.spec.policy) and not self._dry_run:
                refused = await self._tell(known, subject, cadence)
            objects = self._counts_objects(known, subject)
            stats = await self.caller().stats(known.process, WITHIN, objects)
        except AgentFault as fault:
            known.failures += 1
            pause = min(LONGEST_PAUSE, CADENCE_IN_TIER * 2.0 ** min(known.failures, 30))
            known.due = time.monotonic() + pause
            if fault.reason is not Reason.VANISHED:
                self._blind(known, subject, fault.detail)
            return
        if refused is None:
            self._recovered(known, subject)
        else:
            self._blind(known, subject, refused)
        self._take(known, subject, watched, stats, cadence)
        if subject.tier is not told:
            known.due = 0.0  # it changed meanwhile

    async def _tell(self, known: Known, subject: Subject, cadence: Seconds) -> str | None:
        """Tell the tier; why that was not taken, where another daemon speaks. Raises AgentFault."""
        from brimwatch.agent.fault import AgentFault

        thresholds, expires = own_thresholds(subject), Seconds(EXPIRY * cadence)
        try:
            await self.caller().tell(known.process, subject.tier, expires, thresholds, WITHIN)
        except AgentFault as fault:
            if fault.reason is Reason.BUSY:
                return fault.detail
            if fault.reason is not Reason.UNSUPPORTED:  # an answerer may do without tiers
                raise
        return None

    def _counts_objects(self, known: Known, subject: Subject) -> bool:
        wanted = Quantity.PYTHON_OBJECTS in subject.target.wanted
        if not wanted and time.monotonic() - known.counted_at < OBJECTS_EVERY:
            return False
        known.counted_at = time.monotonic()
        return True

    def _take(self, known: Known, subject: Subject, watched: Watched, stats: Stats, cadence: Seconds) -> None:
        now = time.monotonic()
        known.failures = 0
        if known.stats is None or left_out(stats) > left_out(known.stats):
            self._story.hooks_left_out(left_out(stats))
        self._story.collected(subject, known.take(stats, now))
        if stats.threads is not None:
            watched.sampler.note(Quantity.PYTHON_THREADS, Reading(stats.threads, now, cadence), "agent")
        if stats.objects is not None:
            counted = cadence if Quantity.PYTHON_OBJECTS in subject.target.wanted else Seconds(OBJECTS_EVERY + cadence)
            watched.sampler.note(Quantity.PYTHON_OBJECTS, Reading(stats.objects, now, counted), "agent")

    def _blind(self, known: Known, subject: Subject, why: str) -> None:
        """It does not answer, or not us; told when that begins."""
        if not known.fault:
            name, label = subject.target.name, subject.label
            detail = f"process {known.process.pid}: {why}"
            self._story.tell(Name.COLLECTOR_BLIND, name, label, collector="agent", detail=detail)
            known.blind_since = time.monotonic()
        known.fault = why

    def _recovered(self, known: Known, subject: Subject) -> None:
        if known.fault:
            known.fault = ""
            seconds = round(time.monotonic() - known.blind_since, 1)
            name, label = subject.target.name, subject.label
            self._story.tell(Name.COLLECTOR_RECOVERED, name, label, collector="agent", blind_seconds=seconds)
