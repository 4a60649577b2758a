"""Where do reads run that may hang? On daemon threads of our own, with a deadline; one stuck target holds one lane.

A read of `smaps_rollup` waits for the target's mmap lock, for ever where the target's page faults are stuck on a dead
disk. `asyncio.to_thread` and executors join their threads at exit, so one such read would keep the daemon from ending.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

LANES = 2  # threads that read; more would only wait for the GIL
SPARE_LANES = 2  # threads added while others are stuck
DEADLINE = 5.0  # seconds


@dataclass(slots=True)
class _Job(Generic[T]):
    """One read on its way. `done` is called on the loop, exactly once."""

    owner: Hashable
    tag: T
    read: Callable[[], object]
    done: Callable[[T, object, float], None]
    started: float  # monotonic seconds: handed in, then begun
    expired: bool = False


class Lanes(Generic[T]):
    """A few threads that read for the loop.

    An owner has at most one read running: a stuck target is set aside until its read returns, and its other reads fail
    at once with TimeoutError. Where every lane is stuck, spare ones are added; then reads wait, and time out.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, lanes: int = LANES, deadline: float = DEADLINE) -> None:
        self._loop = loop
        self.deadline = deadline
        self._wanted = lanes
        self._waiting: deque[_Job[T]] = deque()
        self._work: queue.SimpleQueue[_Job[T] | None] = queue.SimpleQueue()
        self._running: dict[Hashable, _Job[T]] = {}
        self._threads = 0
        self._closed = False
        self._idle = asyncio.Event()

    @property
    def running(self) -> int:
        """How many reads run now, stuck ones included."""
        return len(self._running)

    @property
    def stuck(self) -> int:
        """How many reads have passed their deadline and not come back."""
        return sum(job.expired for job in self._running.values())

    @property
    def waiting(self) -> int:
        """How many reads have no lane yet."""
        return len(self._waiting)

    def submit(
        self, owner: Hashable, tag: T, read: Callable[[], object], done: Callable[[T, object, float], None]
    ) -> None:
        """Have `read` run on a lane; `done(tag, result or exception, CPU seconds)` follows once, on the loop."""
        running = self._running.get(owner)
        if running is not None and running.expired:
            self._loop.call_soon(done, tag, TimeoutError("an earlier read of this target is stuck"), 0.0)
            return
        self._waiting.append(_Job(owner, tag, read, done, time.monotonic()))
        self._fill()

    def expire(self, now: float) -> None:
        """Give up on reads that are past their deadline (monotonic seconds); called by the loop each pass."""
        for job in list(self._running.values()):
            if not job.expired and now - job.started > self.deadline:
                job.expired = True
                job.done(job.tag, TimeoutError(f"no answer within {self.deadline:g}s"), 0.0)
        for job in [job for job in self._waiting if self._hopeless(job, now)]:
            self._waiting.remove(job)
            job.done(job.tag, TimeoutError("no lane was free in time"), 0.0)
        self._fill()

    def _hopeless(self, job: _Job[T], now: float) -> bool:
        running = self._running.get(job.owner)
        return (running is not None and running.expired) or now - job.started > 2 * self.deadline

    async def drain(self, patience: float) -> None:
        """Wait until every read is back, `patience` seconds at most."""
        try:
            async with asyncio.timeout(patience):
                while self._running or self._waiting:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        """Start nothing more and let idle lanes end; a stuck one ends with the process."""
        self._closed = True
        self._waiting.clear()
        for _ in range(self._threads):
            self._work.put(None)

    def _fill(self) -> None:
        """Hand waiting reads to free lanes, passing over owners that are being read."""
        held = self.stuck
        room = min(self._wanted, self._wanted + SPARE_LANES - held) - (len(self._running) - held)
        passed: list[_Job[T]] = []
        while room > 0 and self._waiting:
            job = self._waiting.popleft()
            if job.owner in self._running:
                passed.append(job)
                continue
            job.started = time.monotonic()
            self._running[job.owner] = job
            if self._threads < min(len(self._running), self._wanted + SPARE_LANES):
                self._threads += 1
                threading.Thread(target=self._serve, name=f"lane-{self._threads}", daemon=True).start()
            self._work.put(job)
            room -= 1
        self._waiting.extendleft(reversed(passed))

    def _serve(self) -> None:
        while (job := self._work.get()) is not None:
            begin = time.thread_time()
            result: object
            try:
                result = job.read()
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the reader's owner
                result = error
            cost = time.thread_time() - begin
            try:
                self._loop.call_soon_threadsafe(self._finished, job, result, cost)
            except RuntimeError:  # the loop is closed: nobody is left to tell
                return

    def _finished(self, job: _Job[T], result: object, cost: float) -> None:
        self._running.pop(job.owner, None)
        if not job.expired and not self._closed:
            job.done(job.tag, result, cost)
        self._fill()
        if not self._running and not self._waiting:
            self._idle.set()
