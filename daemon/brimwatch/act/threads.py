"""Where does work run that may hang in the kernel, such as a write to a cgroup? On daemon threads, within a deadline.

A thread lives while there is work and ends with it: an idle daemon has none. At most `most` run at a time, stuck ones
included; what finds none free waits, and does not begin at all once its deadline is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """A bounded number of short-lived threads. Needs no event loop of its own: any loop may hand it work."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._running = 0

    async def run(self, work: Callable[[], T], within: float) -> T:
        """What `work` returns or raises. Raises TimeoutError after `within` seconds; begun work goes on then."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: Exception | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)  # type: ignore[arg-type] # None only where T allows it

        def job() -> None:
            result, error = None, None
            try:
                result = work()
            except Exception as raised:  # noqa: BLE001 - whatever it is belongs to whoever waits for the answer
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(settle, result, error)

        self._hand_in(job)
        try:
            async with asyncio.timeout(within):
                return await answer
        finally:
            with self._lock, contextlib.suppress(ValueError):  # it has begun, or is done
                self._waiting.remove(job)

    def _hand_in(self, job: Callable[[], None]) -> None:
        with self._lock:
            self._waiting.append(job)
            if self._running >= self._most:
                return
            self._running += 1
        threading.Thread(target=self._serve, name=self._name, daemon=True).start()

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                job = self._waiting.popleft()
            job()
