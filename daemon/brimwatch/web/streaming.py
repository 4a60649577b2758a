"""What does GET /api/v1/stream answer? Server-sent events, until the client leaves, lags too far behind, or we stop."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from brimwatch.web.stream import MOST_CLIENTS, Client, Stream

_PARAMETERS = ("since", "snapshots")
_RETRY = b"retry: 2000\n\n"  # milliseconds after which a browser comes back
_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # a proxy that collects an answer before it passes it on would collect for ever
}


class Streaming:
    """The endpoint."""

    def __init__(self, stream: Stream | None) -> None:
        self._stream = stream

    async def open(self, request: Request) -> Response:
        """GET /api/v1/stream."""
        if self._stream is None:
            raise HTTPException(404, "there is nothing to follow here")
        given = request.query_params
        for name in given:
            if name not in _PARAMETERS:
                raise HTTPException(400, f"parameter not known; wanted any of {', '.join(_PARAMETERS)}")
        shows = given.get("snapshots", "true")
        if shows not in ("true", "false"):
            raise HTTPException(400, "snapshots: wanted true or false")
        last = _last(request.headers.get("last-event-id") or given.get("since") or "")
        if request.method == "HEAD":
            return Response(headers=_HEADERS)
        client = self._stream.join(last, snapshots=shows == "true")
        if client is None:
            raise HTTPException(503, f"{MOST_CLIENTS} clients follow already", {"retry-after": "10"})
        return _Follow(self._stream, client)


class _Follow(Response):
    """An answer without an end."""

    def __init__(self, stream: Stream, client: Client) -> None:
        super().__init__(headers=_HEADERS)
        self._stream = stream
        self._client = client

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send what there is as it comes."""
        watching = asyncio.ensure_future(_until_gone(receive, self._client))
        try:
            headers = [header for header in self.raw_headers if header[0] != b"content-length"]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            piece: bytes | None = _RETRY
            while piece is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await self._stream.next_piece(self._client)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watching.cancel()
            self._stream.leave(self._client)


async def _until_gone(receive: Receive, client: Client) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.ended = True
    client.wake.set()


def _last(text: str) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise HTTPException(400, "Last-Event-ID: wanted the id of an event")
