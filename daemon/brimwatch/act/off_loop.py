"""How is what may hang (a look-up, a dead mount, a write to a cgroup) done without holding up the loop, or its end?

On daemon threads, few of them, which end when there is nothing to do. Neither `asyncio.to_thread` nor the executor of
`loop.getaddrinfo`: their threads are joined at exit, and one that hangs keeps the process from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

_T = TypeVar("_T")


class _Job(Generic[_T]):
    """Something to do, and who waits for it."""

    __slots__ = ("_answer", "_loop", "_work")

    def __init__(self, work: Callable[[], _T], answer: asyncio.Future[_T]) -> None:
        self._work = work
        self._answer = answer
        self._loop = answer.get_loop()

    def do(self) -> None:
        """Do it, unless nobody waits any more."""
        if self._answer.done():
            return
        try:
            result = self._work()
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to whoever waits for the answer
            self._tell(self._fail, error)
        else:
            self._tell(self._succeed, result)

    def _tell(self, settle: Callable[..., None], what: object) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            self._loop.call_soon_threadsafe(settle, what)

    def _succeed(self, result: _T) -> None:
        if not self._answer.done():
            self._answer.set_result(result)

    def _fail(self, error: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)


class Threads:
    """At most `most` daemon threads called `name`; what finds none free waits its turn."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._running = 0
        self._waiting: deque[_Job[object]] = deque()
        self._lock = threading.Lock()  # held for a few instructions only

    async def run(self, work: Callable[[], _T], within: float | None = None) -> _T:
        """Do `work` on a thread and wait for what it returns or raises, for `within` seconds where that is given.

        Raises TimeoutError after that, and RuntimeError where no thread can be had. Work that has not begun by then
        never begins; work that has, goes on: cancelled, it leaves a thread that hangs behind.
        """
        answer: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        job: _Job[object] = _Job(work, answer)  # type: ignore[arg-type] # jobs of all sorts wait in one line
        with self._lock:
            self._waiting.append(job)
        try:
            self._start_one()
            async with asyncio.timeout(within):
                return await answer
        finally:
            with self._lock, suppress(ValueError):  # given up before its turn: nothing piles up behind what hangs
                self._waiting.remove(job)

    def _start_one(self) -> None:
        with self._lock:
            if self._running >= self._most:
                return
            self._running += 1
        try:
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._running -= 1
            raise

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                job = self._waiting.popleft()
            job.do()
