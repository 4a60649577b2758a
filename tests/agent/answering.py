"""What can listen in an agent's place? A thread of the test's own process, which says what it is told to."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.act.processes import identity

from brimwatch.hooks.wire import socket_name
from brimwatch.model import ProcessId

Speak = Callable[[socket.socket], None]
ME = os.getpid()


def me() -> ProcessId:
    return identity(ME)


def name_of(process: ProcessId) -> str:
    return socket_name(process.pid, process.start_ticks)


def answer(body: object, status: str = "200 OK") -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status.encode(), len(content)) + content


def saying(*parts: bytes) -> Speak:
    """Read a request, send this, hang up."""

    def speak(client: socket.socket) -> None:
        client.recv(65536)
        for part in parts:
            client.sendall(part)

    return speak


@contextlib.contextmanager
def listening(run_dir: Path, speak: Speak, process: ProcessId | None = None) -> Iterator[str]:
    """A listener of ours in the place of a process's agent, by default our own; the path of its socket."""
    run_dir.mkdir(exist_ok=True)
    path = str(run_dir / name_of(process or me()))
    over = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(8)
        listener.settimeout(0.05)

        def serve() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = listener.accept()
                    with client, contextlib.suppress(OSError):
                        client.settimeout(10)
                        speak(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield path
        finally:
            over.set()
            thread.join(10)
