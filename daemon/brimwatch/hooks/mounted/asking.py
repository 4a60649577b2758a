"""How does one worker ask the agent of another? One request over its Unix socket, to the process that is meant alone.

The peer's credentials are checked before a byte is sent: a name in a run directory may lead to anybody. Blocks, for no
longer than it is told.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

from brimwatch.hooks.wire import LONGEST_ANSWER, abstract_name, run_dirs, socket_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CREDENTIALS = 12  # bytes of struct ucred: pid, uid, gid. Source: unix(7)
_LONGEST_CONNECT = 1.0  # seconds: an agent that takes none is stopped, or hangs


class Absent(Exception):  # noqa: N818 - no fault: a process without an agent
    """Nobody listens for that process."""


def connect(pid: int, ticks: int, run_dir: str | None) -> socket.socket:
    """A connection to the agent of that process, of our own user. Raises Absent."""
    uid = os.geteuid()
    for directory in (run_dir,) if run_dir is not None else run_dirs(uid):
        for name in (socket_name(pid, ticks), socket_name(pid)):
            found = _try(f"{directory}/{name}", pid, uid)
            if found is not None:
                return found
    found = _try(abstract_name(uid, pid, ticks), pid, uid)
    if found is None:
        raise Absent(pid)
    return found


def exchange(connection: socket.socket, path: str, body: dict[str, Any], until: float) -> tuple[int, dict[str, Any]]:
    """Post a JSON body; status and body of the answer. `until`: on `time.monotonic()`'s clock.

    Raises OSError (TimeoutError among them) and ValueError for an answer that is none.
    """
    content = json.dumps(body).encode("ascii")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: agent\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    _patience(connection, until)
    connection.sendall(head.encode("ascii") + content)
    received = bytearray()
    while True:
        _patience(connection, until)
        more = connection.recv(65536)
        received += more
        if not more:
            return _parse(bytes(received))
        if len(received) > LONGEST_ANSWER:
            raise ValueError("the answer is too long")


def _try(address: str | bytes, pid: int, uid: int) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_LONGEST_CONNECT)
        connection.connect(address)
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS)
        peer = int.from_bytes(credentials[:4], sys.byteorder), int.from_bytes(credentials[4:8], sys.byteorder)
        if peer == (pid, uid):
            return connection
    except OSError:  # nobody there, or too long a path: the next place
        pass
    connection.close()
    return None


def _patience(connection: socket.socket, until: float) -> None:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("it has not answered in time")
    connection.settimeout(left)


def _parse(received: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = received.partition(b"\r\n\r\n")
    if not body:
        raise ConnectionResetError("it has hung up")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("the answer is no JSON object")
    return int(head[9:12]), found  # HTTP/1.1 200 OK
