"""What does the file of `--web.config.file` say: TLS, headers, users, and how many requests?

The format is that of the Prometheus exporter-toolkit. Every key that it documents is taken, or refused with the reason;
every fault of a file is told at once, with its line.
Source: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from brimwatch.config.nodes import Node, compose
from brimwatch.config.safety import read_safely
from brimwatch.errors import ConfigError
from brimwatch.units import Seconds
from brimwatch.web.pem import Shelf
from brimwatch.web.tlsconfig import read_tls

_KEYS = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
_HEADERS: Mapping[str, tuple[str, ...]] = {  # the format allows these, and where values are listed no others
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}
_HASH = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}", re.ASCII)
_COSTS = (4, 31)
_SLOW = 15  # a cost from here on makes one check last seconds
_LONGEST_USER = 256
_LONGEST_PAUSE = 3600.0
_MOST_BURST = 1_000_000
_NOTHING = re.compile(rb"(?:\s*(?:#[^\n]*)?(?:\n|$))*")


class Rate(NamedTuple):
    """At most one request in `interval` seconds, and `burst` at once after a rest."""

    interval: Seconds
    burst: int


@dataclass(frozen=True, slots=True)
class WebConfig:
    """A file that was understood. `users` are names with their bcrypt hashes; `findings` are for the log."""

    tls: ssl.SSLContext | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    users: Mapping[str, str] | None = None
    rate: Rate | None = None
    findings: tuple[str, ...] = ()


def load_web_config(path: str, seen: set[str]) -> WebConfig:
    """Read and check a file, and load its certificates. Every file that is read is added to `seen`, bad ones too.

    Raises ConfigError with every fault.
    """
    seen.add(path)
    content = read_safely(path, os.geteuid())
    if _NOTHING.fullmatch(content):
        return WebConfig(findings=(f"{path} is empty: no TLS, no users",))
    root = compose(content, path)
    sections = root.mapping(_KEYS) or {}
    given = {key: node for key, node in sections.items() if not node.is_null}
    shelf = Shelf(os.path.dirname(os.path.abspath(path)), seen)
    tls = read_tls(given["tls_server_config"], shelf) if "tls_server_config" in given else None
    headers, notes = _read_http(given["http_server_config"]) if "http_server_config" in given else ((), ())
    users = _read_users(given["basic_auth_users"]) if "basic_auth_users" in given else {}
    rate = _read_rate(given["rate_limit"]) if "rate_limit" in given else None
    faults = root.faults.lines()
    if faults:
        raise ConfigError(faults)
    findings = (*notes, *shelf.findings, *_about(users, tls is not None))
    return WebConfig(tls, headers, users or None, rate, tuple(f"{path}: {one}" for one in findings))


def _read_http(node: Node) -> tuple[tuple[tuple[bytes, bytes], ...], tuple[str, ...]]:
    fields = node.mapping(("http2", "headers")) or {}
    notes: tuple[str, ...] = ()
    if "http2" in fields and fields["http2"].flag():
        notes = ("http2 is on, but only HTTP/1.1 is spoken here; clients agree on that by themselves",)
    entries = (fields["headers"].mapping(tuple(_HEADERS)) or {}) if _given(fields, "headers") else {}
    headers = [(name, _header(name, entry)) for name, entry in entries.items()]
    return tuple((name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers if value), notes


def _header(name: str, node: Node) -> str | None:
    """The value of one header; None where it is blank or a fault."""
    if node.is_null or (node.is_scalar and not node.written.strip()):
        return None
    text = node.choice(_HEADERS[name]) if _HEADERS[name] else node.scalar("a text")
    if text is not None and not (text.isascii() and text.isprintable()):
        node.fault(node.shown, "printable ASCII in one line", "a header is one line")
        return None
    return text


def _read_users(node: Node) -> dict[str, str]:
    """Names and hashes. No message shows a hash: where it is none, it may be a password."""
    users: dict[str, str] = {}
    for name, value in (node.mapping() or {}).items():
        if not 1 <= len(name) <= _LONGEST_USER or ":" in name:
            wanted = f"a name of 1 to {_LONGEST_USER} characters without a colon"
            value.fault("a name that basic auth cannot send", wanted, "a colon ends the name there")
            continue
        text = value.written if value.is_scalar else ""
        found = _HASH.fullmatch(text)
        if found is None or not _COSTS[0] <= int(found[1]) <= _COSTS[1]:
            value.fault(
                "no bcrypt hash", "one such as `htpasswd -nBC 10 NAME` prints, in single quotes: '$2y$10$...'",
                "a password is never kept as it is",
            )  # fmt: skip
            continue
        users[name] = text
    return users


def _read_rate(node: Node) -> Rate | None:
    fields = node.mapping(("interval", "burst")) or {}
    interval = None
    if "interval" in fields:
        zero = fields["interval"].is_scalar and fields["interval"].written.strip() == "0"
        interval = Seconds(0.0) if zero else fields["interval"].duration(maximum=_LONGEST_PAUSE)
    burst = fields["burst"].integer(0, _MOST_BURST) if "burst" in fields else 0
    if not interval or burst is None:
        return None
    if burst < 1:
        found = "a burst of 0" if "burst" in fields else "no burst"
        fields.get("burst", node).fault(found, "1 or more", "no request would be answered")
        return None
    return Rate(interval, burst)


def _about(users: Mapping[str, str], encrypted: bool) -> list[str]:
    found = []
    if users and not encrypted:
        found.append("basic_auth_users without TLS: passwords travel readable")
    slow = sorted(name for name, hashed in users.items() if int(hashed[4:6]) >= _SLOW)
    if slow:
        found.append(f"a bcrypt cost of {_SLOW} or more makes each first login take seconds: {', '.join(slow)[:200]}")
    return found


def _given(fields: Mapping[str, Node], key: str) -> bool:
    return key in fields and not fields[key].is_null
