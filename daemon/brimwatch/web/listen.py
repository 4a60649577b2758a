"""Where does the web server listen? The socket is opened before anything starts, so that a fault is told at once."""

from __future__ import annotations

import errno
import os
import socket

from brimwatch.errors import UsageError

_EVERY = ("0.0.0.0", "::")  # noqa: S104 - to be recognised
WANTED = "an address such as 127.0.0.1:9847, [::1]:9847 or :9847"
_BACKLOG = 64
_SEND_BUFFER = 256 * 1024  # bytes of an answer that the kernel holds for one slow client


def parse_address(text: str) -> tuple[str, int]:
    """Split `host:port`; an empty host means every address. Raises UsageError."""
    host, colon, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or (":" in host and not bracketed):
        raise UsageError(f"--web.listen-address {text!r}: wanted {WANTED}")
    return host.strip("[]"), int(port)


def check_address(address: str) -> None:
    """Raises UsageError where `address` is none that can be listened on, as far as can be told without doing so."""
    host, port = parse_address(address)
    try:
        _resolve(host, port)
    except socket.gaierror as error:
        raise UsageError(f"--web.listen-address {address}: {error.strerror}; wanted {WANTED}") from None


def open_socket(address: str) -> socket.socket:
    """Listen on `address`. Raises UsageError that says what is in the way. Source: ip(7), ipv6(7)."""
    host, port = parse_address(address)
    try:
        family, sockaddr = _resolve(host, port)
        return _listen(family, sockaddr)
    except socket.gaierror as error:
        raise UsageError(f"--web.listen-address {address}: {error.strerror}; wanted {WANTED}") from None
    except OSError as error:
        raise UsageError(f"--web.listen-address {address}: {_explain(error, port)}") from None


def url_of(listener: socket.socket, scheme: str = "http") -> str:
    """The address as a browser takes it; for every address the machine's name: it is sent to other machines too."""
    host, port = listener.getsockname()[:2]
    name = os.uname().nodename if host in _EVERY else f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{port}/"


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]:
    if not host:
        wildcard = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - asked for by an empty host
        host = wildcard
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, sockaddr = found[0]
    return family, sockaddr  # type: ignore[return-value]  # only these two families listen


def _listen(family: socket.AddressFamily, sockaddr: tuple[str, int] | tuple[str, int, int, int]) -> socket.socket:
    # asyncio sends at once (TCP_NODELAY) only where the protocol is named; else each answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and sockaddr[0] == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        listener.bind(sockaddr)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _explain(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken; another Brimwatch may be running, or choose another port"
    if error.errno == errno.EACCES and port < 1024:
        return f"port {port} needs CAP_NET_BIND_SERVICE; choose one from 1024 on"
    if error.errno == errno.EADDRNOTAVAIL:
        return "no such address on this machine"
    return os.strerror(error.errno) if error.errno else str(error)
