"""Did a message reach its receiver? One try, and its answer judged.

Repeating is the caller's: here is one request, no redirect followed, at most `timeout` seconds in all, and of the
answer no more than 64 KiB.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time

import h11

from brimwatch import __version__
from brimwatch.act.http_exchange import Answer, Question, Refusal, exchange, tunnel
from brimwatch.act.http_wire import Tls, connect
from brimwatch.act.off_loop import Threads
from brimwatch.act.one_line import one_line
from brimwatch.act.retry_after import retry_after
from brimwatch.act.sign_webhook import UnusableSecret, read_header, read_secrets, signed
from brimwatch.act.web_address import Address, address_of
from brimwatch.act.web_route import Unusable, addresses_of, proxy_for, tls_context
from brimwatch.act.webhook_options import Webhook
from brimwatch.act.webhook_reply import Fate, Reply, Tried, backoff
from brimwatch.units import Seconds, format_duration

__all__ = ["Fate", "Reply", "Tried", "backoff", "send_and_read", "send_once"]

_AGAIN = frozenset({408, 425, 429})
_QUOTED = 120
_FILES = Threads("brimwatch-secrets", 2)


class _Try:
    """A try under way: how far it got is what its failure tells."""

    def __init__(self, options: Webhook) -> None:
        self.options = options
        self.address = address_of(options.url)
        self.step = "reading its files"
        self.answer = Answer()


async def send_once(options: Webhook, message_id: str, body: bytes, wall: float) -> Reply:
    """Send a message once; `wall`: Unix seconds of this try. Raises nothing but CancelledError."""
    return (await send_and_read(options, message_id, body, wall)).reply


async def send_and_read(options: Webhook, message_id: str, body: bytes, wall: float) -> Tried:
    """The same, for who wants to know what was answered. Raises nothing but CancelledError."""
    started, timed_out = time.monotonic(), False
    try:
        attempt = _Try(options)
    except ValueError as error:
        return Tried(Reply(Fate.REFUSED, None, None, f"nowhere to send it: wanted {error}", Seconds(0.0)), b"", False)
    try:
        async with asyncio.timeout(options.timeout):
            await _send(attempt, message_id, body, wall)
        fate, detail = _judge(attempt)
    except Refusal as refusal:
        attempt.answer = refusal.answer
        fate, detail = _judge(attempt, "the proxy for ")
    except Exception as error:  # noqa: BLE001 - whatever happens to a message is an answer to who sent it
        fate, detail = _failed(attempt, error)
        timed_out = isinstance(error, TimeoutError) and attempt.answer.status is None
    answer, waits = attempt.answer, None
    if fate is Fate.RETRY and answer.status is not None:
        waits = retry_after(answer.header("retry-after"), answer.header("date"), wall)
    reply = Reply(fate, answer.status, waits, one_line(detail, 300), Seconds(time.monotonic() - started))
    return Tried(reply, bytes(answer.body) if answer.complete else b"", timed_out)


async def _send(attempt: _Try, message_id: str, body: bytes, wall: float) -> None:
    options, address = attempt.options, attempt.address
    headers, context = await _FILES.run(lambda: _prepare(options, address, message_id, body, wall))
    proxy = proxy_for(address, options.proxy)
    first = address if proxy is None else proxy.address
    through = "" if proxy is None else f" the proxy {first.origin}"
    attempt.step = f"looking up {first.host}"
    found = await addresses_of(first)
    attempt.step = f"connecting{through and ' to' + through}"
    tls = None if context is None else Tls(context, address.host)
    wire = await connect(found, first.port, tls if proxy is None else None, options.timeout)
    try:
        where = address.path
        if proxy is not None:
            attempt.step = f"asking{through}"
            extra = [("Proxy-Authorization", proxy.authorization)] if proxy.authorization else []
            if tls is not None:
                await tunnel(wire, f"{address.host_text}:{address.port}", extra, tls, options.timeout)
            else:
                where, headers = address.origin + address.path, [*headers, *extra]
        attempt.step = "waiting for the answer"
        await exchange(wire, Question(where, headers, body), attempt.answer)
        if attempt.answer.complete:
            wire.end()
    finally:
        wire.abort()


def _prepare(
    options: Webhook, address: Address, message_id: str, body: bytes, wall: float
) -> tuple[list[tuple[str, str]], ssl.SSLContext | None]:
    """Everything that files are read for. Raises UnusableSecret, Unusable."""
    timestamp = int(wall)
    headers = [
        ("Host", address.authority),
        ("User-Agent", f"Brimwatch/{__version__}"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        *options.headers,
        *((name, read_header(path)) for name, path in options.headers_file),
    ]
    if options.secret_file:
        secrets = read_secrets(options.secret_file)
        headers.append(("webhook-signature", signed(secrets, message_id, timestamp, body)))
    if options.bearer_token_file:
        headers.append(("Authorization", f"Bearer {read_header(options.bearer_token_file)}"))
    return headers, tls_context(options.ca_file) if address.secure else None


def _judge(attempt: _Try, who: str = "") -> tuple[Fate, str]:
    """What a status means: see RFC 9110, 15, and Standard Webhooks, "Deliverability and reliability"."""
    answer = attempt.answer
    status = answer.status or 0
    told = f"{who}{attempt.address.origin} answered {status} {one_line(answer.phrase, 40)}".rstrip()
    if 200 <= status < 300:
        return Fate.DELIVERED, told
    if 300 <= status < 400:
        where = answer.header("location")
        to = f" to {_origin(where)}" if where else ""
        return Fate.REFUSED, f"{told}: a redirect{to} is not followed; put the final address into `url`"
    said = one_line(bytes(answer.body[: 4 * _QUOTED]).strip(), _QUOTED)
    fate = Fate.RETRY if status >= 500 or status in _AGAIN else Fate.REFUSED
    return fate, f"{told}: {said}" if said else told


def _origin(location: str) -> str:
    try:
        return address_of(location).origin
    except ValueError:
        return "another path"


def _failed(attempt: _Try, error: Exception) -> tuple[Fate, str]:
    """What an exception means. After a good status the message is delivered, whatever happens to the answer's body."""
    origin, status = attempt.address.origin, attempt.answer.status
    if status is not None:
        fate, told = _judge(attempt)
        return fate, f"{told}, and its answer breaks off"
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"{origin}: its certificate is not trusted ({error.verify_message.rstrip('.')})"
        using = f"ca_file {attempt.options.ca_file}" if attempt.options.ca_file else "the machine's authorities"
        return Fate.REFUSED, f"{why}, by {using}; set `ca_file` to the authority that signed it"
    if isinstance(error, TimeoutError):
        return Fate.RETRY, f"{origin}: no answer within {format_duration(attempt.options.timeout)}, {attempt.step}"
    if isinstance(error, UnusableSecret | Unusable):
        return Fate.RETRY, f"{origin}: nothing is sent: {error}"
    if isinstance(error, h11.RemoteProtocolError):
        return Fate.RETRY, f"{origin}: what it answers is no HTTP: {error}"
    if isinstance(error, socket.gaierror):
        return Fate.RETRY, f"{origin}: {attempt.step}: {error.strerror}"
    if isinstance(error, ssl.SSLError):
        return Fate.RETRY, f"{origin}: no TLS: {(error.reason or 'the handshake failed').replace('_', ' ').lower()}"
    if isinstance(error, OSError):
        what = os.strerror(error.errno) if error.errno else str(error)
        return Fate.RETRY, f"{origin}: {attempt.step}: {what}"
    return Fate.RETRY, f"{origin}: {attempt.step}: {error!r}"
