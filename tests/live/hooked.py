"""A real program with hooks for the live tests: it takes memory and gives it back when its agent is asked."""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parent.parent / "targets" / "hooked.py"
DAEMON = Path(__file__).parent.parent.parent / "daemon"


@dataclass
class Hooked:
    """A running tests/targets/hooked.py."""

    process: Any
    said: bytes = field(default=b"")

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def line(self) -> str:
        while b"\n" not in self.said:
            assert select.select([self.process.stdout], [], [], 30)[0], "it says nothing"
            received = os.read(self.process.stdout.fileno(), 65536)
            assert received, "it has ended"
            self.said += received
        line, _, self.said = self.said.partition(b"\n")
        return line.decode()

    def take(self, megabytes: int) -> None:
        self.run(f"take({megabytes})")

    def run(self, code: str) -> str:
        """Execute a line of Python in it; what it printed."""
        self.process.stdin.write(code.encode() + b"\n")
        self.process.stdin.flush()
        return self.line()


def start_hooked(spawn: Any, run_dir: Path | None, *before: str, mark: str = "") -> Hooked:
    """Start it; `before` are words of a command that it is given to, `mark` one of its own. It listens then."""
    environ = {**os.environ, "PYTHONPATH": str(DAEMON)}
    environ.pop("BRIMWATCH_RUN_DIR", None)
    if run_dir is not None:
        environ["BRIMWATCH_RUN_DIR"] = str(run_dir)
    program = Hooked(spawn([*before, sys.executable, "-u", str(PROGRAM), mark], stdin=-1, stdout=-1, env=environ))
    assert program.line() == "ready"
    return program


class Wire:
    """What a test says to an agent by itself."""

    def __init__(self, path: str) -> None:
        self.path = path

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(self.path)
            content = b"" if body is None else json.dumps(body).encode()
            head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(content)}\r\n\r\n"
            client.sendall(head.encode() + content)
            received = b"".join(iter(lambda: client.recv(65536), b""))
        head_text, _, rest = received.partition(b"\r\n\r\n")
        return int(head_text.split()[1]), json.loads(rest)


@pytest.fixture
def stopped() -> Iterator[list[int]]:
    """PIDs that a test stops; they go on at its end, so that they can be ended."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
