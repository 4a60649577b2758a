"""Which way does a message take: which addresses, which proxy, which certificates?

A proxy is used where the configuration names one, or says `env`; the environment alone changes nothing. A proxy looks
up the sink's name itself.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
import stat
import threading
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from brimwatch.act.off_loop import Threads
from brimwatch.act.web_address import Address, address_of

_MOST_ADDRESSES = 4
_MOST_KEPT = 4
_kept: dict[str, tuple[tuple[int, ...], ssl.SSLContext]] = {}
_kept_lock = threading.Lock()
# A name server that does not answer holds a look-up for half a minute; what needs no name must not wait behind it.
_NAMES = Threads("brimwatch-names", 2)


class Proxy(NamedTuple):
    """An HTTP proxy, and what it wants to see: the value of Proxy-Authorization, or an empty text."""

    address: Address
    authorization: str = ""


class Unusable(Exception):  # noqa: N818 - says what it is; the message is not sent
    """Something on this machine that the way leads through cannot be used. The text is for people."""


def proxy_for(address: Address, wanted: str) -> Proxy | None:
    """The proxy to use for an address: `wanted` is an address, `env` or empty. Raises Unusable."""
    if wanted != "env":
        return Proxy(address_of(wanted)) if wanted else None
    if address.is_loopback:
        return None  # what never leaves the machine needs no proxy, as Go's clients have it
    from urllib.request import getproxies_environment, proxy_bypass  # only where it is asked for

    found = getproxies_environment()
    url = found.get(address.scheme) or found.get("all")
    if not url or proxy_bypass(f"{address.host}:{address.port}", found):
        return None
    return _from_environment(url if "://" in url else f"http://{url}")


def _from_environment(url: str) -> Proxy:
    try:
        parts = urlsplit(url)
        address = address_of(url)
    except ValueError:
        address = None
    if address is None or address.secure:
        raise Unusable("the environment names a proxy whose address is not http://HOST:PORT")
    if parts.username is None:
        return Proxy(address)
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(address, "Basic " + base64.b64encode(pair.encode()).decode())


async def addresses_of(address: Address) -> tuple[str, ...]:
    """Numeric addresses of a host, in the order of the resolver. Raises OSError (socket.gaierror)."""
    return address.literals() or await _NAMES.run(lambda: _look_up(address))


def _look_up(address: Address) -> tuple[str, ...]:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))[:_MOST_ADDRESSES]


def tls_context(ca_file: str) -> ssl.SSLContext:
    """What a server's certificate is verified by: the machine's authorities, or those of `ca_file` alone.

    Reads files (19 ms, measured), again only when they have changed: a context for each message grew the resident set
    by 21 MB in 50 messages, one that is kept by 7 MB. Raises Unusable.
    """
    who = f"ca_file {ca_file}" if ca_file else "the machine's list of authorities"
    try:
        state = _state_of(ca_file or ssl.get_default_verify_paths().cafile or "")
        kept = _kept.get(ca_file)
        if kept is None or kept[0] != state:
            kept = state, ssl.create_default_context(cafile=ca_file or None)
            _keep(ca_file, kept)
        return kept[1]
    except ssl.SSLError:
        raise Unusable(f"{who} holds no certificates in PEM format") from None
    except OSError as error:
        raise Unusable(f"{who} cannot be read: {error.strerror}") from None


def _keep(ca_file: str, made: tuple[tuple[int, ...], ssl.SSLContext]) -> None:
    with _kept_lock:  # two threads may get here; the oldest goes first
        _kept.pop(ca_file, None)
        while len(_kept) >= _MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[ca_file] = made


def _state_of(path: str) -> tuple[int, ...]:
    """What tells one content of a file from the next; empty where the machine has no list of its own."""
    if not path:
        return ()
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):  # a FIFO would be waited for
        raise Unusable(f"ca_file {path} is no regular file")
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
