"""What does the API server answer to one GET, piece by piece? A list is read to its end, a watch as long as it lasts.

One connection for each question, with the token as it is at that moment. Nothing is read ahead of who asks.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

import h11

from brimwatch import __version__
from brimwatch.act.http_wire import Tls, Wire, connect
from brimwatch.act.off_loop import Threads
from brimwatch.act.retry_after import retry_after
from brimwatch.act.web_route import Unusable, addresses_of, tls_context
from brimwatch.runtime.pod_server import PodServer, read_token

OPENING = 15.0  # seconds until the head of an answer must be there
_LONGEST_HEAD = 64 << 10
_LONGEST_PROBLEM = 16 << 10
_LONGEST_TEXT = 160  # characters of what the server says of a refusal
_FILES = Threads("brimwatch-pods", 1)


class Unanswered(Exception):  # noqa: N818 - says what it is
    """The question was not answered. The text is for people; `wait` is what the server asks for, in seconds."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait


class Expired(Exception):  # noqa: N818 - says what it is
    """The server does not know that resource version any more: 410 Gone. Everything has to be listed again."""


class _Key(NamedTuple):
    token: str | None
    context: ssl.SSLContext | None


class Stream:
    """An answer with status 200, whose body comes in pieces."""

    def __init__(self, wire: Wire, connection: h11.Connection) -> None:
        self._wire = wire
        self._connection = connection

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises Unanswered where it breaks off."""
        try:
            while True:
                event = self._connection.next_event()
                if event is h11.NEED_DATA:
                    self._connection.receive_data(await self._wire.read())
                elif isinstance(event, h11.Data):
                    yield bytes(event.data)
                else:
                    return
        except (OSError, h11.RemoteProtocolError) as error:
            raise Unanswered(f"the answer broke off: {_why(error)}") from None

    def close(self) -> None:
        """Hear no more."""
        self._wire.abort()


async def get(server: PodServer, where: str) -> Stream:
    """Ask for a path. Raises Unanswered, Expired; the stream has to be closed."""
    try:
        async with asyncio.timeout(OPENING):
            key = await _FILES.run(lambda: _key(server))
            wire = await _open(server, key)
            try:
                return await _ask(server, wire, where, key.token)
            except BaseException:
                wire.abort()
                raise
    except TimeoutError:
        raise Unanswered(f"{server.address.origin} did not answer within {OPENING:.0f}s") from None
    except (OSError, Unusable, h11.RemoteProtocolError, UnicodeError, RuntimeError) as error:
        # The last two: a host that is no name in any alphabet, and no thread to be had.
        raise Unanswered(f"{server.address.origin}: {_why(error)}") from None


def _key(server: PodServer) -> _Key:
    """On a thread: reads files."""
    token = None if server.token_file is None else read_token(server.token_file)
    return _Key(token, tls_context(server.authority()) if server.address.secure else None)


async def _open(server: PodServer, key: _Key) -> Wire:
    address = server.address
    tls = None if key.context is None else Tls(key.context, address.host)
    wire = await connect(await addresses_of(address), address.port, tls, OPENING)
    wire.keep_alive()
    return wire


async def _ask(server: PodServer, wire: Wire, where: str, token: str | None) -> Stream:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
    headers = [
        ("Host", server.address.authority),
        ("Accept", "application/json"),
        ("User-Agent", f"brimwatch/{__version__}"),
        ("Connection", "close"),
    ]
    if token is not None:
        headers.append(("Authorization", f"Bearer {token}"))
    request = h11.Request(method="GET", target=where, headers=headers)
    wire.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await wire.read())
        elif isinstance(event, h11.Response):
            stream = Stream(wire, connection)
            if event.status_code != 200:
                await _refused(stream, event)
            return stream
        elif not isinstance(event, h11.InformationalResponse):
            raise ConnectionResetError("the connection was closed without an answer")


async def _refused(stream: Stream, head: h11.Response) -> None:
    """Say why: the API server explains itself in a Status object. Raises Expired or Unanswered."""
    if head.status_code == 410:
        raise Expired
    body = bytearray()
    async for piece in stream.pieces():
        body += piece
        if len(body) >= _LONGEST_PROBLEM:
            break
    headers = {bytes(name): bytes(value).decode("latin-1") for name, value in head.headers}
    wait = retry_after(headers.get(b"retry-after", ""), headers.get(b"date", ""), time.time())
    raise Unanswered(f"the API server answers {head.status_code}{_said(bytes(body))}", wait)


def _said(body: bytes) -> str:
    """What a Status object says, in a bounded line. Source: Kubernetes API conventions, Response Status Kind."""
    try:
        status = json.loads(body)
        said = status["message"] if isinstance(status, dict) else ""
    except (ValueError, KeyError, RecursionError):
        return ""
    if not isinstance(said, str):
        return ""
    return ": " + "".join(one if one.isprintable() else "?" for one in said[:_LONGEST_TEXT])


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {error.verify_message}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
