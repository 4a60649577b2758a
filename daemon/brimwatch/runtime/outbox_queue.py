"""Which message is sent next, and which one gives way? No clock and no network: a bounded queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from brimwatch.act.webhook_message import Occasion
from brimwatch.core.moment import Moment
from brimwatch.model import Action

MOST = 1000  # messages that wait, of all actions together

ENTRY, AGAIN, END = "entry", "again", "end"


@dataclass(slots=True, eq=False)
class Message:
    """One message on its way. `purpose`: it tells of an entry, repeats an open alert, or tells of the end."""

    id: str
    action: str
    purpose: str
    occasion: Occasion
    accepted: Moment
    series: str = ""  # messages of one series go out in their order: an alert, and its end
    rung: Action | None = None  # the rung whose outcome this run owes
    tries: int = 0  # of earlier runs as well
    failing: Moment | None = None  # since when its action's tries fail, as far as its own last one knows
    last: str = ""  # what became of its last try
    flying: bool = False  # a try is under way


class Queue:
    """Messages that wait, by action."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._of: dict[str, dict[str, Message]] = {}  # action, then id: oldest first
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Message]:
        for messages in self._of.values():
            yield from messages.values()

    def of(self, action: str) -> tuple[Message, ...]:
        """An action's messages, oldest first."""
        return tuple(self._of.get(action, {}).values())

    def waits(self, action: str, series: str) -> bool:
        """Does a message of this series wait?"""
        return any(message.series == series for message in self._of.get(action, {}).values())

    def holds(self, message: Message) -> bool:
        """Does it still wait?"""
        return self._of.get(message.action, {}).get(message.id) is message

    def add(self, message: Message) -> Message | None:
        """Queue a message. Where the queue is full the one that gives way for it is returned.

        That is the oldest of the same action, where it has any; ends of alerts and what is being sent go last.
        """
        given = self._least(message.action) if self._count >= self._most else None
        if given is not None:
            self.remove(given)
        self._of.setdefault(message.action, {})[message.id] = message
        self._count += 1
        return given

    def remove(self, message: Message) -> None:
        """It waits no more."""
        if self.holds(message):
            del self._of[message.action][message.id]
            self._count -= 1
            if not self._of[message.action]:
                del self._of[message.action]

    def take(self, action: str) -> Message | None:
        """What to try next: what was tried least, so that one bad message holds up no other; of these the oldest."""
        first: dict[str, Message] = {}
        for message in self._of.get(action, {}).values():
            first.setdefault(message.series or message.id, message)
        return min(first.values(), key=lambda message: message.tries, default=None)

    def _least(self, action: str) -> Message | None:
        messages = self._of.get(action) or max(self._of.values(), key=len, default={})
        waiting = [message for message in messages.values() if not message.flying]
        return min(waiting, key=lambda message: message.purpose == END, default=None)
