"""What has happened? Events, and the last of them in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from brimwatch.record.catalogue import CATALOGUE, Level, Name
from brimwatch.record.text import label

Fact = str | int | float | bool
ID_FROM = 100_000_000_000  # ids count milliseconds: whatever is smaller means a time in Unix seconds


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened at `wall` (Unix seconds), to a target or to the daemon itself."""

    name: Name
    wall: float
    target: str | None = None
    member: int | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """How loud it is; entering a tier is a warning from the first tier on."""
        return CATALOGUE[self.name].level


class Recorded(NamedTuple):
    """An event with its id. Ids rise, also over a restart, since they start from the clock."""

    id: int
    event: Event


class EventLog:
    """The last events, in memory. Subscribers are called as events happen; one that raises costs nobody anything.

    `failed` is called with what it raised.
    """

    def __init__(self, longest: int = 1000) -> None:
        self._ring: deque[Recorded] = deque(maxlen=longest)
        self._last = 0
        self._subscribers: list[Callable[[Recorded], None]] = []
        self.failed: Callable[[Exception], None] = lambda _: None

    def add(self, event: Event) -> Recorded:
        """Keep an event; the id is its time in milliseconds, or one more than the last where that is higher."""
        self._last = max(self._last + 1, round(event.wall * 1000))
        recorded = Recorded(self._last, event)
        self._ring.append(recorded)
        for tell in tuple(self._subscribers):
            try:
                tell(recorded)
            except Exception as error:  # noqa: BLE001 - telling must never cost a look or an action
                self.failed(error)
        return recorded

    def take_up(self, earlier: Iterable[Recorded]) -> None:
        """Put an earlier run's events before our own, untold; ids go on above theirs, wherever the clock is."""
        known = {recorded.id for recorded in self._ring}
        older = [recorded for recorded in earlier if recorded.id not in known]
        merged = sorted((*older, *self._ring), key=lambda recorded: recorded.id)
        self._ring = deque(merged, self._ring.maxlen)
        self._last = max(self._last, *(recorded.id for recorded in older), 0)

    def since(self, since: float | None = None, target: str | None = None, limit: int = 100) -> tuple[Recorded, ...]:
        """Events in the order in which they happened, at most `limit`.

        Without `since` the latest ones; with it the first ones after that id, or from that time on (Unix seconds). An
        id is told from a time by its size.
        """
        if since is None:
            latest = islice((kept for kept in reversed(self._ring) if _is_of(kept, target)), limit)
            return tuple(reversed(tuple(latest)))
        by_id = since >= ID_FROM
        later = (kept for kept in self._ring if (kept.id > since if by_id else kept.event.wall >= since))
        return tuple(islice((kept for kept in later if _is_of(kept, target)), limit))

    def subscribe(self, tell: Callable[[Recorded], None]) -> Callable[[], None]:
        """Call `tell` for each event from now on; what is returned ends that."""
        self._subscribers.append(tell)
        return lambda: self._subscribers.remove(tell)


def _is_of(recorded: Recorded, target: str | None) -> bool:
    """True for events of a target, named as it is or as it is shown."""
    name = recorded.event.target
    return target is None or name == target or (name is not None and label(name) == target)
