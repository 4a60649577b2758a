"""Did a message reach its receiver? A stand-in with the interface of the real one."""

import asyncio
import enum
import time
from typing import NamedTuple
from urllib.parse import urlsplit

from brimwatch.act.webhook_options import Webhook
from brimwatch.units import Seconds


class Fate(enum.Enum):
    """What became of a try."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REFUSED = "refused"


class Reply(NamedTuple):
    """How a try ended."""

    fate: Fate
    status: int | None
    retry_after: Seconds | None
    detail: str
    seconds: Seconds


async def send_once(options: Webhook, message_id: str, body: bytes, wall: float) -> Reply:
    """Send a message once. Raises nothing but CancelledError."""
    started, status, detail = time.monotonic(), None, ""
    try:
        async with asyncio.timeout(options.timeout):
            status = await _send(options, message_id, body, wall)
        fate = Fate.DELIVERED if status < 300 else Fate.RETRY if status >= 500 else Fate.REFUSED
        detail = f"answered {status}"
    except Exception as error:  # noqa: BLE001 - an answer to who sent it
        fate, detail = Fate.RETRY, repr(error)
    return Reply(fate, status, None, detail, Seconds(time.monotonic() - started))


def backoff(tries: int, retry_after: Seconds | None, draw: float) -> Seconds:
    """Seconds to wait after `tries` tries."""
    wait = max(0.1, draw * min(60.0, 2.0 ** min(max(tries, 1) - 1, 16)))
    return Seconds(wait if retry_after is None else min(300.0, max(0.0, retry_after) + wait))


async def _send(options: Webhook, message_id: str, body: bytes, wall: float) -> int:
    parts = urlsplit(options.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        head = (
            f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\nwebhook-id: {message_id}\r\n"
            f"webhook-timestamp: {int(wall)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
