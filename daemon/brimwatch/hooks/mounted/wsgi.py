"""How do the endpoints stand in a WSGI application? Around it: what lies below the prefix is ours. Source: PEP 3333.

The worker's thread waits while the hooks run on a thread of theirs, never longer than the deadline: a hook that hangs
costs a request, and not the worker.
"""

from __future__ import annotations

import time

from brimwatch.hooks.answers import Answer
from brimwatch.hooks.attempt import describe
from brimwatch.hooks.http import Refused
from brimwatch.hooks.mounted.access import Asked
from brimwatch.hooks.mounted.reply import Reply, phrase, refusal, settled, written
from brimwatch.hooks.wire import LONGEST_BODY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from brimwatch.hooks.mounted.endpoints import Endpoints


class Mounted:
    """The application, with our endpoints below a prefix."""

    def __init__(self, app: Callable[..., Any], endpoints: Endpoints) -> None:
        self._app, self._endpoints = app, endpoints

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer what is ours, hand on what is not: its iterable, its exceptions, its start_response."""
        path = self._endpoints.below(environ.get("PATH_INFO", ""))
        if path is None:
            found: Iterable[bytes] = self._app(environ, start_response)
            return found
        answer = self._answer(environ, path)
        headers, content = written(answer)
        start_response(phrase(answer.status), headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [content]

    def _answer(self, environ: dict[str, Any], path: str) -> Answer:
        try:
            asked = Asked(environ.get("REMOTE_ADDR"), _headers(environ))
            route = self._endpoints.route(environ.get("REQUEST_METHOD", ""), path, asked)
            if isinstance(route, Reply):
                return route
            body = b"" if route.act is None else _body(environ)
            kind = environ.get("CONTENT_TYPE", "")
            found: Any = self._endpoints.answer(route, environ.get("QUERY_STRING", ""), kind, body)
            while not isinstance(waiting := settled(found), Answer):
                time.sleep(waiting)
        except Refused as found_fault:
            return refusal(found_fault)
        except Exception as fault:  # noqa: BLE001 - a fault of ours is an answer, and never the server's traceback
            return Reply(500, {"error": "error", "detail": describe(fault)})
        return waiting


def _headers(environ: dict[str, Any]) -> list[tuple[str, str]]:
    named = ((name[5:].replace("_", "-").lower(), value) for name, value in environ.items() if name[:5] == "HTTP_")
    return [(name, str(value)) for name, value in named]


def _body(environ: dict[str, Any]) -> bytes:
    """The body, if it is as long as it says. Raises Refused."""
    said = environ.get("CONTENT_LENGTH") or ""
    if not said and environ.get("HTTP_TRANSFER_ENCODING"):
        if not environ.get("wsgi.input_terminated"):  # a read beyond its end would never return
            raise Refused(411, "wanted a Content-Length")
        length = LONGEST_BODY + 1
    elif said and not (said.isascii() and said.isdigit() and len(said) <= 12):
        raise Refused(400, "found a Content-Length that is no number")
    else:
        length = int(said or 0)
    if said and length > LONGEST_BODY:
        raise Refused(413, f"the body is longer than {LONGEST_BODY} bytes")
    body = _read(environ["wsgi.input"], length) if length else b""
    if len(body) > LONGEST_BODY:
        raise Refused(413, f"the body is longer than {LONGEST_BODY} bytes")
    if said and len(body) < length:
        raise Refused(400, "the body ended before its Content-Length")
    return body


def _read(stream: Any, length: int) -> bytes:
    body = b""
    while len(body) < length:
        more = stream.read(length - len(body))
        if not more:
            break
        body += more
    return body
