"""Who asks the service? Clients that ask one question after the other, over HTTP, and note how it went."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.targets.rag_service.passages import Question

PATIENCE = 30.0  # seconds for one answer


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, and what came of it; status 0: no answer, `mode` and `sources` empty then."""

    at: float  # time.monotonic() when it was sent
    seconds: float
    status: int
    mode: str
    sources: tuple[int, ...]
    answered_by: int


class Load:
    """So many clients, each with several sessions, until `end()` or the last question."""

    def __init__(self, port: int, asked: Iterator[Question], clients: int = 4, pause: float = 0.0) -> None:
        self.port, self._asked, self._pause = port, asked, pause
        self.answers: list[Asked] = []
        self._over, self._turn = threading.Event(), threading.Lock()
        self._clients = [threading.Thread(target=self._go, args=[number]) for number in range(clients)]
        for client in self._clients:
            client.start()

    def wait(self) -> list[Asked]:
        """All answers, once the questions have come to an end."""
        for client in self._clients:
            client.join()
        return self.answers

    def end(self) -> list[Asked]:
        """Let every client finish its question; all answers in the order in which they came."""
        self._over.set()
        for client in self._clients:
            client.join(PATIENCE)
        return self.answers

    def _go(self, number: int) -> None:
        turn = 0
        while not self._over.is_set():
            with self._turn:
                question = next(self._asked, None)
            if question is None:
                return
            turn += 1
            self.answers.append(ask(self.port, question, f"client-{number}-{turn % 10}"))
            self._over.wait(self._pause)


def ask(port: int, question: Question, session: str) -> Asked:
    """Ask one question, on a connection of its own."""
    began = time.monotonic()
    status, found = 0, {}
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):  # status 0 says it
        status, found = get(port, "/ask?" + urlencode({"q": question.text, "session": session}))
    sources = tuple(source["number"] for source in found.get("sources", ()))
    return Asked(began, time.monotonic() - began, status, found.get("mode", ""), sources, question.answered_by)


def get(port: int, path: str, method: str = "GET", body: object = None) -> "tuple[int, dict[str, object]]":
    """Status and JSON of one request. Raises OSError, HTTPException or ValueError where that cannot be had."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
