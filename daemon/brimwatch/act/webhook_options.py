"""What can be said of a webhook in the configuration, and what should its writer know?

Secrets never stand in the file itself: they are in files of their own, which are read again for each message.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from brimwatch.act.web_address import address_of, read_proxy, read_url
from brimwatch.config.nodes import Node
from brimwatch.units import Seconds

FORMATS = ("brimwatch", "alertmanager")
TIMEOUT, DEADLINE, KEEP = Seconds(5.0), Seconds(10.0), Seconds(3600.0)
SHORTEST, LONGEST_TRY, LONGEST_DEADLINE, LONGEST_KEEP = 0.1, 300.0, 1800.0, 7 * 86400.0
MOST_HEADERS = 32
LONGEST_VALUE = 1024
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII)  # a token: RFC 9110, 5.6.2
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)
_OURS = frozenset({
    "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "keep-alive", "te",
    "trailer", "upgrade", "expect", "accept-encoding", "user-agent", "proxy-connection",
})  # fmt: skip
_SECRET = frozenset({"authorization", "proxy-authorization", "cookie"})


class Webhook(NamedTuple):
    """Where and how messages are sent. An empty text stands for what is not given."""

    url: str
    form: str = FORMATS[0]
    secret_file: str = ""
    tells: bool = False
    timeout: Seconds = TIMEOUT  # of one try
    deadline: Seconds = DEADLINE  # of all tries of a rung under `do`
    keep: Seconds = KEEP  # how long a telling message is tried again
    proxy: str = ""  # an address, or `env`
    ca_file: str = ""
    bearer_token_file: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    headers_file: tuple[tuple[str, str], ...] = ()  # name, and the path of the file that holds the value

    @property
    def secret_files(self) -> tuple[tuple[str, str], ...]:
        """Every file that holds a secret: the key that names it, and its path."""
        own = (("secret_file", self.secret_file), ("bearer_token_file", self.bearer_token_file))
        more = ((f"headers_file.{name}", path) for name, path in self.headers_file)
        return tuple((key, path) for key, path in (*own, *more) if path)


KEYS = (
    "url", "format", "secret_file", "tells", "timeout", "deadline", "keep", "proxy", "ca_file", "bearer_token_file",
    "headers", "headers_file",
)  # fmt: skip


def read_webhook(node: Node) -> Webhook | None:
    """Read the mapping under `webhook`. Adds every fault to it; returns None where there was one."""
    before = len(node.faults)
    fields = node.mapping(KEYS)
    if fields is None:
        return None
    if "url" not in fields:
        node.fault("no url", "`url: http://...`")
    read = {key: _READERS[key](fields[key]) for key in KEYS if key in fields}
    if "bearer_token_file" in fields:
        _refuse_second_authorization(fields["bearer_token_file"], read)
    if len(node.faults) > before or any(value is None for value in read.values()):
        return None
    read["form"] = read.pop("format", FORMATS[0])
    read["tells"] = bool(read.get("tells")) or read["form"] == "alertmanager"
    return Webhook(**read)


def _refuse_second_authorization(node: Node, read: Mapping[str, object]) -> None:
    more = read.get("headers_file") or ()
    if isinstance(more, tuple) and any(name.lower() == "authorization" for name, _ in more):
        node.fault("bearer_token_file", "it or headers_file.Authorization", "both are the header Authorization")


def _path(node: Node) -> str | None:
    text = node.text()
    if text is not None and (not text.startswith("/") or "\0" in text):
        node.fault(node.shown, "an absolute path")
        return None
    return text


def _headers(node: Node) -> tuple[tuple[str, str], ...] | None:
    return _read_headers(node, from_file=False)


def _headers_file(node: Node) -> tuple[tuple[str, str], ...] | None:
    return _read_headers(node, from_file=True)


def _read_headers(node: Node, from_file: bool) -> tuple[tuple[str, str], ...] | None:
    fields = node.mapping()
    if fields is None:
        return None
    if len(fields) > MOST_HEADERS:
        node.fault(f"{len(fields)} headers", f"at most {MOST_HEADERS}")
        return None
    before = len(node.faults)
    found: dict[str, tuple[str, str]] = {}
    for name, child in fields.items():
        value = (_path(child) if from_file else _header_value(child)) if _is_allowed(name, child, from_file) else None
        if name.lower() in found:
            child.fault("the header a second time", "it once", "upper and lower case are the same here")
        elif value is not None:
            found[name.lower()] = (name, value)
    return None if len(node.faults) > before else tuple(found.values())


def _is_allowed(name: str, node: Node, from_file: bool) -> bool:
    lower = name.lower()
    if not _NAME.fullmatch(name):
        node.fault("this name", "the name of a header: up to 64 letters, digits and -")
    elif lower in _OURS or lower.startswith("webhook-"):
        node.fault("a header that Brimwatch sets itself", "another one")
    elif lower in _SECRET and not from_file:
        node.fault("a header that holds a secret", "it in a file", "use bearer_token_file or headers_file")
    elif lower == "proxy-authorization":
        node.fault("a header for the proxy", "`proxy: env`", "this one would reach the sink as well")
    else:
        return True
    return False


def _header_value(node: Node) -> str | None:
    wanted = f"1 to {LONGEST_VALUE} printable ASCII characters"
    text = node.scalar(wanted)
    if text is not None and not (len(text) <= LONGEST_VALUE and is_header_value(text)):
        node.fault("a value that no header can have", wanted)
        return None
    return text


def is_header_value(text: str) -> bool:
    """Can this be the value of a header: visible ASCII, with blanks inside only? RFC 9110, 5.5."""
    return _VALUE.fullmatch(text) is not None


_READERS = {
    "url": read_url,
    "format": lambda node: node.choice(FORMATS),
    "secret_file": _path,
    "tells": Node.flag,
    "timeout": lambda node: node.duration(SHORTEST, LONGEST_TRY),
    "deadline": lambda node: node.duration(SHORTEST, LONGEST_DEADLINE),
    "keep": lambda node: node.duration(maximum=LONGEST_KEEP),
    "proxy": read_proxy,
    "ca_file": _path,
    "bearer_token_file": _path,
    "headers": _headers,
    "headers_file": _headers_file,
}


def notices(options: Webhook) -> Iterator[str]:
    """What to know of a webhook that is no fault: secrets in clear, files that are missing or open to others.

    Whether the address answers is not tried.
    """
    address = address_of(options.url)
    if not address.secure and not address.is_loopback:
        if options.bearer_token_file or options.headers_file:
            yield f"sends its secret headers to {address.origin} unencrypted; use https"
        elif options.secret_file:
            yield f"signs what it sends to {address.origin}, but unencrypted: anyone on the way can read it; use https"
    for key, path in options.secret_files:
        yield from (f"{key} {path} {what}" for what in _about_file(path, secret=True))
    if options.ca_file:
        yield from (f"ca_file {options.ca_file} {what}" for what in _about_file(options.ca_file, secret=False))
    if options.ca_file and not address.secure:
        yield f"ca_file is not used: {address.origin} speaks no TLS"


def _about_file(path: str, secret: bool) -> Iterator[str]:
    try:
        status = os.stat(path)
    except OSError as error:
        yield f"cannot be read now ({error.strerror}); nothing is sent without it"
        return
    if not stat.S_ISREG(status.st_mode):
        yield "is no regular file; nothing is sent without it"
    elif secret and status.st_mode & stat.S_IROTH:
        yield f"can be read by everyone (mode {stat.S_IMODE(status.st_mode):04o}); give it mode 0600"
