"""What outlives this run of the daemon, and what did an earlier one leave? The journal, and all that is kept in it.

Without a journal (it cannot be had, or nobody asked for one) all of it works in memory, and nothing outlives the run.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping

from brimwatch.act.webhook_message import Occasion
from brimwatch.config.settings import Config
from brimwatch.core.budget import Spent
from brimwatch.core.decide import rule_of
from brimwatch.core.evaluate import crossings
from brimwatch.core.moment import Moment, elapsed
from brimwatch.model import Change, Decision, Sample, Tier
from brimwatch.record.catalogue import Name
from brimwatch.record.events import EventLog, Fact
from brimwatch.record.happenings import tier_changed
from brimwatch.record.journal import Journal
from brimwatch.record.journal_rows import ALERT, BUDGET, MESSAGE, RUN, STATE, Past, drop_all, prune
from brimwatch.record.journal_writer import Failed, Ready, Writer
from brimwatch.record.sentences import sentence
from brimwatch.runtime.memory import Memory
from brimwatch.runtime.outbox import Outbox
from brimwatch.runtime.outbox_rows import read_message
from brimwatch.runtime.storage import prepare_storage
from brimwatch.runtime.store import Store
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject
from brimwatch.runtime.tellings import Tellings

OPENS = 5.0  # seconds that the watching waits for the journal at the start; a later one is taken up under way
LEAVES = 2.0  # seconds at a stop for running tries, and then for the last writes
ALIVE = 60.0  # seconds between two signs of life in the journal, and between two tidyings
PRUNE = 3600.0


class Continuity(Store):
    """Handed to whatever keeps something: a store that never waits."""

    def __init__(self, events: EventLog, story: Story, clock: Callable[[], Moment]) -> None:
        self._events = events
        self._story = story
        self._clock = clock
        self._folder = ""
        self._journal: Journal | None = None
        self._begun = asyncio.Event()
        self._answered = False  # the journal was open once
        self._failing: float | None = None  # since when it cannot be written, monotonic seconds
        self._left: dict[str, Fact] = {}  # what an earlier run left, until it is told
        self.undone = 0  # brakes and ceilings of an earlier run that were taken back at the start
        self._tidied = self._pruned = float("-inf")
        self._retention = 0.0
        self._steady = time.time() - time.monotonic()  # the wall clock at the start: a later step prunes nothing
        self._host = socket.gethostname()
        self.page = ""
        self.last_run: dict[str, Fact] = {}  # how the last run ended, where one is known
        self.outbox = Outbox(story, self, clock)
        self.tellings = Tellings(self.outbox, self, clock)
        self.memory = Memory(self, clock)
        self.spend: Callable[[Spent], None] = lambda _: None  # takes up budgets

    def configure(self, config: Config) -> None:
        """Another configuration is in force."""
        self.outbox.configure(config.actions, config.dry_run)
        self._retention = config.retention

    async def open(self, folder: str) -> None:
        """Begin to keep; returns when it is known whether that works, or after five seconds."""
        self._folder = folder
        self._journal = Journal(
            lambda report: Writer(folder, prepare_storage, self._clock, report),
            self._clock,
            asyncio.get_running_loop(),
            self._told,
        )
        try:
            async with asyncio.timeout(OPENS):
                await self._begun.wait()
        except TimeoutError:
            self._told(Failed(f"it has not answered for {OPENS:g}s"))

    async def end(self) -> None:
        """No more is sent; what waits stays in the journal."""
        self.memory.tick()
        await self.outbox.close(LEAVES, kept=self._journal is not None and self._journal.working)

    async def close(self) -> None:
        """Write the last of it, and that the run ended in order."""
        if self._journal is not None:
            await self._journal.close(LEAVES)

    def put(self, kind: str, key: str, body: Mapping[str, object]) -> None:
        """Keep a document."""
        if self._journal is not None:
            self._journal.put(kind, key, body)

    def drop(self, kind: str, key: str) -> None:
        """Forget a document."""
        if self._journal is not None:
            self._journal.drop(kind, key)

    async def settled(self, patience: float) -> bool:
        """Wait until what was put is committed."""
        return self._journal is None or await self._journal.settled(patience)

    def tell(self, subject: Subject, decision: Decision, sample: Sample) -> bool:
        """Take over a rung that tells by webhook; False where it is none."""
        action = decision.action
        if decision.rung >= 0 or action.kind != "webhook":
            return False
        self._story.started(subject)
        occasion = entered(subject, decision, sample, self._clock().wall, self._host, self.page)
        self.tellings.tell(subject, decision.tier, action, occasion)
        return True

    def looked(self, subject: Subject) -> None:
        """A look has changed where a subject stands."""
        self.memory.looked(subject)
        self.tellings.looked(subject)

    def gone(self, subject: Subject) -> None:
        """A subject is no more."""
        self.memory.gone(subject)
        self.tellings.gone(subject)

    def tell_left(self) -> None:
        """Say, once, what an earlier run left: after the first looks, which say who of it was found again."""
        if self._left:
            left, self._left = self._left, {}
            if self.undone:
                left["undone"] = self.undone
            self._story.tell(Name.STATE_RESTORED, None, None, **left, restored=self.memory.restored)

    def housekeeping(self, now: float) -> None:
        """About once a second (monotonic seconds)."""
        self.memory.tick()
        self.tellings.tick(now)
        self.outbox.tick(now)
        self.tell_left()
        if self._journal is None:
            return
        self._journal.check(now)
        if now - self._tidied >= ALIVE:
            self._tidied = now
            self.memory.tidy(now)
            self.put(RUN, "", {"running": True})
        if now - self._pruned >= PRUNE:
            self._pruned = now
            self._journal.run(*prune(self._steady + now - self._retention))

    def _told(self, news: Ready | Failed) -> None:
        """The journal begins, or ceases, to work."""
        now = time.monotonic()
        if isinstance(news, Failed):
            if self._failing is None:
                self._failing = now
                self._story.tell(Name.JOURNAL_FAILED, path=self._folder, detail=news.detail)
            self._begun.set()
            return
        first, self._answered = not self._answered, True
        if first:
            self._events.subscribe(lambda recorded: self._journal.event(recorded) if self._journal else None)
        self._write_all(first)
        if first:
            self._take_up(news.past)
        if news.aside:
            self._story.tell(Name.JOURNAL_SET_ASIDE, path=self._folder, detail=news.aside)
        if self._failing is not None:
            seconds, self._failing = round(now - self._failing, 1), None
            self._story.tell(Name.JOURNAL_RECOVERED, path=self._folder, failed_seconds=seconds)
        self._begun.set()

    def _write_all(self, first: bool) -> None:
        """Put all that is in memory into a journal that missed some of it."""
        if self._journal is None:
            return
        if not first:
            self._journal.run(drop_all())
        for recorded in self._events.since(limit=10_000):
            self._journal.event(recorded)
        self.outbox.write_all()
        self.tellings.write_all()
        self.memory.write_all()

    def _take_up(self, past: Past) -> None:
        self._events.take_up(past.events)
        self.memory.take_up(past.of(STATE), past.ended)
        spent = self.memory.budgets(past.of(BUDGET))
        self.spend(spent)
        alerts = self.tellings.take_up(past.of(ALERT))
        messages = [message for message in map(read_message, past.of(MESSAGE)) if message is not None]
        self.outbox.take_up(messages)
        if past.after_crash is None:
            return
        self.last_run = {"last_run": "crashed" if past.after_crash else "ended in order"}
        counts = {"budgets": len(spent.runs), "webhooks": len(messages), "alerts": alerts}
        if past.of(STATE) or any(counts.values()):
            self._left = {**counts, "after_crash": past.after_crash}
            if past.ended is not None:
                self._left["down_seconds"] = round(elapsed(past.ended, self._clock()), 1)


def entered(subject: Subject, decision: Decision, sample: Sample, wall: float, host: str, page: str) -> Occasion:
    """What is told of a tier that was entered; `wall` in Unix seconds."""
    rule = rule_of(subject.target.spec.policy, decision.tier)
    because = crossings(rule, sample) if rule is not None else ()
    change = Change(Tier.CALM, decision.tier, sample.at, because)
    event = tier_changed(subject.target.name, subject.label, change, sample, wall, artefact=subject.artefact)
    return Occasion(
        name=event.name.value,
        wall=wall,
        target=subject.target.name,
        member=subject.label,
        tier=decision.tier.label,
        action=decision.action.name,
        sentence=sentence(event),
        facts={key: value for key, value in event.facts.items() if key != "before"},
        host=host,
        started=subject.since_wall,
        page=page,
    )
