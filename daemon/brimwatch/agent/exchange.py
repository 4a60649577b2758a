"""What does an agent answer to one request? HTTP/1.1 over a connected socket, read to a bound and no further."""

from __future__ import annotations

import asyncio
import json
import socket

import h11

from brimwatch.agent.fault import AgentFault
from brimwatch.hooks.wire import LONGEST_ANSWER, LONGEST_HEAD, bounded
from brimwatch.model import Reason

_CHUNK = 65536
_REASONS = {
    403: Reason.DENIED,
    409: Reason.BUSY,
    404: Reason.UNSUPPORTED,
    405: Reason.UNSUPPORTED,
    501: Reason.UNSUPPORTED,
}


async def exchange(client: socket.socket, method: str, path: str, asked: object = None) -> dict[str, object]:
    """Ask, and hand back the JSON object of a good answer. Raises AgentFault for any other.

    `client` is not blocking; how long this may take is for the caller to bound.
    """
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
    try:
        await asyncio.get_running_loop().sock_sendall(client, _written(connection, method, path, asked))
        status, body = await _read(client, connection)
    except h11.RemoteProtocolError as error:
        raise AgentFault(Reason.ERROR, f"what it answers is no HTTP: {error}") from None
    except OSError as error:
        raise AgentFault(Reason.ERROR, f"the connection broke off: {error.strerror or error}") from None
    if status == 200:
        return _object(body)
    raise AgentFault(_REASONS.get(status, Reason.ERROR), _why(status, body))


def _written(connection: h11.Connection, method: str, path: str, asked: object) -> bytes:
    content = b"" if asked is None else json.dumps(asked, allow_nan=False, separators=(",", ":")).encode("ascii")
    headers = [("Host", "agent"), ("Connection", "close")]
    if asked is not None:
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    sent = connection.send(h11.Request(method=method, target=path, headers=headers)) or b""
    if content:
        sent += connection.send(h11.Data(data=content)) or b""
    return sent + (connection.send(h11.EndOfMessage()) or b"")


async def _read(client: socket.socket, connection: h11.Connection) -> tuple[int, bytes]:
    loop = asyncio.get_running_loop()
    status, body, taken = 0, bytearray(), 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if taken >= LONGEST_ANSWER:
                raise AgentFault(Reason.ERROR, f"its answer is longer than {LONGEST_ANSWER} bytes")
            received = await loop.sock_recv(client, min(_CHUNK, LONGEST_ANSWER - taken))
            if not received and not taken:
                raise AgentFault(Reason.ERROR, "it closed the connection without an answer")
            taken += len(received)
            connection.receive_data(received)
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return status, bytes(body)
        elif not isinstance(event, h11.InformationalResponse):
            raise AgentFault(Reason.ERROR, "it closed the connection in the middle of its answer")


def _object(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise AgentFault(Reason.ERROR, "what it answers is no JSON") from None
    if not isinstance(found, dict):
        raise AgentFault(Reason.ERROR, "what it answers is no JSON object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _why(status: int, body: bytes) -> str:
    try:
        detail = _object(body).get("detail")
    except AgentFault:
        detail = None
    told = f": {bounded(detail, 120)}" if isinstance(detail, str) and detail else ""
    return f"it answers {status}{told}"
