"""A webhook's receiver on the loopback interface, which can be told to fail, and knows what it has seen by its id."""

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.loopback import receiving


class Sink:
    """`messages`: body by webhook-id, as a sink keeps them that drops duplicates. `posts` counts what came in all."""

    def __init__(self) -> None:
        self.url = ""  # once it listens
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
    found = Sink()
    with receiving(lambda headers, body: found.accept(headers["webhook-id"], body)) as found.url:
        yield found
