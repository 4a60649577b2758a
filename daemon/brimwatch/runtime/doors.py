"""What does the daemon show, and to whom? The web server, with all that it needs handed in from the engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from brimwatch.record.catalogue import Name
from brimwatch.record.rows import lines, overview, rows
from brimwatch.record.shapes import event_shape, find_target, status_shape, target_shape, target_shapes
from brimwatch.record.snapshot import Snapshot
from brimwatch.runtime.engine import Engine
from brimwatch.runtime.options import Options
from brimwatch.web.auth import Access
from brimwatch.web.listen import open_socket, url_of
from brimwatch.web.services import Answer, Json, Services

FRESH = 0.1  # seconds that a snapshot serves several parts of one answer


class Doors:
    """The listening socket from the start, the server once there is something to show. Raises UsageError."""

    def __init__(self, options: Options) -> None:
        self._access = Access(options.token_file, options.enable_lifecycle)
        self._listener = open_socket(options.listen_address) if options.listen_address is not None else None
        self.address = url_of(self._listener) if self._listener is not None else "nowhere"
        self._server: asyncio.Task[None] | None = None

    async def open(
        self,
        engine: Engine,
        reload: Callable[[], Awaitable[tuple[bool, str]]],
        healthy: Callable[[], tuple[bool, str]],
    ) -> None:
        """Begin to answer."""
        for finding in self._access.findings():
            engine.story.tell(Name.WEB_WARNED, detail=finding)
        if self._listener is None:
            return
        from brimwatch.web.app import build_app  # where nothing is served, no web server is loaded
        from brimwatch.web.serve import serve

        app = build_app(services_of(engine, self._access, reload, healthy))
        self._server = asyncio.get_running_loop().create_task(serve(app, self._listener))
        self._server.add_done_callback(lambda task: _tell_end(engine, task))

    async def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.cancel()
            await asyncio.gather(self._server, return_exceptions=True)
        elif self._listener is not None:
            self._listener.close()


def _tell_end(engine: Engine, server: asyncio.Task[None]) -> None:
    """A server that ends by itself is a fault worth a line; the watching goes on without it."""
    error = None if server.cancelled() else server.exception()
    if isinstance(error, Exception):
        engine.story.fault("web server", error)


def services_of(
    engine: Engine,
    access: Access,
    reload: Callable[[], Awaitable[tuple[bool, str]]],
    healthy: Callable[[], tuple[bool, str]],
) -> Services:
    """The engine as the web sees it."""
    last: list[Snapshot] = []

    def snapshot() -> Snapshot:
        if not last:
            last.append(engine.snapshot())
            asyncio.get_running_loop().call_later(FRESH, last.clear)  # thousands of objects that nobody needs idle
        return last[0]

    async def submit(command: str, **_: str) -> Answer:
        if command != "reload":
            return Answer(False, f"no such command: {command}")
        return Answer(*await reload())

    def target(name: str) -> Json:
        found = find_target(snapshot(), name)
        return None if found is None else target_shape(found, time.monotonic())

    return Services(
        access=access,
        render_metrics=lambda accept: engine.metrics.render(snapshot(), accept),
        status=lambda: status_shape(snapshot(), time.time()) | {"rungs_running": engine.performer.running},
        targets=lambda: target_shapes(snapshot(), time.monotonic()),
        target=target,
        events=lambda name, since, limit: (event_shape(one) for one in engine.events.since(since, name, limit)),
        overview=lambda: overview(snapshot()),
        rows=lambda longest: rows(snapshot(), engine.events, time.monotonic(), longest),
        lines=lambda longest: lines(engine.events.since(limit=longest)),
        healthy=healthy,
        ready=lambda: (True, "ready") if engine.watch.passes else (False, "the first pass is not over"),
        submit=submit,
    )
