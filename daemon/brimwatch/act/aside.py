"""How is something read that may never come, without the loop and the daemon's end waiting for it?

By a daemon thread of its own, which is left behind when it hangs; no new one is begun while two are left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

_MOST_LEFT_BEHIND = 2

_left_behind: set[threading.Thread] = set()


async def aside(read: Callable[[], Answer], within: float, name: str) -> Answer:
    """What `read` returns, within so many seconds. Raises TimeoutError, and whatever `read` raises."""
    _left_behind.intersection_update(threading.enumerate())
    if len(_left_behind) >= _MOST_LEFT_BEHIND:
        raise TimeoutError("earlier looks at processes still hang")
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    answers: list[Answer] = []
    errors: list[Exception] = []

    def settle() -> None:
        if not over.done():
            over.set_result(None)

    def run() -> None:
        try:
            answers.append(read())
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            errors.append(error)
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(settle)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        async with asyncio.timeout(within):
            await over
    finally:
        if over.cancelled():
            _left_behind.add(thread)
    if errors:
        raise errors[0]
    return answers[0]
