"""How does a test reach a real server? Raw requests, answers as they came, and who the workers are."""

import http.client
import json
import socket
from typing import Any, NamedTuple

import psutil


class Served(NamedTuple):
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


def fetch(port: int, method: str, path: str, body: Any = None, address: str = "127.0.0.1", **headers: str) -> Served:
    """One request on a connection of its own; an iterator as a body is sent in chunks."""
    connection = http.client.HTTPConnection(address, port, timeout=30)
    try:
        content = json.dumps(body) if isinstance(body, dict) else body
        kind = {"Content-Type": "application/json"} if content is not None else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, content, {**kind, **named})
        answer = connection.getresponse()
        return Served(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def answers(port: int) -> bool:
    try:
        return fetch(port, "GET", "/").status < 500
    except (OSError, http.client.HTTPException):
        return False


def own_address() -> str | None:
    """An address of this machine that is no loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = str(probe.getsockname()[0])
        except OSError:
            return None
    return None if address.startswith("127.") else address


def workers(pid: int, count: int) -> list[int]:
    """The PIDs of a server's workers once there are that many."""
    children = [child.pid for child in psutil.Process(pid).children()]
    return sorted(children) if len(children) == count else []
