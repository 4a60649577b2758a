"""How do the endpoints stand in an ASGI application? Around it, under any asyncio server. Source: ASGI 3.

Hooks run on a thread of theirs while the loop goes on; WebSockets, the lifespan, and all that is not below the prefix
go to the application as they came.
"""

from __future__ import annotations

import asyncio

from brimwatch.hooks.answers import Answer
from brimwatch.hooks.attempt import describe
from brimwatch.hooks.http import Refused
from brimwatch.hooks.mounted.access import Asked
from brimwatch.hooks.mounted.reply import Reply, refusal, settled, written
from brimwatch.hooks.wire import LONGEST_BODY, REQUEST_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from brimwatch.hooks.mounted.endpoints import Endpoints

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]


class Gone(Exception):  # noqa: N818 - nothing to be done: nobody waits for the answer
    """The client has left before its request was whole."""


class Mounted:
    """The application, with our endpoints below a prefix."""

    def __init__(self, app: Callable[..., Any], endpoints: Endpoints) -> None:
        self._app, self._endpoints = app, endpoints

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer what is ours, hand on what is not."""
        path = self._endpoints.below(_path(scope)) if scope["type"] == "http" else None
        if path is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._answer(scope, receive, path)
        except Gone:
            return
        headers, content = written(answer)
        await send({
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in headers],
        })  # fmt: skip
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})

    async def _answer(self, scope: dict[str, Any], receive: Receive, path: str) -> Answer:
        try:
            headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
            asked = Asked(_peer(scope), headers)
            route = self._endpoints.route(scope["method"], path, asked)
            if isinstance(route, Reply):
                return route
            body = b"" if route.act is None else await _body(receive)
            query = scope.get("query_string", b"").decode("latin-1")
            found: Any = self._endpoints.answer(route, query, dict(headers).get("content-type", ""), body)
            while not isinstance(waiting := settled(found), Answer):  # noqa: ASYNC110 - threads set no asyncio.Event
                await asyncio.sleep(waiting)
        except Refused as found_fault:
            return refusal(found_fault)
        except Gone:
            raise
        except Exception as fault:  # noqa: BLE001 - a fault of ours is an answer, and never the server's traceback
            return Reply(500, {"error": "error", "detail": describe(fault)})
        return waiting


def _path(scope: dict[str, Any]) -> str:
    """The path below the application's root; servers write the root in front of it, older ones do not."""
    path, root = str(scope["path"]), str(scope.get("root_path") or "").rstrip("/")
    return path[len(root) :] if root and (path == root or path.startswith(f"{root}/")) else path


def _peer(scope: dict[str, Any]) -> str | None:
    client = scope.get("client")
    return None if not client else str(client[0])


async def _body(receive: Receive) -> bytes:
    """The body. Raises Refused for one that is too long or slow, Gone."""
    try:
        return await asyncio.wait_for(_whole(receive), REQUEST_SECONDS)
    except asyncio.TimeoutError:
        raise Refused(408, f"the body has not come within {REQUEST_SECONDS:g} s") from None


async def _whole(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        body += message.get("body", b"")
        if len(body) > LONGEST_BODY:
            raise Refused(413, f"the body is longer than {LONGEST_BODY} bytes")
        if not message.get("more_body", False):
            return body
