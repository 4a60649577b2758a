"""Who follows what happens, and what is each of them sent? Snapshots once a second, events as they happen.

Whatever is sent is made once for all who follow, on a task that lives only while somebody does. A client that takes
nothing misses snapshots, of which the latest is enough, and is dropped when too many events wait for it.
Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

MOST_CLIENTS = 16
MOST_BEHIND = 256  # events that may wait for one client: a few hundred KB, shared by all that wait for them
EVERY = 1.0  # seconds between two snapshots
HEARTBEAT = 15.0  # seconds of silence, after which a comment shows that the connection lives
_TOGETHER = 8  # items written at once: about 0.5 ms

Tell = Callable[[int, object], None]  # an event's id, and something that `Source.show` makes JSON of


class Source(NamedTuple):
    """Where it comes from. Nothing is called while nobody follows."""

    subscribe: Callable[[Tell], Callable[[], None]]  # returns what ends it
    since: Callable[[int], Iterable[tuple[int, object]]]  # the events kept after this id
    show: Callable[[object], object]  # one event as plain values
    snapshot: Callable[[], tuple[object, Iterable[object]]]  # plain values: what stands above, and one for each subject


class Client:
    """One who follows: what waits to be sent."""

    def __init__(self, backlog: Iterable[tuple[int, object]], snapshots: bool) -> None:
        self.backlog = deque(backlog)  # what had happened before, not written yet
        self.snapshots = snapshots
        self.events: deque[bytes] = deque()
        self.latest: bytes | None = None
        self.ended = False
        self.wake = asyncio.Event()


class Stream:
    """All who follow. For the loop's thread alone."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._clients: set[Client] = set()
        self._happened: deque[tuple[int, object]] = deque(maxlen=4 * MOST_BEHIND)
        self._news = asyncio.Event()
        self._unsubscribe: Callable[[], None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def followers(self) -> int:
        """How many there are."""
        return len(self._clients)

    def join(self, last: int | None, snapshots: bool = True) -> Client | None:
        """Follow from now on, or from the event after `last`; None where there are too many already."""
        if self._closed or len(self._clients) >= MOST_CLIENTS:
            return None
        if self._unsubscribe is None:
            self._unsubscribe = self._source.subscribe(self._tell)
        client = Client(() if last is None else self._source.since(last), snapshots)
        if last is not None:  # what has happened, but was not written yet, is in the backlog
            self._write_events()
        self._clients.add(client)
        if self._pump is None:
            self._pump = asyncio.get_running_loop().create_task(self._run())
        self._news.set()
        return client

    def leave(self, client: Client) -> None:
        """Follow no more; after the last one nothing is made any more."""
        self._clients.discard(client)
        if not self._clients:
            self._stop()

    def close(self) -> None:
        """Let every answer end: the daemon stops."""
        self._closed = True
        for client in self._clients:
            client.ended = True
            client.wake.set()
        self._stop()

    async def next_piece(self, client: Client) -> bytes | None:
        """The next piece for this client; None where it is over."""
        while not client.ended:
            if client.backlog:
                return frame("event", *self._shown(client.backlog.popleft()))
            if client.events:
                return client.events.popleft()
            if client.latest is not None:
                piece, client.latest = client.latest, None
                return piece
            client.wake.clear()
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await client.wake.wait()
            except TimeoutError:
                return b": still here\n\n"
        return None

    def _tell(self, number: int, event: object) -> None:
        """Called where things happen, maybe on the way to an action: written later."""
        self._happened.append((number, event))
        self._news.set()

    def _stop(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        self._happened.clear()

    async def _run(self) -> None:
        due = time.monotonic()
        while True:
            self._news.clear()
            self._write_events()
            now = time.monotonic()
            if now >= due:
                due = now + EVERY
                if any(client.snapshots for client in self._clients):
                    await self._write_snapshot()
            try:
                async with asyncio.timeout(max(0.0, due - time.monotonic())):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _write_events(self) -> None:
        while self._happened:
            piece = frame("event", *self._shown(self._happened.popleft()))
            for client in self._clients:
                if client.ended:
                    continue  # what is stuck in sending has not left yet
                client.events.append(piece)
                if len(client.events) > MOST_BEHIND:
                    client.events.clear()
                    client.ended = True
                client.wake.set()

    async def _write_snapshot(self) -> None:
        above, subjects = self._source.snapshot()
        pieces = []
        for subject in subjects:
            pieces.append(dump(subject))
            if len(pieces) % _TOGETHER == 0:
                await asyncio.sleep(0)
        whole = f'{dump(above)[:-1]},"subjects":[{",".join(pieces)}]}}'
        piece = f"event: snapshot\ndata: {whole}\n\n".encode("utf-8", "replace")
        for client in self._clients:
            if client.snapshots:
                client.latest = piece
                client.wake.set()

    def _shown(self, happened: tuple[int, object]) -> tuple[int, object]:
        return happened[0], self._source.show(happened[1])


def frame(kind: str, number: int, value: object) -> bytes:
    """One message with its id. JSON has no line feed of its own, so that one data line holds it."""
    return f"id: {number}\nevent: {kind}\ndata: {dump(value)}\n\n".encode("utf-8", "replace")


def dump(value: object) -> str:
    """Compact JSON in one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
