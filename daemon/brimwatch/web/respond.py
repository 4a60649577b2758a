"""How is an answer sent: as JSON, compressed where the client takes it, and with headers that keep browsers careful?

Whatever may be long is made and compressed in slices, with the loop's turn between them.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterable
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brimwatch.web.rules import Rules

JSON = "application/json"
_WORTH_COMPRESSING = 1024  # bytes
_SLICE = 64 * 1024  # bytes compressed at once: about 0.5 ms
_ITEMS = 8  # items of a list written at once: about 0.5 ms
_GZIP = 31  # window bits that make zlib write a gzip header
_CAREFUL = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


async def respond(request: Request, body: bytes, content_type: str, status: int = 200) -> Response:
    """An answer, compressed where that is worth it. Nothing is kept by caches."""
    headers = {"content-type": content_type, "cache-control": "no-store", "vary": "accept, accept-encoding"}
    if len(body) > _WORTH_COMPRESSING and takes_gzip(request.headers.get("accept-encoding", "")):
        body = await _compress(body)
        headers["content-encoding"] = "gzip"
    return Response(body, status, headers)


async def respond_json(request: Request, value: object, status: int = 200) -> Response:
    """One JSON value."""
    return await respond(request, _dump(value) + b"\n", JSON, status)


async def respond_list(request: Request, name: str, items: Iterable[object]) -> Response:
    """A JSON object with one list, which is made in slices."""
    pieces: list[bytes] = []
    for item in items:
        pieces.append(_dump(item))
        if len(pieces) % _ITEMS == 0:
            await asyncio.sleep(0)
    return await respond(request, b'{"%s":[%s]}\n' % (name.encode("ascii"), b",\n".join(pieces)), JSON)


def refusal(status: int, said: str, schemes: str = "Bearer, Basic") -> Response:
    """An error as JSON. 401 says how one can show who one is, 429 when to ask again."""
    headers = {"content-type": JSON, "cache-control": "no-store"}
    if status == 401:
        headers["www-authenticate"] = f'{schemes} realm="brimwatch", charset="UTF-8"'
    elif status == 429:
        headers["retry-after"] = "1"
    return Response(_dump({"error": said}) + b"\n", status, headers)


def takes_gzip(accepted: str) -> bool:
    """True where an Accept-Encoding header takes gzip with a weight above 0. Source: RFC 9110 section 12.5.3."""
    for entry in accepted.split(","):
        coding, _, weight = entry.lower().partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def _dump(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


async def _compress(body: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=_GZIP)
    view = memoryview(body)
    pieces = []
    for start in range(0, len(body), _SLICE):
        pieces.append(packer.compress(view[start : start + _SLICE]))
        await asyncio.sleep(0)
    return b"".join((*pieces, packer.flush()))


class CarefulHeaders:
    """Adds to every answer its date, and the headers that keep a browser from doing more with it than showing it.

    The headers of the web configuration come along where an answer has none of that name itself.
    """

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = (b"date", formatdate(usegmt=True).encode("ascii"))
                headers = [*message.get("headers", []), date, *_CAREFUL]
                had = {name for name, _ in headers}
                message["headers"] = headers + [one for one in self._rules.headers if one[0] not in had]
            await send(message)

        await self._app(scope, receive, send_on)
