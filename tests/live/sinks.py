"""A webhook's receiver on the loopback interface, which can be told to fail, and knows what it has seen by its id."""

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Sink:
    """`messages`: body by webhook-id, as a sink keeps them that drops duplicates. `posts` counts what came in all."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self.messages: dict[str, Any] = {}
        self.differing: list[str] = []  # ids that came with two different bodies
        self.posts = 0
        self.status = 204
        self.failing = 0.0  # share of the requests that are answered 503
        self.after: float | None = None
        self._lock = threading.Lock()

    def accept(self, message_id: str, body: bytes) -> int:
        with self._lock:
            self.posts += 1
            if self.status >= 300 or random.random() < self.failing:
                return self.status if self.status >= 300 else 503
            content = json.loads(body)
            if self.messages.setdefault(message_id, content) != content:
                self.differing.append(message_id)
            return self.status

    def of(self, kind: str) -> list[Any]:
        with self._lock:
            return [body for body in self.messages.values() if body["type"] == kind]


@contextmanager
def sink() -> Iterator[Sink]:
    """A sink that listens; it ends with the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(found.accept(self.headers["webhook-id"], body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Sink(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
