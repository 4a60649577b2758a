"""How is a connection encrypted with what the web configuration says now, and who of the verified may stay?"""

from __future__ import annotations

import ipaddress
import ssl
import weakref
from collections.abc import Callable, Mapping

MOST = 64  # encrypted connections, those that still shake hands included
HANDSHAKE = 5.0  # seconds for a handshake; it takes a few milliseconds
GOODBYE = 1.0  # seconds that a client has to say that it has seen the end
READ_BUFFER = 32 * 1024  # bytes; asyncio fills 256 KiB with zeros for each connection, 64 of which were 17 MB resident


class Allowed(ssl.SSLObject):
    """A connection whose client must have one of some names in its certificate, besides being verified."""

    names: frozenset[str] = frozenset()

    @classmethod
    def among(cls, names: frozenset[str]) -> type[Allowed]:
        """The same for these names: DNS, address, e-mail or URI."""
        return type("AllowedNames", (cls,), {"names": names})

    def do_handshake(self) -> None:
        """Shake hands. Raises SSLCertVerificationError where none of the names is there."""
        super().do_handshake()
        if not self.names & _names(self.getpeercert()):
            raise ssl.SSLCertVerificationError("none of the certificate's names is in client_allowed_sans")


class Front(ssl.SSLContext):
    """What the server holds for its whole life: each new connection is made with the context of that moment."""

    def __new__(cls, _: Callable[[], ssl.SSLContext]) -> Front:
        """A context that no connection is made with itself."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, current: Callable[[], ssl.SSLContext]) -> None:
        self._current = current
        self._live: weakref.WeakSet[ssl.SSLObject] = weakref.WeakSet()

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a connection. Raises ConnectionAbortedError where there are too many."""
        if len(self._live) >= MOST:
            raise ConnectionAbortedError("too many encrypted connections")
        made = self._current().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        self._live.add(made)
        return made


def _names(certificate: Mapping[str, object] | None) -> frozenset[str]:
    """Every subject alternative name; addresses in their shortest form, as the format's users write them."""
    found = set()
    entries = (certificate or {}).get("subjectAltName", ())
    for kind, value in entries if isinstance(entries, tuple) else ():
        if kind == "IP Address":
            found.add(str(ipaddress.ip_address(value.strip())))
        elif kind in ("DNS", "email", "URI"):
            found.add(value)
    return frozenset(found)
