"""How do bytes go to and come from a server, with or without TLS, by way of a proxy or not?

One connection for one message. Nothing is read ahead of who asks, so that an endless answer stays where it is: with the
kernel, and unread.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import NamedTuple

_PAUSE_AT = 1 << 16  # bytes held unread before the kernel has to keep the rest
_LAST_WORDS = 1.0  # seconds that the other side has to end TLS


class Tls(NamedTuple):
    """What TLS is spoken with, and to whom."""

    context: ssl.SSLContext
    host: str


class Wire(asyncio.Protocol):
    """An open connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._paused = False
        self._news = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, or speaks TLS from now on."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - tells the type; a stream is what was asked for
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Keep what came, and no more than is asked for."""
        self._unread += data
        if len(self._unread) >= _PAUSE_AT and self._transport is not None:
            self._transport.pause_reading()
            self._paused = True
        self._news.set()

    def eof_received(self) -> bool:
        """The other side has said all."""
        self._ended = True
        self._news.set()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._ended = True
        self._error = exc
        self._news.set()

    async def read(self) -> bytes:
        """What has come since the last call; waits for something. Empty at the end. Raises OSError."""
        while not self._unread and not self._ended:
            self._news.clear()
            await self._news.wait()
        if not self._unread and self._error is not None:
            raise self._error
        data = bytes(self._unread)
        self._unread.clear()
        if self._paused and self._transport is not None:
            self._transport.resume_reading()
            self._paused = False
        return data

    def write(self, data: bytes) -> None:
        """Send; what the other side does not take at once is kept and sent as it takes it."""
        if self._transport is None:
            raise ConnectionResetError("the connection is closed")
        self._transport.write(data)

    async def start_tls(self, tls: Tls, within: float) -> None:
        """Speak TLS from now on. Raises ssl.SSLError, OSError."""
        if self._transport is None:
            raise ConnectionResetError("the connection is closed")
        transport = await asyncio.get_running_loop().start_tls(
            self._transport,
            self,
            tls.context,
            server_hostname=tls.host,
            ssl_handshake_timeout=within,
            ssl_shutdown_timeout=_LAST_WORDS,
        )
        if transport is None:
            raise ConnectionResetError("the connection was closed during the TLS handshake")
        self._transport = transport

    def keep_alive(self) -> None:
        """Have the kernel notice where the other side is gone without a word: within a minute. Source: tcp(7)."""
        found = None if self._transport is None else self._transport.get_extra_info("socket")
        if found is None:
            return
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3)):
            found.setsockopt(socket.IPPROTO_TCP, option, value)

    def end(self) -> None:
        """Close in good order: all was said and heard."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def abort(self) -> None:
        """Let go at once, unheard answers included."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


async def connect(addresses: Sequence[str], port: int, tls: Tls | None, within: float) -> Wire:
    """Connect to the first of the addresses that answers; each gets its share of `within` seconds.

    The addresses are numeric: no name is looked up here. Raises OSError, ssl.SSLError, TimeoutError.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + within
    failure: Exception = OSError("there is no address to connect to")
    for index, address in enumerate(addresses):
        share = max(0.0, ends_at - loop.time()) / (len(addresses) - index)
        try:
            async with asyncio.timeout(share):
                return await _open(loop, address, port, tls, within)
        except ssl.SSLCertVerificationError:
            raise  # another address of the same name is no reason to trust it
        except OSError as error:  # TimeoutError is one
            failure = error
    raise failure


async def _open(loop: asyncio.AbstractEventLoop, address: str, port: int, tls: Tls | None, within: float) -> Wire:
    if tls is None:
        return (await loop.create_connection(Wire, address, port))[1]
    made = await loop.create_connection(
        Wire,
        address,
        port,
        ssl=tls.context,
        server_hostname=tls.host,
        ssl_handshake_timeout=max(within, 0.001),
        ssl_shutdown_timeout=_LAST_WORDS,
    )
    return made[1]
