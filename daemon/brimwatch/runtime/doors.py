"""What does the daemon show, and to whom? The web server, with all that it needs handed in from the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING

from brimwatch.errors import ConfigError
from brimwatch.record.catalogue import Name
from brimwatch.runtime.engine import Engine
from brimwatch.runtime.options import Options
from brimwatch.runtime.story import Story
from brimwatch.runtime.view import services_of
from brimwatch.web.auth import Access
from brimwatch.web.listen import check_address, open_socket, url_of
from brimwatch.web.stream import Stream

if TYPE_CHECKING:
    from brimwatch.runtime.webfile import WebFile


class Doors:
    """The listening socket from the start, the server once there is something to show. Raises UsageError."""

    def __init__(self, options: Options) -> None:
        self._access = Access(options.token_file, options.enable_lifecycle)
        self._file = _web_file(options, self._access)
        encrypted = self._file is not None and self._file.encrypted
        self._listener = open_socket(options.listen_address) if options.listen_address is not None else None
        self.address = url_of(self._listener, "https" if encrypted else "http") if self._listener else ""
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
        self._access.warn = lambda finding: engine.story.tell(Name.WEB_WARNED, detail=finding)
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
        """Answer no more. Who follows, records or waits for a rung is let go first, so that none holds up the end."""
        if self._stream is not None:
            self._stream.close()
        if self._engine is not None:
            self._engine.end_recordings("the daemon stopped")
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
