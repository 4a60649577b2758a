"""What did a client ask, and how is it answered? The little of HTTP/1.1 that the wire needs. Source: RFC 9112.

Pure: bytes in, bytes out. Does *not* take chunked bodies, trailers or `Expect`.
"""

from __future__ import annotations

import json

from brimwatch.hooks.wire import LONGEST_ANSWER, LONGEST_BODY, LONGEST_HEAD, LONGEST_LINE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PHRASES = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    505: "HTTP Version Not Supported",
}
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request that is answered with a status and a sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Head:
    """The first line and the headers of a request."""

    __slots__ = ("keep", "length", "method", "path", "query")

    def __init__(self, method: str, path: str, query: str, length: int, keep: bool) -> None:
        self.method, self.path, self.query, self.length, self.keep = method, path, query, length, keep


def split_head(received: bytes) -> tuple[Head, int] | None:
    """The head of a request and where its body begins; None while it is incomplete. Raises Refused."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        if len(received) > LONGEST_HEAD:
            raise Refused(431, f"the head is longer than {LONGEST_HEAD} bytes")
        if b"\r\n" not in received and len(received) > LONGEST_LINE:
            raise Refused(400, f"the first line is longer than {LONGEST_LINE} bytes")
        return None
    if end > LONGEST_HEAD:
        raise Refused(431, f"the head is longer than {LONGEST_HEAD} bytes")
    line, *headers = received[:end].decode("latin-1").split("\r\n")
    return _head(line, _fields(headers)), end + 4


def _head(line: str, fields: dict[str, str]) -> Head:
    words = line.split(" ")
    if len(line) > LONGEST_LINE or len(words) != 3 or not words[0] or not set(words[0]) <= _TOKEN:
        raise Refused(400, "found no request line, wanted `METHOD /path HTTP/1.1`")
    if words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise Refused(505, "wanted HTTP/1.1")
    if not words[1].startswith("/"):
        raise Refused(400, "wanted a path that begins with /")
    if "transfer-encoding" in fields:
        raise Refused(501, "a transfer coding is not understood: send Content-Length")
    if "expect" in fields:
        raise Refused(417, "send the body at once")
    path, _, query = words[1].partition("?")
    options = {option.strip().lower() for option in fields.get("connection", "").split(",")}
    keep = words[2] == "HTTP/1.1" and "close" not in options
    return Head(words[0], path, query, _length(words[0], fields), keep)


def _fields(lines: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or not set(name) <= _TOKEN or "\n" in value or "\r" in value or "\0" in value:
            raise Refused(400, "found a header that is none")
        key = name.lower()
        if key in fields and key in ("content-length", "transfer-encoding"):
            raise Refused(400, f"found {key} twice")
        fields[key] = value.strip(" \t")
    return fields


def _length(method: str, fields: dict[str, str]) -> int:
    text = fields.get("content-length")
    if text is None:
        if method in ("POST", "PUT"):
            raise Refused(411, "wanted a Content-Length")
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Refused(400, "found a Content-Length that is no number")
    if int(text) > LONGEST_BODY:
        raise Refused(413, f"the body is longer than {LONGEST_BODY} bytes")
    return int(text)


def parse_body(body: bytes) -> dict[str, Any]:
    """A JSON object; an empty body is an empty one. Raises Refused."""
    if not body.strip():
        return {}
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is no JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, "the body is no JSON object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are no JSON


def write_answer(status: int, body: dict[str, Any], keep: bool) -> bytes:
    """One whole answer. What would be longer than a client has to take is replaced by an error."""
    content = json.dumps(body, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"
    if len(content) > LONGEST_ANSWER - 512:
        return write_answer(500, {"error": "error", "detail": "the answer would be too long"}, keep)
    head = (
        f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nConnection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    )
    return head.encode("ascii") + content
