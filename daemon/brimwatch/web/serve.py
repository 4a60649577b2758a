"""How is the application served inside the daemon's own loop?

uvicorn, without its signal handlers (the daemon owns the signals), without an access log, and without its ten wake-ups
a second. Connections that only hold a place are closed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from brimwatch.web.tls import GOODBYE, HANDSHAKE, READ_BUFFER, Front

MOST_CONNECTIONS = 64
LONGEST_HEAD = 16 * 1024  # bytes of request line and headers
KEEP_ALIVE = 5  # seconds
PATIENCE = 10.0  # seconds between two looks at what a connection does
LAST_ANSWERS = 2  # seconds for answers under way at the end


class Connection(H11Protocol):
    """An HTTP connection that must do something: finish a request, or take the answer, between two looks."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look."""
        super().connection_made(transport)
        self._last_cycle: object = None
        self._was_paused = False
        self._look = self.loop.call_later(PATIENCE, self._look_again)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        self._look.cancel()
        super().connection_lost(exc)

    def _look_again(self) -> None:
        cycle, paused = self.cycle, self.flow.write_paused
        idle = cycle is None or cycle.response_complete
        if paused and self._was_paused:
            self.drop()
            return
        if idle and cycle is self._last_cycle:
            self.transport.abort()
            return
        self._last_cycle, self._was_paused = cycle, paused
        self._look = self.loop.call_later(PATIENCE, self._look_again)

    def drop(self) -> None:
        """End it, and let the kernel forget what it holds for the client. Source: socket(7), SO_LINGER."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class _Server(uvicorn.Server):
    """uvicorn's server that waits for an event instead of ticking."""

    def __init__(self, config: uvicorn.Config, told: Callable[[], None] | None, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._told = told
        self._tls = tls
        self.ended = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and tell so."""
        if self._tls is None:
            await super().startup(sockets=sockets)
        else:
            self.servers = [await self._encrypted(one, self._tls) for one in sockets or ()]
            self.started = True
        if self._told is not None:
            self._told()

    async def main_loop(self) -> None:
        """Wait for the end."""
        await self.ended.wait()

    async def _encrypted(self, listener: socket.socket, tls: ssl.SSLContext) -> asyncio.Server:
        """uvicorn has no option for how long a handshake may take; asyncio's 60 s are far too long."""

        def connect() -> asyncio.Protocol:
            return Connection(self.config, self.server_state, app_state={})

        return await asyncio.get_running_loop().create_server(
            connect, sock=listener, ssl=tls, backlog=MOST_CONNECTIONS,
            ssl_handshake_timeout=HANDSHAKE, ssl_shutdown_timeout=GOODBYE,
        )  # fmt: skip

    def cut_off(self) -> None:
        """Drop the connections whose clients do not take what they were sent: no end waits for them."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection) and connection.flow.write_paused:
                connection.drop()


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    started: Callable[[], None] | None = None,
    tls: Callable[[], ssl.SSLContext] | None = None,
) -> None:
    """Serve until cancelled; `listener` is closed at the end. `started` is called when requests are answered.

    With `tls` connections are encrypted, each with the context that it gives at that moment. After a cancel, answers
    under way get two seconds. Raises whatever keeps the server from starting.
    """
    if tls is not None:
        SSLProtocol.max_size = READ_BUFFER
    server = _Server(_config(app), started, None if tls is None else Front(tls))
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(running)
    finally:
        server.should_exit = True
        server.cut_off()
        server.ended.set()
        await asyncio.wait({running}, timeout=LAST_ANSWERS + 1.0)
        running.cancel()
        listener.close()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        backlog=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=LAST_ANSWERS,
        h11_max_incomplete_event_size=LONGEST_HEAD,
    )
