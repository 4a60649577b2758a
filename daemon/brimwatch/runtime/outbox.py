"""How does a telling message reach its sink, through failures, stops and crashes? A queue, and a sender per action.

A message is written to the journal in the transaction of the event that it tells of, and sent only once that is
committed; its id stays the same over tries and restarts, so that a sink that knows its ids sees it once. A sink that
does not answer holds up its own action only. Does *not* cover one try (`act.send_webhook`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, cast

from brimwatch.act.webhook_message import compose
from brimwatch.act.webhook_reply import Fate, Reply, backoff
from brimwatch.core.moment import Moment, elapsed
from brimwatch.model import Action, Outcome, Reason, Tier, Verdict
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Fact
from brimwatch.record.journal_rows import MESSAGE
from brimwatch.runtime.outbox_queue import AGAIN, ENTRY, Message, Queue
from brimwatch.runtime.outbox_rows import message_body
from brimwatch.runtime.store import Store
from brimwatch.runtime.story import Story
from brimwatch.units import Seconds

if TYPE_CHECKING:
    from brimwatch.act.webhook_options import Webhook

COMMIT = 2.0  # seconds that a message waits for its journal at most: then telling is more important than keeping
HOLDS = 180.0  # seconds that an alert holds which is not repeated: two repeats may be lost
DROPS_TOLD = 60.0  # seconds between two events about dropped messages of one action
Send = Callable[["Webhook", str, bytes, float], Awaitable[Reply]]


async def send_once(options: Webhook, message_id: str, body: bytes, wall: float) -> Reply:
    """One try, by what is imported with a configuration that has a webhook; without one nobody comes here."""
    from brimwatch.act import send_webhook

    return await send_webhook.send_once(options, message_id, body, wall)


class Outbox:
    """Messages that wait, and the tasks that send them."""

    def __init__(
        self,
        story: Story,
        store: Store,
        clock: Callable[[], Moment],
        send: Send = send_once,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._story = story
        self._store = store
        self._clock = clock
        self._send = send
        self._draw = draw
        self._actions: Mapping[str, Action] = {}
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._ailing: dict[str, tuple[Moment, int]] = {}  # action: since when its tries fail, and how many did
        self._dropped: dict[str, tuple[int, float]] = {}  # action: dropped but not told, and when it was told last
        self._closing = asyncio.Event()
        self._dry_run = False
        self.queue = Queue()

    def configure(self, actions: Mapping[str, Action], dry_run: bool = False) -> None:
        """The actions of the configuration in force; a message follows its action to another address.

        In a dry run nothing is sent: what waits goes on waiting, for as long as it is kept.
        """
        self._actions = actions
        self._dry_run = dry_run
        for action in {message.action for message in self.queue}:
            self._wake(action)

    def options(self, action: str) -> Webhook | None:
        """How an action's messages are sent, if there is such a webhook now."""
        known = self._actions.get(action)
        return cast("Webhook", known.options) if known is not None and known.kind == "webhook" else None

    def accept(self, message: Message) -> None:
        """Take a message over: from now on it is delivered, or said to have failed."""
        given = self.queue.add(message)
        self._keep(message)
        if given is not None:
            self._drop(given)
        self._wake(message.action)

    def take_up(self, messages: Iterable[Message]) -> None:
        """Messages that an earlier run left; they are in the journal already. Its trouble with their sinks goes on."""
        for message in messages:
            if self.queue.holds(message):
                continue
            if message.failing is not None:
                now = self._clock()
                since, failures = self._ailing.get(message.action, (message.failing, 1))
                self._ailing[message.action] = max(since, message.failing, key=lambda one: elapsed(one, now)), failures
            given = self.queue.add(message)
            if given is not None:
                self._drop(given)
            self._wake(message.action)

    def write_all(self) -> None:
        """Put everything that waits into a journal that is new, or works again."""
        for message in self.queue:
            self._keep(message)

    def tick(self, now: float) -> None:
        """About once a second (monotonic seconds): say what was dropped, where it was not said a moment ago."""
        if self._dry_run:
            for action in {message.action for message in self.queue}:
                self._expire(action)  # there is no sender to do it
        for action, (count, told) in tuple(self._dropped.items()):
            if now - told >= DROPS_TOLD:
                if count:
                    self._story.tell(Name.WEBHOOK_DROPPED, action=action, count=count)
                    self._dropped[action] = 0, now
                else:
                    del self._dropped[action]

    async def close(self, patience: float, kept: bool) -> None:
        """Let running tries end, `patience` seconds at most. What is left is in the journal (`kept`), or is lost."""
        self._closing.set()
        senders = list(self._senders.values())
        if senders:
            await asyncio.wait(senders, timeout=patience)
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        if not kept:
            for message in tuple(self.queue):
                self._give_up(message, Reason.STOPPED, "there is no journal to keep it")

    def _wake(self, action: str) -> None:
        if action not in self._senders and not self._closing.is_set() and not self._dry_run:
            self._senders[action] = asyncio.get_running_loop().create_task(self._serve(action))

    async def _serve(self, action: str) -> None:
        try:
            while not self._dry_run:
                self._expire(action)
                message = self.queue.take(action)
                if message is None:
                    return
                wait = await self._attempt(message)
                if wait:
                    await self._pause(action, wait)
                    if self._closing.is_set():
                        return
        finally:
            del self._senders[action]

    async def _attempt(self, message: Message) -> Seconds | None:
        """One try; returns the seconds to wait before the next one of this action."""
        options = self.options(message.action)
        if options is None:
            self._give_up(message, Reason.RELOADED, "the configuration has no such webhook now")
            return None
        await self._store.settled(COMMIT)
        if not self.queue.holds(message):
            return None  # it gave way meanwhile
        message.flying = True
        try:
            wall = self._clock().wall
            body = compose(options.form, message.occasion, wall + HOLDS)
            reply = await self._send(options, message.id, body, wall)
        except Exception as error:  # noqa: BLE001 - a message that breaks its sender must not hold up the others
            self._story.fault("webhook", error)
            self._give_up(message, Reason.ERROR, repr(error))
            return None
        finally:
            message.flying = False
        message.tries += 1
        return self._judge(message, reply)

    def _judge(self, message: Message, reply: Reply) -> Seconds | None:
        facts: dict[str, Fact] = {} if reply.status is None else {"status": reply.status}
        if reply.fate is Fate.RETRY:
            since, failures = self._ailing.get(message.action, (self._clock(), 0))
            self._ailing[message.action] = since, failures + 1
            message.failing, message.last = since, reply.detail
            if self.queue.holds(message):  # it may have been given up meanwhile
                self._keep(message)
            if not failures:
                facts |= {"detail": reply.detail, "waiting": len(self.queue.of(message.action))}
                self._tell(Name.WEBHOOK_DELAYED, message, facts)
            return backoff(failures + 1, reply.retry_after, self._draw())
        if reply.fate is Fate.REFUSED:
            self._give_up(message, Reason.ERROR, reply.detail, facts)
            return None
        self._forget(message)
        self._story.whisper(
            Name.WEBHOOK_DELIVERED, message.occasion.target, message.occasion.member, self._facts(message) | facts
        )
        self._outcome(message, Verdict.RUN, None, reply.detail)
        self._recovered(message.action)
        return None

    def _recovered(self, action: str) -> None:
        ailing = self._ailing.pop(action, None)
        if ailing is not None:
            seconds = round(elapsed(ailing[0], self._clock()), 1)
            waiting = len(self.queue.of(action))
            self._story.tell(Name.WEBHOOK_RECOVERED, action=action, failed_seconds=seconds, waiting=waiting)

    async def _pause(self, action: str, wait: Seconds) -> None:
        """Wait until the next try, but not beyond the moment at which the first message is to be given up."""
        options = self.options(action)
        if options is not None:
            now = self._clock()
            left = (options.keep - elapsed(message.accepted, now) for message in self.queue.of(action))
            wait = Seconds(max(0.0, min((wait, *left))))
        try:
            async with asyncio.timeout(wait):
                await self._closing.wait()
        except TimeoutError:
            return

    def _expire(self, action: str) -> None:
        options, now = self.options(action), self._clock()
        if options is None:
            return
        for message in self.queue.of(action):
            if elapsed(message.accepted, now) >= options.keep:
                last = f"; the last of {message.tries}: {message.last}" if message.last else ""
                self._give_up(message, Reason.DEADLINE, f"no try succeeded within {options.keep:g}s{last}")

    def _give_up(self, message: Message, reason: Reason, detail: str, more: Mapping[str, Fact] | None = None) -> None:
        self._forget(message)
        facts: dict[str, Fact] = {"reason": reason.value, "detail": detail}
        facts = {**(more or {}), **facts}
        if message.purpose == AGAIN:  # the next one follows within a minute
            occasion = message.occasion
            self._story.whisper(Name.WEBHOOK_FAILED, occasion.target, occasion.member, self._facts(message) | facts)
        elif not _owes(message):  # else the outcome of its rung says so
            self._tell(Name.WEBHOOK_FAILED, message, facts)
        self._outcome(message, Verdict.FAILED, reason, detail)

    def _drop(self, message: Message) -> None:
        self._store.drop(MESSAGE, message.id)
        self._outcome(message, Verdict.FAILED, Reason.ERROR, "the queue was full")
        count, told = self._dropped.get(message.action, (0, float("-inf")))
        self._dropped[message.action] = count + 1, told

    def _keep(self, message: Message) -> None:
        if message.purpose != AGAIN:  # a repeat is made anew after a restart
            self._store.put(MESSAGE, message.id, message_body(message))

    def _forget(self, message: Message) -> None:
        self.queue.remove(message)
        if message.purpose != AGAIN:
            self._store.drop(MESSAGE, message.id)

    def _outcome(self, message: Message, verdict: Verdict, reason: Reason | None, detail: str) -> None:
        """Close the rung, where it was started in this run: one that an earlier run counted is not counted again."""
        if not _owes(message) or message.rung is None:
            return
        now = self._clock()
        outcome = Outcome(
            tier=Tier[message.occasion.tier.upper()],
            action=message.rung,
            rung=-1,
            verdict=verdict,
            at=now.mono,
            started=message.accepted.mono,
            duration=elapsed(message.accepted, now),
            reason=reason,
            detail=detail,
        )
        self._story.ended(message.occasion.target, message.occasion.member, outcome, None)

    def _tell(self, name: Name, message: Message, facts: Mapping[str, Fact]) -> None:
        self._story.tell(name, message.occasion.target, message.occasion.member, **self._facts(message), **facts)

    def _facts(self, message: Message) -> dict[str, Fact]:
        age = round(elapsed(message.accepted, self._clock()), 3)
        known = {"action": message.action, "tier": message.occasion.tier, "id": message.id}
        return {**known, "tries": message.tries, "age_seconds": age}


def _owes(message: Message) -> bool:
    """Does this run tell how its rung ended?"""
    return message.rung is not None and message.purpose == ENTRY
