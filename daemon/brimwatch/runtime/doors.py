"""What does the daemon show, and to whom? The web server, with all that it needs handed in from the engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING

from brimwatch.errors import ConfigError
from brimwatch.model import Tier
from brimwatch.record.brief import brief
from brimwatch.record.by_hand import report_shape
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Recorded
from brimwatch.record.rows import lines, overview, rows
from brimwatch.record.shapes import event_shape, find_target, status_shape, target_shape, target_shapes
from brimwatch.record.snapshot import Snapshot
from brimwatch.runtime.engine import Engine
from brimwatch.runtime.manual import Order, Refused
from brimwatch.runtime.options import Options
from brimwatch.runtime.story import Story
from brimwatch.web.auth import Access
from brimwatch.web.listen import check_address, open_socket, url_of
from brimwatch.web.services import Answer, Json, Services
from brimwatch.web.stream import Source, Stream

if TYPE_CHECKING:
    from brimwatch.runtime.webfile import WebFile

FRESH = 0.1  # seconds that a snapshot serves several parts of one answer


class Doors:
    """The listening socket from the start, the server once there is something to show. Raises UsageError."""

    def __init__(self, options: Options) -> None:
        self._access = Access(options.token_file, options.enable_lifecycle)
        self._file = _web_file(options, self._access)
        encrypted = self._file is not None and self._file.encrypted
        self._listener = open_socket(options.listen_address) if options.listen_address is not None else None
        self.address = url_of(self._listener, "https" if encrypted else "http") if self._listener else "nowhere"
        self._tasks: list[asyncio.Task[None]] = []
        self._engine: Engine | None = None
        self._stream: Stream | None = None

    @property
    def serves(self) -> bool:
        """Is there a page to look at?"""
        return self._listener is not None

    async def open(
        self,
        engine: Engine,
        reload: Callable[[], Awaitable[tuple[bool, str]]],
        healthy: Callable[[], tuple[bool, str]],
    ) -> None:
        """Begin to answer."""
        for finding in (*self._access.findings(), *(self._file.findings if self._file is not None else ())):
            engine.story.tell(Name.WEB_WARNED, detail=finding)
        if self._listener is None:
            return
        from brimwatch.web.lean import load_uvicorn

        load_uvicorn()  # before anything imports the whole of it
        from brimwatch.web.app import build_app  # where nothing is served, no web server is loaded
        from brimwatch.web.serve import serve

        services = services_of(engine, self._access, reload, healthy)
        self._engine, self._stream = engine, services.stream
        tls = self._file.context if self._file is not None and self._file.encrypted else None
        self._begin("web server", serve(build_app(services), self._listener, tls=tls), engine)
        if self._file is not None:
            self._begin("web configuration", keep_web_file(self._file, engine.story), engine)

    async def close(self) -> None:
        """Answer no more. Whoever follows or waits for a rung is let go first, so that no answer holds up the end."""
        if self._stream is not None:
            self._stream.close()
        if self._engine is not None:
            await self._engine.manual.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._access.rules.close()
        if not self._tasks and self._listener is not None:
            self._listener.close()

    def _begin(self, place: str, work: Coroutine[object, object, None], engine: Engine) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda task: _tell_end(engine, place, task))
        self._tasks.append(task)


def check_doors(options: Options) -> None:
    """Would the doors open, as far as can be told without opening them? Raises UsageError or ConfigError."""
    _web_file(options, Access(options.token_file, options.enable_lifecycle))
    if options.listen_address is not None:
        check_address(options.listen_address)


def _web_file(options: Options, access: Access) -> WebFile | None:
    """The web configuration, if there is one. Raises ConfigError."""
    if options.web_config_file is None:
        return None
    from brimwatch.runtime.webfile import WebFile  # who uses none need not hold what reads it

    return WebFile(options.web_config_file, access.rules)


async def keep_web_file(file: WebFile, story: Story) -> None:
    """Follow the file's changes and tell of them."""

    def reloaded() -> None:
        story.tell(Name.WEB_CONFIG_RELOADED, source=file.path)
        for finding in file.findings:
            story.tell(Name.WEB_WARNED, detail=finding)

    def rejected(error: ConfigError) -> None:
        detail = error.faults[0][:300]
        story.tell(Name.WEB_CONFIG_REJECTED, source=file.path, faults=len(error.faults), detail=detail)

    while True:
        try:
            await file.keep(reloaded, rejected)
        except Exception as error:  # noqa: BLE001 - the next check may succeed; what is in force stays
            story.fault("web configuration", error)


def _tell_end(engine: Engine, place: str, task: asyncio.Task[None]) -> None:
    """A task that ends by itself is a fault worth a line; the watching goes on without it."""
    error = None if task.cancelled() else task.exception()
    if isinstance(error, Exception):
        engine.story.fault(place, error)


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

    async def submit(command: str, **given: str) -> Answer:
        if command == "reload":
            return Answer(*await reload())
        if command not in ("reclaim", "drill"):
            return Answer(False, f"no such command: {command}")
        member = int(given["member"]) if given.get("member") else None
        order = Order(given["target"], Tier[given["tier"].upper()], member, command == "drill")
        try:
            return Answer(True, "", report_shape(await engine.manual.carry_out(order)))
        except Refused as refused:
            return Answer(False, str(refused), status=404 if refused.missing else 409)

    def target(name: str) -> Json:
        found = find_target(snapshot(), name)
        return None if found is None else target_shape(found, time.monotonic())

    return Services(
        access=access,
        render_metrics=lambda accept: engine.metrics.render(snapshot(), accept),
        status=lambda: (
            status_shape(snapshot(), time.time())
            | {"rungs_running": engine.performer.running, "changes_in_force": engine.keeper.in_force}
        ),
        targets=lambda: target_shapes(snapshot(), time.monotonic()),
        target=target,
        events=lambda name, since, limit: (event_shape(one) for one in engine.events.since(since, name, limit)),
        overview=lambda: overview(snapshot()),
        rows=lambda longest: rows(snapshot(), engine.events, time.monotonic(), longest),
        lines=lambda longest: lines(engine.events.since(limit=longest)),
        healthy=healthy,
        ready=lambda: (True, "ready") if engine.watch.passes else (False, "the first pass is not over"),
        submit=submit,
        stream=Stream(
            Source(
                subscribe=lambda tell: engine.events.subscribe(lambda one: tell(one.id, one)),
                since=lambda last: [(one.id, one) for one in engine.events.since(last, limit=1000)],
                show=lambda one: event_shape(one) if isinstance(one, Recorded) else None,
                snapshot=lambda: brief(snapshot()),
            )
        ),
    )
