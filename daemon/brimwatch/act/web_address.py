"""Where does an http or https address lead, and how may it be shown?

Addresses of webhooks hold secrets: a token in the query, with some services in the path. What is shown of one for
people is its origin, `https://example.org:8443`; in a fault of the file that holds it, the address without query.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from brimwatch.config.faults import quoted
from brimwatch.config.nodes import Node

_PORTS = {"http": 80, "https": 443}
_LONGEST = 2048
LOCALHOST = ("127.0.0.1", "::1")


class Address(NamedTuple):
    """An http or https address in parts; `path` with its query, as it is sent."""

    scheme: str
    host: str  # without the brackets of an IPv6 address
    port: int
    path: str = "/"

    @property
    def secure(self) -> bool:
        """True where TLS is spoken."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """Host and port as the header `Host` has them: RFC 9110, 7.2. The usual port is left out."""
        return self.host_text if self.port == _PORTS[self.scheme] else f"{self.host_text}:{self.port}"

    @property
    def host_text(self) -> str:
        """The host, an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def origin(self) -> str:
        """What may be shown to anyone: no path, no query."""
        return f"{self.scheme}://{self.authority}"

    @property
    def is_loopback(self) -> bool:
        """True where nothing leaves the machine: a loopback address, or the name `localhost` (RFC 6761, 6.3)."""
        return any(ipaddress.ip_address(one).is_loopback for one in self.literals())

    def literals(self) -> tuple[str, ...]:
        """The addresses to connect to where no look-up is needed; empty for a name."""
        if self.host.lower().rstrip(".") == "localhost":
            return LOCALHOST
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return ()
        return (self.host,)


def address_of(url: str) -> Address:
    """Take an address apart. Raises ValueError where it is no http or https address with a host."""
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port
    if parts.scheme not in _PORTS or not host or port == 0 or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("an http or https address with a host")
    path = parts.path or "/"
    return Address(parts.scheme, host, port or _PORTS[parts.scheme], f"{path}?{parts.query}" if parts.query else path)


def shown(url: str) -> str:
    """An address with its query and user hidden, for whoever wrote it; in quotes, bounded, one line."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return quoted(url.partition("?")[0].rpartition("@")[2])
    network = "***@" + parts.netloc.rpartition("@")[2] if "@" in parts.netloc else parts.netloc
    bare = SplitResult(parts.scheme, network, parts.path, "***" if parts.query else "", "")
    return quoted(bare.geturl())


def read_url(node: Node) -> str | None:
    """Read the address of a webhook. Adds a fault that shows no secret and returns None for what cannot be used."""
    text = node.scalar("an http or https address with a host")
    if text is None:
        return None
    wanted, why = "an http or https address with a host", ""
    try:
        parts = urlsplit(text)
        if "@" in parts.netloc:
            wanted, why = "one without user and password", "secrets stay out of this file: use bearer_token_file"
        elif parts.fragment or text.endswith("#"):
            wanted, why = "one without '#'", "what follows it is never sent"
        elif len(text) > _LONGEST:
            wanted = f"one of at most {_LONGEST} characters"
        elif not text.isascii() or not text.isprintable() or " " in text:
            wanted, why = "one in plain ASCII", "other characters are written as %XX, other hosts as xn--"
        else:
            address_of(text)
            return text
    except ValueError:
        pass  # said below
    node.fault(shown(text), wanted, why)
    return None


def read_proxy(node: Node) -> str | None:
    """Read `proxy`: the word `env`, or the address of an HTTP proxy. Adds a fault to anything else; returns None."""
    wanted = "env, or the address of an HTTP proxy such as http://proxy.example:3128"
    text = node.scalar(wanted)
    if text is None or text == "env":
        return text
    try:
        address = address_of(text)
        if "@" in text:
            node.fault(
                shown(text), "one without user and password",
                "secrets stay out of this file: `proxy: env` may have them in the environment",
            )  # fmt: skip
            return None
        if not address.secure and address.path == "/":
            return text
    except ValueError:
        pass  # said below
    node.fault(shown(text), wanted)
    return None
