"""Who listens to the looks? Each listener has a bounded queue; one that is slow loses rows and is told how many.

While nobody listens the engine has no tap. A row is written once for all who listen, on the loop: 18 us for a look.
"""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable, Collection

from brimwatch import __version__
from brimwatch.config.match_written import match_written
from brimwatch.core import recorded as rows
from brimwatch.core.budget import Spent
from brimwatch.discover.roster import Member
from brimwatch.model import Attempt, Decision, Reason, Sample
from brimwatch.record.events import EventLog, Recorded
from brimwatch.record.samples_write import RowWriter
from brimwatch.runtime.listener import Listener
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject, Target
from brimwatch.runtime.tap import Tap

LISTENERS = 4
STALE = 30.0  # seconds after which a listener that takes nothing makes room for another
BEAT = 5.0  # seconds without a row after which one says that all is well


class Recorder(Tap):
    """The tap of an engine, and its listeners. `terms` and `budgets` give what holds now.

    How a target stands is told before its first row, and again after rows were lost: at the opening of a recording of
    a thousand targets all at once would hold up the loop.
    """

    def __init__(
        self,
        story: Story,
        events: EventLog,
        terms: Callable[[], rows.Terms],
        budgets: Callable[[], Spent],
        boot_id: str = "",
    ) -> None:
        self._story = story
        self._events = events
        self._terms = terms
        self._budgets = budgets
        self._boot_id = boot_id
        self._writer = RowWriter()
        self._listeners: list[Listener] = []
        self._unsubscribe: Callable[[], None] | None = None

    def open(self, targets: Collection[str] = ()) -> Listener | None:
        """A new listener to these targets, or to all; None where there are enough of them."""
        for idle in [one for one in self._listeners if time.monotonic() - one.taken > STALE]:
            idle.end()
            self.close(idle)
        if len(self._listeners) >= LISTENERS:
            return None
        listener = Listener(targets)
        if not self._listeners:
            self._writer = RowWriter()
            self._story.tap = self
            self._unsubscribe = self._events.subscribe(self._told)
        self._listeners.append(listener)
        now, wall = time.monotonic(), time.time()
        header = rows.Header(
            socket.gethostname(), self._boot_id, now, wall, self._terms()._replace(wall=wall), __version__
        )
        self._hand(listener, header)
        self._hand(listener, rows.Counted(self._budgets().runs))
        return listener

    def close(self, listener: Listener) -> None:
        """Take a listener off; without any the engine has no tap."""
        if listener not in self._listeners:
            return
        self._listeners.remove(listener)
        if not self._listeners:
            self._story.tap = None
            if self._unsubscribe is not None:
                self._unsubscribe()

    def end(self, reason: str) -> None:
        """The daemon stops: everybody gets what is left and a last line."""
        for listener in list(self._listeners):
            if listener.lost:
                listener.put(self._written(rows.Lost(listener.lost)))
            listener.put(self._written(rows.End(reason)))
            listener.end()
            self.close(listener)

    async def stream(self, listener: Listener) -> AsyncIterator[bytes]:
        """Whole lines as they come, with a beat in silence, until the end."""
        try:
            while (lines := await listener.take(BEAT)) is not None:
                yield lines or self._writer.line(rows.Beat(time.monotonic(), time.time()))
        finally:
            self.close(listener)

    def reconfigured(self) -> None:
        """Other terms hold from now on; targets follow as they are declared."""
        for listener in self._listeners:
            self._hand(listener, self._terms()._replace(wall=time.time()))

    # The tap.

    def declared(self, target: Target) -> None:
        """See Tap. Who does not know how the target stands is told with its next row, when it was judged anew."""
        for listener in self._listeners:
            if target.name in listener.stands:
                self._declare(listener, target)

    def joined(self, subject: Subject, now: float, wall: float) -> None:
        """See Tap."""
        self._put(subject.target, rows.Joined(subject.target.name, subject.key, subject.label, now, wall))

    def passed(self, subject: Subject, member: Member, found: bool) -> None:
        """See Tap."""
        self._put(subject.target, _passed(subject, member, found))

    def restored(self, subject: Subject) -> None:
        """See Tap."""
        self._put(subject.target, _stood(subject))

    def look(self, subject: Subject, sample: Sample, tick: int, guard: Reason | None) -> None:
        """See Tap."""
        target = subject.target
        self._put(target, rows.Look(target.name, subject.key, subject.label, time.time(), tick, sample, guard))

    def spent(self, subject: Subject, spent: Spent) -> None:
        """Budgets count for the whole host: who left this target out is told."""
        for listener in self._listeners:
            if not listener.wants(subject.target.name):
                self._hand(listener, rows.Counted(spent.runs))

    def counted(self, spent: Spent) -> None:
        """See Tap."""
        for listener in self._listeners:
            self._hand(listener, rows.Counted(spent.runs))

    def started(self, subject: Subject, decision: Decision) -> None:
        """See Tap."""
        name, key = subject.target.name, subject.key
        tier, action, rung, firing = decision.tier, decision.action.name, decision.rung, decision.firing
        self._put(subject.target, rows.Started(name, key, tier, action, rung, firing, decision.at))

    def answered(self, subject: Subject, decision: Decision, attempt: Attempt) -> None:
        """See Tap."""
        name, key, wall = subject.target.name, subject.key, time.time()
        tier, action, rung, firing = decision.tier, decision.action.name, decision.rung, decision.firing
        self._put(
            subject.target, rows.Answered(name, key, subject.label, tier, action, rung, firing, attempt, wall)
        )  # fmt: skip

    def stopped(self, subject: Subject) -> None:
        """See Tap."""
        self._put(subject.target, rows.Stopped(subject.target.name, subject.key))

    def gone(self, subject: Subject, now: float) -> None:
        """See Tap."""
        self._put(subject.target, rows.Gone(subject.target.name, subject.key, subject.label, now, time.time()))

    def removed(self, subject: Subject) -> None:
        """See Tap."""
        self._put(subject.target, rows.Removed(subject.target.name, subject.key))

    def _told(self, recorded: Recorded) -> None:
        """An event follows the row that led to it: who was not given that one has no use for it."""
        event = recorded.event
        row = rows.Told(event.name.value, event.target, event.member, event.wall, event.facts)
        for listener in self._listeners:
            if event.target in listener.stands:
                self._hand(listener, row)

    def _put(self, target: Target, row: rows.Row) -> None:
        """Hand a row to all who listen to its target, and how that stands to those who do not know it."""
        line: bytes | None = None
        for listener in self._listeners:
            if not listener.wants(target.name):
                continue
            if listener.lost:
                if not listener.has_room:
                    listener.lost += 1
                    continue
                self._resume(listener)
            if target.name not in listener.stands:
                self._stand(listener, target)
            if line is None:
                line = self._written(row)
            self._queue(listener, line)

    def _hand(self, listener: Listener, row: rows.Row) -> None:
        """Hand a row to one listener; one that has lost rows gets nothing before it is told so."""
        if not listener.lost:
            self._queue(listener, self._written(row))

    def _queue(self, listener: Listener, line: bytes) -> None:
        if not line or not listener.has_room:
            listener.lost += 1
            return
        listener.put(line)

    def _written(self, row: rows.Row) -> bytes:
        return self._safely(lambda: self._writer.line(row))

    def _safely(self, write: Callable[[], bytes]) -> bytes:
        """A line; empty where that failed, for we are called in the middle of a look, which must go on."""
        try:
            return write()
        except Exception as error:  # noqa: BLE001 - see above
            self._story.fault("recorder", error)
            return b""

    def _resume(self, listener: Listener) -> None:
        """After rows were lost: how many; how the targets stand is told before the next row of each."""
        lost, listener.lost, listener.policies = listener.lost, 0, 0
        listener.stands.clear()
        for row in (rows.Lost(lost), self._terms(), rows.Counted(self._budgets().runs)):
            self._hand(listener, row)

    def _declare(self, listener: Listener, target: Target) -> None:
        """The target's row, after the policies that the listener has not been given."""
        line = self._written(_declared(target))
        while listener.policies < self._writer.policies and not listener.lost:
            listener.policies += 1
            self._queue(listener, self._safely(lambda: self._writer.policy_line(listener.policies)))
        if not listener.lost:
            self._queue(listener, line)

    def _stand(self, listener: Listener, target: Target) -> None:
        listener.stands.add(target.name)
        self._declare(listener, target)
        for subject in target.subjects.values():
            self._hand(listener, _stood(subject))
            for watched in subject.watched.values():
                self._hand(listener, _passed(subject, watched.member, found=True))


def _declared(target: Target) -> rows.Declared:
    spec = target.spec
    now, wall = time.monotonic(), time.time()
    match = match_written(spec.match)
    return rows.Declared(target.name, spec.name, spec.policy, now, wall, spec.grouped, spec.match.host, match)


def _stood(subject: Subject) -> rows.Stood:
    return rows.Stood(
        target=subject.target.name,
        key=subject.key,
        member=subject.label,
        judgement=subject.judgement,
        ladder=subject.ladder,
        shared=subject.shared,
        sample=subject.sample,
        since=subject.since_wall,
    )


def _passed(subject: Subject, member: Member, found: bool) -> rows.Passed:
    return rows.Passed(
        subject.target.name, subject.key, member.identity, found, member.comm, member.unit, time.time()
    )  # fmt: skip
