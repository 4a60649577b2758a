"""The same service with the building blocks: what may become large has a bound, what may be needed is loaded then.

Behaves as the naive build does; under pressure it answers by keywords. `python -m tests.targets.rag_service.blocks`.
"""

import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Sized
from typing import Any

from brimwatch import hooks

limits = hooks.limit_threads(7, workers=2, native=1)  # before numpy is loaded, which reads it once
threading.stack_size(1_048_576)  # of eight that a thread gets else
if os.environ.get("RAG_EMBEDDER") != "transformer":  # whose libraries want it
    # OpenSSL is loaded where it can be had, and takes 5 MB: there is no TLS here, and Python has hashes of its own.
    sys.modules.update(dict.fromkeys(("ssl", "_hashlib")))  # type: ignore[arg-type]

from flask import Flask, request  # noqa: E402
from tests.targets.rag_service.figures import figures  # noqa: E402
from tests.targets.rag_service.library import SHOWN, Library  # noqa: E402
from tests.targets.rag_service.own import resident  # noqa: E402
from tests.targets.rag_service.pooled import PooledServer  # noqa: E402
from tests.targets.rag_service.services import CRITICAL, NAMES, PERIOD, chore  # noqa: E402
from tests.targets.rag_service.settings import Settings, from_environment  # noqa: E402

TURNS = 20  # of a conversation that are kept
SPEED = float(os.environ.get("RAG_CLOCK_SPEED", "1"))  # a day in minutes: what expires does so that much sooner


def clock() -> float:
    return time.monotonic() * SPEED


class Memory:
    """The memory figures that go with every answer; asked for once a second, since that asks every hook for its own."""

    KEYS = ("memory_usage_gb", "peak_memory_gb", "memory_warnings", "tier")

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._until = 0.0

    def now(self) -> dict[str, Any]:
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + 1.0
            told = hooks.status()
            self._known = {key: told[key] for key in self.KEYS}
        return self._known


def size_of_session(turns: "deque[tuple[str, str, float]]") -> int:
    return 1000 + sum(len(text) + len(answer) + 300 for text, answer, _ in turns)


class Rag:
    """The parts of the service that hold something."""

    def __init__(self, settings: Settings) -> None:
        self.library = Library(settings, clock)
        self.answers = hooks.PriorityCache(max_entries=50, ttl=300, name="answers", group="medical", clock=clock)
        self.retrieved = hooks.PriorityCache(max_entries=100, ttl=180, name="retrieved", group="medical", clock=clock)
        self.sessions = hooks.SessionPool(500, 1800, sizeof=size_of_session, name="sessions", clock=clock)
        self.leaks = hooks.LeakDetector(start=False)
        self.services = hooks.BackgroundServices(calm_seconds=2)
        self.memory = Memory()

    def read_in(self, rss_bytes: int, seconds: float) -> int:
        """An import: documents until the resident set is so large; no hook can take them away while it is at work."""
        documents = []
        while resident() < rss_bytes:
            documents.append(b"document" * 25_000)
        time.sleep(seconds)
        return len(documents)

    def answer(self, text: str, session: str, priority: str) -> dict[str, Any]:
        found = self.answers.get(text)
        if found is None:
            sources, mode = self.retrieve(text, priority)
            found = {"answer": sources[0]["text"] if sources else "", "sources": sources, "mode": mode}
            if mode == "vectors":  # one that was found by keywords is asked for again in better times
                self.answers.set(text, found, priority)
        self.sessions.get(session, lambda: deque(maxlen=TURNS)).append((text, found["answer"], time.time()))
        return dict(found)

    def retrieve(self, text: str, priority: str) -> tuple[list[dict[str, Any]], str]:
        sources = self.retrieved.get(text)
        if sources is not None:
            return sources, "vectors"
        sources, mode = self.library.find(text, SHOWN, priority)
        if mode == "vectors":
            self.retrieved.set(text, sources, priority)
        return sources, mode

    def watched(self) -> dict[str, Sized]:
        return {"answers": self.answers, "retrieved": self.retrieved, "sessions": self.sessions}

    def start_services(self) -> None:
        """Two threads do what 36 do in the naive build: chores are short."""
        critical = [chore(name, self.watched()) for name in CRITICAL]
        others = [chore(name, self.watched()) for name in NAMES if name not in CRITICAL]
        self.services.add("care", every(PERIOD, [*critical, self.sessions.sweep]), criticality="critical")
        self.services.add("chores", every(PERIOD, others), criticality="general")
        self.services.add("leaks", every(60.0, [self.leaks.look]), criticality="general")
        self.services.start()


def every(seconds: float, rounds: list[Any]) -> Any:
    """A service that does all of these every so many seconds until it is told to stop."""

    def run(stop: threading.Event) -> None:
        while not stop.wait(seconds / SPEED):
            for once in rounds:
                once()

    return run


def application(rag: Rag) -> Flask:
    app = Flask(__name__)

    @app.get("/ask")
    def ask() -> dict[str, Any]:
        known = request.args
        found = rag.answer(known["q"], known.get("session", "nobody"), known.get("priority", "general"))
        return found | rag.memory.now()

    @app.post("/replay")
    def replay() -> dict[str, Any]:
        wanted = request.get_json()
        return {"documents": rag.read_in(wanted["rss_bytes"], wanted.get("seconds", 0))}

    @app.get("/health")
    def health() -> dict[str, Any]:
        return {"ready": True}

    @app.get("/figures")
    def tell_figures() -> dict[str, Any]:
        caches = [rag.answers, rag.retrieved, rag.library.embeddings]
        found = figures({cache.name: cache.hit_ratio() for cache in caches})
        found["services"] = {name: one["state"] for name, one in rag.services.status().items()}
        found["answers"] = {name: one["entries"] for name, one in rag.answers.stats()["classes"].items()}
        blocks = [*caches, rag.sessions, rag.library.store]
        found["held_bytes"] = {block.name: block.size_bytes() for block in blocks}
        return found

    app.wsgi_app = hooks.wsgi(app.wsgi_app, local=True)  # type: ignore[method-assign]
    return app


def main() -> None:
    settings = from_environment("projected")
    try:
        instance = hooks.single_instance(f"rag-{settings.port}")
    except hooks.AlreadyRunning as there:
        sys.exit(str(there))
    hooks.configure(level=os.environ.get("RAG_LEVEL", "standard"))
    rag = Rag(settings)
    server = PooledServer(settings.port, application(rag), limits.executor())
    hooks.install()
    rag.start_services()
    hooks.tune_gc()
    hooks.reclaim("warning", names=["trim"], reason="started")  # what the start has freed
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with instance:
        server.serve_forever()


if __name__ == "__main__":
    main()
