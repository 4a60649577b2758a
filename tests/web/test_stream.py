"""Does whoever follows get what happens, from where they left off, and does nobody else pay for it?"""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.record.pictures import WALL, many, told
from tests.web.daemons import served, services

from brimwatch.record.brief import brief
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event, EventLog, Recorded
from brimwatch.record.shapes import event_shape
from brimwatch.record.snapshot import Snapshot
from brimwatch.web.stream import MOST_BEHIND, MOST_CLIENTS, Client, Source, Stream


class Watched:
    """A source that counts what is asked of it."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.log = EventLog(longest=5000)
        self.snapshots = 0
        self._snapshot = snapshot or told()
        self.source = Source(
            subscribe=lambda tell: self.log.subscribe(lambda one: tell(one.id, one)),
            since=lambda last: [(one.id, one) for one in self.log.since(last, limit=1000)],
            show=lambda one: event_shape(one) if isinstance(one, Recorded) else None,
            snapshot=self._take,
        )

    def _take(self) -> Any:
        self.snapshots += 1
        return brief(self._snapshot)

    def happen(self, number: int) -> int:
        return self.log.add(Event(Name.TARGET_LOST, WALL, "cache", None, {"reason": f"no {number}"})).id


def parse(text: str) -> dict[str, Any]:
    fields = dict(line.split(": ", 1) for line in text.strip().splitlines() if not line.startswith(":"))
    return {**fields, "data": json.loads(fields["data"])} if "data" in fields else fields


async def pieces(stream: Stream, client: Client, kind: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        piece = await asyncio.wait_for(stream.next_piece(client), 10)
        assert piece is not None
        message = parse(piece.decode())
        if message.get("event") == kind:
            found.append(message)
    return found


def join(stream: Stream, last: int | None = None, snapshots: bool = True) -> Client:
    client = stream.join(last, snapshots)
    assert client is not None
    return client


def test_events_come_as_they_happen_and_snapshots_by_the_second() -> None:
    async def test() -> None:
        watched = Watched()
        stream = Stream(watched.source)
        client = join(stream)
        number = watched.happen(1)
        (event,) = await pieces(stream, client, "event", 1)
        assert (event["id"], event["data"]["facts"]) == (str(number), {"reason": "no 1"})
        (snapshot,) = await pieces(stream, client, "snapshot", 1)
        assert "id" not in snapshot, "an id of a snapshot would be where a browser resumes"
        assert snapshot["data"]["subjects"][0]["target"] == "checkout"
        stream.leave(client)

    asyncio.run(test())


def test_who_comes_back_gets_what_was_missed_once_and_in_order() -> None:
    async def test() -> None:
        watched = Watched()
        stream = Stream(watched.source)
        ids = [watched.happen(number) for number in range(5)]
        other = join(stream)  # so that events are under way already
        ids.append(watched.happen(5))
        client = join(stream, ids[2])
        ids.append(watched.happen(6))
        found = await pieces(stream, client, "event", 4)
        assert [int(one["id"]) for one in found] == ids[3:]
        assert [int(one["id"]) for one in await pieces(stream, other, "event", 2)] == ids[5:]
        stream.close()

    asyncio.run(test())


def test_while_nobody_follows_nothing_is_made() -> None:
    async def test() -> None:
        watched = Watched()
        stream = Stream(watched.source)
        watched.happen(1)
        client = join(stream)
        await pieces(stream, client, "snapshot", 1)
        stream.leave(client)
        made = watched.snapshots
        watched.happen(2)
        await asyncio.sleep(0)
        assert (watched.snapshots, watched.log._subscribers, stream.followers) == (made, [], 0)
        assert [
            task for task in asyncio.all_tasks() if task is not asyncio.current_task() and not task.cancelling()
        ] == []

    asyncio.run(test())


def test_all_who_follow_share_one_snapshot() -> None:
    async def test() -> None:
        watched = Watched()
        stream = Stream(watched.source)
        clients = [join(stream) for _ in range(MOST_CLIENTS)]
        assert stream.join(None) is None, "one too many"
        for client in clients:
            await pieces(stream, client, "snapshot", 1)
        assert watched.snapshots == 1
        stream.close()

    asyncio.run(test())


def test_a_client_that_takes_nothing_is_dropped_and_holds_no_more_than_the_bound() -> None:
    async def test() -> None:
        watched = Watched()
        stream = Stream(watched.source)
        slow, good = join(stream, snapshots=False), join(stream, snapshots=False)
        seen = 0
        for number in range(MOST_BEHIND + 10):
            watched.happen(number)
            await pieces(stream, good, "event", 1)
            seen = max(seen, len(slow.events))
        assert seen == MOST_BEHIND
        assert await stream.next_piece(slow) is None
        assert (len(slow.events), good.ended) == (0, False)
        stream.close()

    asyncio.run(test())


def test_events_alone_are_followed_by_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brimwatch.web.stream.HEARTBEAT", 0.05)

    async def test() -> None:
        watched = Watched()
        stream = Stream(watched.source)
        client = join(stream, snapshots=False)
        assert await stream.next_piece(client) == b": still here\n\n"
        assert watched.snapshots == 0
        stream.close()

    asyncio.run(test())


@contextmanager
def followed(watched: Watched, path: str = "/api/v1/stream", **headers: str) -> Iterator[tuple[str, Iterator[str]]]:
    """A real server, and the messages of a real client of it."""

    with (
        served(replace(services(told()), stream=Stream(watched.source))) as url,
        httpx.stream("GET", url + path, headers=headers, timeout=10) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert "content-encoding" not in answer.headers
        yield url, messages(answer.iter_text())


def messages(text: Iterator[str]) -> Iterator[str]:
    rest = ""
    for chunk in text:
        rest += chunk
        *whole, rest = rest.split("\n\n")
        yield from whole


def test_over_a_real_connection_a_client_resumes_with_the_header_of_browsers() -> None:
    watched = Watched()
    ids = [watched.happen(number) for number in range(3)]
    with followed(watched, **{"Last-Event-ID": str(ids[0])}) as (_, stream):
        assert next(stream) == "retry: 2000"
        found = [parse(next(stream)) for _ in range(3)]

    assert [one.get("id") for one in found if one["event"] == "event"] == [str(one) for one in ids[1:]]


def test_the_end_of_the_server_is_the_end_of_the_stream_and_waits_for_nobody() -> None:
    watched = Watched(many(200))
    stream = Stream(watched.source)
    with served(replace(services(told()), stream=stream)) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        client = socket.create_connection((host, int(port)), timeout=10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        begin = time.monotonic()
    client.close()

    assert time.monotonic() - begin < 10


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("?since=yesterday", {}, 400),
        ("", {"Last-Event-ID": "x" * 50}, 400),
        ("?snapshots=maybe", {}, 400),
        ("?targets=all", {}, 400),
    ],
    ids=["no id", "no id in the header", "no flag", "an unknown parameter"],
)
def test_what_is_asked_wrongly_is_400(path: str, headers: dict[str, str], status: int) -> None:
    with served(replace(services(told()), stream=Stream(Watched().source))) as url:
        assert httpx.get(url + "/api/v1/stream" + path, headers=headers).status_code == status
        assert httpx.head(url + "/api/v1/stream").status_code == 200


def test_one_too_many_is_503_and_a_place_that_is_left_is_free_again(wait_until: Callable[..., Any]) -> None:
    stream = Stream(Watched().source)
    with served(replace(services(told()), stream=stream)) as url:
        address = url.removeprefix("http://").partition(":")
        held = [socket.create_connection((address[0], int(address[2])), timeout=10) for _ in range(MOST_CLIENTS)]
        for client in held:
            client.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.recv(100)
        refused = httpx.get(url + "/api/v1/stream")
        for client in held:
            client.close()
        wait_until(lambda: stream.followers == 0, 10.0)

    assert (refused.status_code, refused.json()) == (503, {"error": "16 clients follow already"})
