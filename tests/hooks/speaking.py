"""How does a test speak to an agent? Plain bytes over the socket, so that the wire itself is tested."""

import json
import os
import select
import socket
from typing import Any, NamedTuple


class Reply(NamedTuple):
    status: int
    body: dict[str, Any]


def connect(address: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect("\0" + address[1:] if address.startswith("@") else address)
    return client


def read_reply(client: socket.socket) -> Reply:
    """One answer off a connection, and nothing of the next. Raises EOFError when it ends before that."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _some(client, 1)
    lines = head[:-4].decode("ascii").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    assert fields["content-type"] == "application/json"
    body = b""
    while len(body) < int(fields["content-length"]):
        body += _some(client, int(fields["content-length"]) - len(body))
    return Reply(int(lines[0].split(" ")[1]), json.loads(body))


def _some(client: socket.socket, most: int) -> bytes:
    received = client.recv(most)
    if not received:
        raise EOFError("the agent has hung up")
    return received


def request(method: str, path: str, body: object = None, headers: str = "") -> bytes:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    length = "" if body is None else f"Content-Length: {len(content)}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: agent\r\n{length}{headers}\r\n".encode() + content


def ask(address: str, method: str, path: str, body: object = None) -> Reply:
    with connect(address) as client:
        client.sendall(request(method, path, body))
        return read_reply(client)


class Target:
    """A program with an agent: its process, its socket, and lines to execute in it."""

    def __init__(self, process: Any, run_dir: str, wait_until: Any) -> None:
        self.process, self.run_dir, self._wait_until = process, run_dir, wait_until
        self._said = b""

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def line(self, seconds: float = 20.0) -> str:
        while b"\n" not in self._said:
            assert select.select([self.process.stdout], [], [], seconds)[0], "the target says nothing"
            received = os.read(self.process.stdout.fileno(), 65536)
            assert received, "the target has closed its output"
            self._said += received
        line, _, self._said = self._said.partition(b"\n")
        return line.decode().strip()

    def run(self, code: str) -> str:
        """Execute a line in the program's main thread; returns the line that it printed."""
        self.send(code)
        return self.line()

    def send(self, code: str) -> None:
        self.process.stdin.write(code + "\n")
        self.process.stdin.flush()

    def sockets(self, pid: int | None = None) -> list[str]:
        wanted = self.pid if pid is None else pid
        names = os.listdir(self.run_dir) if os.path.isdir(self.run_dir) else []
        return [os.path.join(self.run_dir, name) for name in names if name.split("-")[0] == str(wanted)]

    def address(self, pid: int | None = None) -> str:
        return str(self._wait_until(lambda: self.sockets(pid))[0])

    def ask(self, method: str, path: str, body: object = None) -> Reply:
        return ask(self.address(), method, path, body)

    def stats(self, query: str = "") -> dict[str, Any]:
        return self.ask("GET", "/v1/stats" + query).body

    def reclaim(self, tier: str = "critical", **body: Any) -> Reply:
        return self.ask("POST", "/v1/reclaim", {"tier": tier, **body})

    def end(self) -> int:
        self.process.stdin.close()
        return int(self.process.wait(20))


def outcomes(reply: Reply) -> dict[str, tuple[str, str | None]]:
    """Name of each hook to its outcome and reason."""
    assert reply.status == 200, reply
    return {hook["name"]: (hook["outcome"], hook["reason"]) for hook in reply.body["hooks"]}
