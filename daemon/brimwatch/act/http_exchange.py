"""What does a server answer to one request? HTTP/1.1 by h11, which the web server brings along anyway.

httpx would do this as well, for 11,100 more objects that the collector tracks and 10 MB of resident set (measured with
httpx 0.28); with it the daemon would hold more than the 50,000 objects that it allows itself.

The answer is read to a bound and no further: 16 KiB of headers, 64 KiB of body. Redirects are answers like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import h11

from brimwatch.act.http_wire import Tls, Wire

LONGEST_HEAD = 16 << 10
LONGEST_BODY = 64 << 10
_CLOSED = "the connection was closed without an answer"
_MOST_READ = 128 << 10  # bytes off the wire: headers, interim answers and chunk sizes included

Headers = Sequence[tuple[str, str]]


class Answer:
    """What came so far. It grows while the answer is read: a body that breaks off still has a status before it."""

    __slots__ = ("body", "complete", "headers", "phrase", "status")

    def __init__(self) -> None:
        self.status: int | None = None
        self.phrase = b""
        self.headers: Mapping[bytes, bytes] = {}
        self.body = bytearray()
        self.complete = False  # False as well for a body that was longer than its bound

    def header(self, name: str) -> str:
        """The value of a header, by its name in lower case; empty where there is none."""
        return self.headers.get(name.encode(), b"").decode("latin-1")


class Question(NamedTuple):
    """A request: `where` is a path, or a whole address where a proxy is asked."""

    where: str
    headers: Headers
    body: bytes
    method: str = "POST"


class Refusal(Exception):  # noqa: N818 - an answer of the proxy, and no fault
    """The proxy makes no tunnel."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("the proxy makes no tunnel")
        self.answer = answer


async def exchange(wire: Wire, question: Question, answer: Answer) -> None:
    """Send a request and read its answer into `answer`. Raises h11.RemoteProtocolError, OSError."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
    wire.write(_written(connection, question))
    left = _MOST_READ
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if left <= 0 and answer.status is not None:
                return
            left -= await _feed(connection, wire, left, _MOST_READ)
        elif isinstance(event, h11.Response):
            _take_head(event, answer)
        elif isinstance(event, h11.Data):
            answer.body += event.data[: LONGEST_BODY - len(answer.body)]
            if len(answer.body) >= LONGEST_BODY:
                return
        elif isinstance(event, h11.EndOfMessage):
            answer.complete = True
            return
        elif not isinstance(event, h11.InformationalResponse):
            raise ConnectionResetError(_CLOSED)


async def tunnel(wire: Wire, authority: str, headers: Headers, tls: Tls, within: float) -> None:
    """Have an HTTP proxy connect to `authority`, and speak TLS through it.

    Raises Refusal, h11.RemoteProtocolError, ssl.SSLError, OSError. Source: RFC 9110, 9.3.6.
    """
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
    wire.write(_written(connection, Question(authority, [("Host", authority), *headers], b"", "CONNECT")))
    left = LONGEST_HEAD
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            left -= await _feed(connection, wire, left, LONGEST_HEAD)
        elif isinstance(event, h11.Response):
            answer = Answer()
            _take_head(event, answer)
            if not 200 <= event.status_code < 300:
                raise Refusal(answer)
            break
        elif not isinstance(event, h11.InformationalResponse):
            raise ConnectionResetError(_CLOSED)
    if connection.trailing_data[0]:
        raise ConnectionResetError("the proxy speaks before TLS has begun")
    await wire.start_tls(tls, within)


async def _feed(connection: h11.Connection, wire: Wire, left: int, most: int) -> int:
    """Read on, of `most` bytes in all; how many came."""
    if left <= 0:
        raise ConnectionResetError("interim answers without end")
    data = await wire.read()
    if not data and left == most:
        raise ConnectionResetError(_CLOSED)
    connection.receive_data(data)
    return len(data)


def _written(connection: h11.Connection, question: Question) -> bytes:
    request = h11.Request(method=question.method, target=question.where, headers=list(question.headers))
    sent = connection.send(request) or b""
    if question.body:
        sent += connection.send(h11.Data(data=question.body)) or b""
    return sent + (connection.send(h11.EndOfMessage()) or b"")


def _take_head(event: h11.Response, answer: Answer) -> None:
    answer.status = event.status_code
    answer.phrase = bytes(event.reason)
    answer.headers = {bytes(name): bytes(value) for name, value in event.headers}
