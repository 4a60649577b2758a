"""Who may see and do what over HTTP?

Over loopback everything may be seen; off loopback only metrics and health, unless the token is shown (as bearer token,
or as the password of basic auth, so that a browser can ask for it). Whatever changes something needs the token; with
none configured it is refused, except over loopback where `--web.enable-lifecycle` was given.

Where the web configuration names users, one of them (or the token) is asked for everywhere, metrics and loopback
included, because that is what the format means elsewhere. Only health stays open: probes have no password.

A web page elsewhere must not use a browser on this machine as its hand: over loopback the Host header has to be a
loopback name (DNS rebinding), and a changing request from another origin is refused (forged requests). A request that
somebody forwarded counts as coming from elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
import os
import stat
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from brimwatch.config.credentials import is_credential
from brimwatch.errors import UsageError
from brimwatch.web.logins import Given, Logins
from brimwatch.web.rules import Rules

_LONGEST_FILE = 4096
_SHORT = 16  # characters; fewer can be guessed
_FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")


class Need(enum.Enum):
    """What a path demands."""

    NOTHING = "nothing"
    SCRAPE = "scrape"  # nothing, unless users are configured
    VIEW = "view"
    CHANGE = "change"


class Asked(NamedTuple):
    """What of a request decides about access."""

    peer: str | None
    host: str | None = None
    authorization: str | None = None
    origin: str | None = None
    forwarded: bool = False


class Refusal(NamedTuple):
    """Why not, with the status of the answer."""

    status: int
    said: str
    schemes: str = "Bearer, Basic"  # ways to show who one is, for a 401


_TO_VIEW = "nothing off loopback: start with --web.token-file, or with users in --web.config.file, to allow this"
_TO_CHANGE = (
    "no token is configured: start with --web.token-file, or with users in --web.config.file, to allow this;"
    " over loopback --web.enable-lifecycle is enough"
)
_FOREIGN = Refusal(403, "the request comes from a page of another origin")
_BUSY = Refusal(429, "too many passwords wait to be checked; try again in a second")
_TOO_OFTEN = Refusal(429, "more requests than rate_limit allows; try again later")


class Access:
    """The rules. Raises UsageError where the token file cannot be used at the start.

    The token file is read again when it changed; while it cannot be read, no token is good.
    """

    def __init__(self, token_file: str | None = None, lifecycle: bool = False) -> None:
        self.rules = Rules()
        self._file = token_file
        self._lifecycle = lifecycle
        self._seen: tuple[int, int, int] | None = None
        self._lost = False  # the token file cannot be read, which was said
        self.warn: Callable[[str], None] = lambda _: None  # takes a sentence for the log
        self._token: bytes | None = None
        if token_file is not None:
            try:
                self._read(token_file)
            except OSError as error:
                raise UsageError(f"--web.token-file {token_file}: {error.strerror}; wanted a readable file") from None
            if not self._token:
                raise UsageError(f"--web.token-file {token_file}: empty; wanted a token in the first line")

    def findings(self) -> tuple[str, ...]:
        """Sentences about what is weak, for the log at the start."""
        if self._file is None:
            return ()
        found = []
        mode = stat.S_IMODE(os.stat(self._file).st_mode)
        if mode & 0o077 and not is_credential(self._file):
            found.append(f"the token file {self._file} may be read by others (mode {mode:04o}); 0600 keeps it secret")
        if self._token is not None and len(self._token) < _SHORT:
            found.append(f"the token in {self._file} is shorter than {_SHORT} characters and could be guessed")
        return tuple(found)

    async def admit(self, need: Need, asked: Asked) -> Refusal | None:
        """None where the request may go on: `refuse`, and whatever the web configuration adds to it."""
        if need is Need.NOTHING:
            return None
        bucket, logins = self.rules.bucket, self.rules.logins
        if bucket is not None and not bucket.take(time.monotonic()):
            return _TOO_OFTEN
        return self.refuse(need, asked) if logins is None else await self._ask(logins, need, asked)

    async def _ask(self, logins: Logins, need: Need, asked: Asked) -> Refusal | None:
        """Users are configured: nobody passes without being one of them, or showing the token."""
        if need is Need.CHANGE and _foreign(asked):
            return _FOREIGN
        schemes = "Basic" if self._file is None else "Bearer, Basic"
        if asked.authorization is None:
            wanted = "a user's password by basic auth" + ("" if self._file is None else ", or the token")
            return Refusal(401, f"wanted {wanted}", schemes)
        if self._file is not None and self._good(asked.authorization):
            return None
        given = user_of(asked.authorization)
        right = False if given is None else await logins.check(given)
        if right is None:
            return _BUSY
        return None if right else Refusal(401, "this is no user with this password", schemes)

    def refuse(self, need: Need, asked: Asked) -> Refusal | None:
        """None where the request may go on, as far as token and address tell."""
        if need in (Need.NOTHING, Need.SCRAPE):
            return None
        if need is Need.CHANGE and _foreign(asked):
            return _FOREIGN
        if self._file is not None and asked.authorization is not None:
            return None if self._good(asked.authorization) else Refusal(401, "this is not the token")
        if is_loopback(asked.peer) and not asked.forwarded:
            return self._over_loopback(need, asked)
        return self._without_token(need)

    def _over_loopback(self, need: Need, asked: Asked) -> Refusal | None:
        if not names_loopback(asked.host):
            return Refusal(403, "over loopback the Host header must be localhost or a loopback address")
        if need is Need.VIEW:
            return None
        return None if self._lifecycle and self._file is None else self._without_token(need)

    def _without_token(self, need: Need) -> Refusal:
        if self._file is None:
            return Refusal(403, _TO_CHANGE if need is Need.CHANGE else _TO_VIEW)
        return Refusal(401, "wanted the token, as a bearer token or as the password of basic auth")

    def _good(self, authorization: str) -> bool:
        given = _given(authorization)
        token = self._current()
        if given is None or not token:
            return False
        return hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(token).digest())

    def _current(self) -> bytes | None:
        try:
            if self._file is not None:
                self._read(self._file)
                self._lost = False
        except OSError as error:
            self._seen = self._token = None
            if not self._lost:
                self._lost = True
                why = f"cannot be read any more ({error.strerror})"
                self.warn(f"the token file {self._file} {why}; until it can, no token is good")
        return self._token

    def _read(self, path: str) -> None:
        found = os.stat(path)
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            with open(path, "rb") as file:
                self._token = file.read(_LONGEST_FILE).strip().partition(b"\n")[0].strip()
            self._seen = seen


def asked(peer: str | None, headers: Iterable[tuple[bytes, bytes]]) -> Asked:
    """Pick what decides out of the headers; names are in lower case, as ASGI has them."""
    picked: dict[bytes, str] = {}
    forwarded = False
    for name, value in headers:
        if name in (b"host", b"authorization", b"origin"):
            picked[name] = value.decode("latin-1")
        forwarded = forwarded or name in _FORWARDED
    return Asked(peer, picked.get(b"host"), picked.get(b"authorization"), picked.get(b"origin"), forwarded)


def is_loopback(address: str | None) -> bool:
    """True for 127.0.0.0/8 and ::1, also where IPv6 shows an IPv4 address."""
    if address is None:
        return False
    address = address.removeprefix("::ffff:")
    return address == "::1" or (address.startswith("127.") and address.count(".") == 3)


def names_loopback(host: str | None) -> bool:
    """True where a Host header, with or without port, names this machine for itself."""
    if not host:
        return False
    name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
    if port and not port.isdigit():
        return False
    name = name.strip("[]").rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost") or (is_loopback(name) and _is_address(name))


def _is_address(name: str) -> bool:
    return name == "::1" or all(part.isdigit() for part in name.removeprefix("::ffff:").split("."))


def _foreign(asked: Asked) -> bool:
    return asked.origin is not None and asked.origin.partition("://")[2].lower() != (asked.host or "").lower()


def user_of(authorization: str) -> Given | None:
    """User and password of basic auth, or None where it is none. Source: RFC 7617."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return Given(user.decode("utf-8", "replace"), password) if colon else None


def _given(authorization: str) -> bytes | None:
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("latin-1")
    given = user_of(authorization)
    return None if given is None else given.password
