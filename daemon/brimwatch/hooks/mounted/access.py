"""Who may look at a process, and have its hooks run, over its own web server?

Posting needs the token, shown as a bearer token. Looking needs it off this machine, unless everybody may. A request of
this machine may post without one only where the program said so. It counts as one when its peer is a loopback address,
nobody says to have forwarded it, and its Host header names loopback (DNS rebinding). What a page of another origin
makes a browser post is refused, token or not (forged requests).

Does *not* notice a proxy on this machine that forwards in silence: docs/hooks.md says so where `local` is described.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE = "BRIMWATCH_TOKEN_FILE"
SHORTEST = 16  # characters of a token; fewer can be guessed
_LONGEST_FILE = 4096
_FORWARDED = frozenset((
    "forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-forwarded-for",
    "x-envoy-external-address", "true-client-ip", "cf-connecting-ip", "fastly-client-ip",
))  # fmt: skip
_OURS = ("same-origin", "none")  # of Sec-Fetch-Site: our own page, or a person who typed the address

_TO_CHANGE = "no token is configured: give token_file, or for requests of this machine local=True"
_TO_VIEW = "nothing off this machine: give token_file, or open_stats=True"
_UNUSABLE = f"the token file cannot be read, or its first line has fewer than {SHORTEST} characters"


class Asked:
    """What of a request decides about access. Header names are in lower case."""

    __slots__ = ("bearer", "foreign", "forwarded", "host", "peer")

    def __init__(self, peer: str | None, headers: Iterable[tuple[str, str]]) -> None:
        self.peer = peer
        self.host: str | None = None
        self.bearer: str | None = None
        self.forwarded = False
        origin = site = None
        hosts = 0
        for name, value in headers:
            if name == "host":
                hosts, self.host = hosts + 1, value.strip()
            elif name == "authorization":
                scheme, _, credentials = value.strip().partition(" ")
                self.bearer = credentials.strip() if scheme.lower() == "bearer" else self.bearer
            elif name == "origin":
                origin = value.strip()
            elif name == "sec-fetch-site":
                site = value.strip().lower()
            elif name in _FORWARDED or name.startswith("x-forwarded"):
                self.forwarded = True
        self.host = self.host if hosts == 1 else None
        other = origin is not None and origin.partition("://")[2].lower() != (self.host or "").lower()
        self.foreign = other or (site is not None and site not in _OURS)

    @property
    def local(self) -> bool:
        """Whether it comes from this machine, as far as can be seen."""
        return is_loopback(self.peer) and not self.forwarded


class Refusal:
    """Why not, with the status of the answer."""

    __slots__ = ("detail", "status")

    def __init__(self, status: int, detail: str) -> None:
        self.status, self.detail = status, detail


class Access:
    """The rules of one mount. The token file is read again when it changed; while it cannot be, no token is good."""

    def __init__(self, token_file: str | None = None, local: bool = False, open_stats: bool = False) -> None:
        if token_file is not None and not isinstance(token_file, (str, os.PathLike)):
            raise ValueError(f"hooks: found token_file={token_file!r:.80}, wanted a path")
        for key, value in (("local", local), ("open_stats", open_stats)):
            if not isinstance(value, bool):  # "no" would open what it means to close
                raise ValueError(f"hooks: found {key}={value!r:.80}, wanted True or False")
        self._file = token_file or os.environ.get(VARIABLE) or None
        self._local, self._open_stats = local, open_stats
        self._known: tuple[tuple[int, int, int], bytes] | None = None  # replaced whole: threads may read it

    def refuse(self, change: bool, asked: Asked) -> Refusal | None:
        """None where the request may go on. `change`: whether it has hooks run."""
        if change and asked.foreign:
            return Refusal(403, "the request comes from a page of another origin")
        if not change and self._open_stats:
            return None
        if self._file is not None and asked.bearer is not None:
            return None if self._good(asked.bearer) else self._without_token(change, "this is not the token")
        if not asked.local:
            return self._without_token(change)
        if not names_loopback(asked.host):
            return Refusal(403, "on this machine the Host header must be localhost or a loopback address")
        return None if self._local or not change else self._without_token(change)

    def _without_token(self, change: bool, why: str = "wanted the token: Authorization: Bearer ...") -> Refusal:
        if self._file is None:
            return Refusal(403, _TO_CHANGE if change else _TO_VIEW)
        return Refusal(403, _UNUSABLE) if self._token() is None else Refusal(401, why)

    def _good(self, given: str) -> bool:
        token = self._token()
        if token is None:
            return False
        sent = hashlib.sha256(given.encode("latin-1", "replace")).digest()
        return hmac.compare_digest(sent, hashlib.sha256(token).digest())

    def _token(self) -> bytes | None:
        try:
            token = b"" if self._file is None else self._read(self._file)
        except OSError:
            return None
        return token if len(token) >= SHORTEST else None

    def _read(self, path: str) -> bytes:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would keep us waiting
        try:
            found = os.fstat(descriptor)
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            known = self._known
            if known is not None and known[0] == seen:
                return known[1]
            if not stat.S_ISREG(found.st_mode):
                return b""
            token = os.read(descriptor, _LONGEST_FILE).strip().partition(b"\n")[0].strip()
        finally:
            os.close(descriptor)
        self._known = (seen, token)
        return token


def is_loopback(address: str | None) -> bool:
    """True for 127.0.0.0/8 and ::1, also where IPv6 shows an IPv4 address. A Unix socket's peer has no address."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return found.is_loopback if mapped is None else mapped.is_loopback


def names_loopback(host: str | None) -> bool:
    """True where a Host header, with or without port, names this machine for itself."""
    name, bracket, port = (host or "").rpartition("]")
    if bracket:
        name = name[1:] if name.startswith("[") else ""
    else:
        name, colon, port = (host or "").partition(":")
        port = colon + port
    if port and not (port[0] == ":" and port[1:].isdigit()):
        return False
    name = name.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)
