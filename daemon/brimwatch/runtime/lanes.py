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
    quick: bool
    expired: bool = False


class Lanes(Generic[T]):
    """A few threads that read for the loop.

    A lane that has read takes the next waiting read itself, and the loop is woken for all that came back when nothing
    waits any more: to wake a thread costs as much as a quick read, of which 100 targets at rest take 48 a second.

    An owner has at most one read running: a stuck target is set aside until its read returns, and its other reads fail
    at once with TimeoutError. Where every lane is stuck, spare ones are added; then reads wait, and time out.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, lanes: int = LANES, deadline: float = DEADLINE) -> None:
        self._loop = loop
        self.deadline = deadline
        self._wanted = lanes
        self._lock = threading.Lock()  # of what waits, runs, and has come back
        self._waiting: deque[_Job[T]] = deque()
        self._back: list[tuple[_Job[T], object, float]] = []
        # Lanes begin after the callback that hands reads in: a look beside them takes twice as long.
        self._filling = False
        self._told = False  # the loop will collect what has come back
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
        with self._lock:
            return self._held()

    @property
    def waiting(self) -> int:
        """How many reads have no lane yet."""
        return len(self._waiting)

    def submit(
        self,
        owner: Hashable,
        tag: T,
        read: Callable[[], object],
        done: Callable[[T, object, float], None],
        quick: bool = True,
    ) -> None:
        """Have `read` run on a lane; `done(tag, result or exception, CPU seconds)` follows once, on the loop.

        What has come back is not kept waiting for a read that is not `quick`.
        """
        running = self._running.get(owner)
        if running is not None and running.expired:
            self._loop.call_soon(done, tag, TimeoutError("an earlier read of this target is stuck"), 0.0)
            return
        with self._lock:
            self._waiting.append(_Job(owner, tag, read, done, time.monotonic(), quick))
        if not self._filling:
            self._filling = True
            self._loop.call_soon(self._fill)

    def expire(self, now: float) -> None:
        """Give up on reads that are past their deadline (monotonic seconds); called by the loop each pass."""
        self._collect()
        with self._lock:
            late = [job for job in self._running.values() if not job.expired and now - job.started > self.deadline]
            for job in late:
                job.expired = True
            hopeless = [job for job in self._waiting if self._hopeless(job, now)]
            for job in hopeless:
                self._waiting.remove(job)
        for job in late:
            job.done(job.tag, TimeoutError(f"no answer within {self.deadline:g}s"), 0.0)
        for job in hopeless:
            job.done(job.tag, TimeoutError("no lane was free in time"), 0.0)
        self._fill()

    def _hopeless(self, job: _Job[T], now: float) -> bool:
        running = self._running.get(job.owner)
        return (running is not None and running.expired) or now - job.started > 2 * self.deadline

    async def drain(self, patience: float) -> None:
        """Wait until every read is back, `patience` seconds at most."""
        try:
            async with asyncio.timeout(patience):
                while self._running or self._waiting or self._back:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        """Start nothing more and let idle lanes end; a stuck one ends with the process."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
        for _ in range(self._threads):
            self._work.put(None)

    def _held(self) -> int:
        return sum(job.expired for job in self._running.values())

    def _fill(self) -> None:
        """Hand waiting reads to free lanes."""
        self._filling = False
        while True:
            with self._lock:
                job = self._next()
                busy = len(self._running)
            if job is None:
                return
            if self._threads < min(busy, self._wanted + SPARE_LANES):
                self._threads += 1
                threading.Thread(target=self._serve, name=f"lane-{self._threads}", daemon=True).start()
            self._work.put(job)

    def _next(self) -> _Job[T] | None:
        """The read that is to begin now, if a lane is free for it; owners that are being read are passed over."""
        if self._closed or not self._waiting:
            return None
        held = self._held()
        if len(self._running) - held >= min(self._wanted, self._wanted + SPARE_LANES - held):
            return None
        for place, job in enumerate(self._waiting):
            if job.owner not in self._running:
                del self._waiting[place]
                job.started = time.monotonic()
                self._running[job.owner] = job
                return job
        return None

    def _serve(self) -> None:
        while (job := self._work.get()) is not None:
            following: _Job[T] | None = job
            while following is not None:
                following = self._read(following)

    def _read(self, job: _Job[T]) -> _Job[T] | None:
        """Read, on a lane, and hand in what came back; returns what to read next."""
        begin = time.thread_time()
        result: object
        try:
            result = job.read()
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the reader's owner
            result = error
        cost = time.thread_time() - begin
        with self._lock:
            self._running.pop(job.owner, None)
            self._back.append((job, result, cost))
            following = self._next()
            tell = not self._told and (following is None or not following.quick)
            self._told = self._told or tell
        if tell:
            try:
                self._loop.call_soon_threadsafe(self._collect)
            except RuntimeError:  # the loop is closed: nobody is left to tell
                return None
        return following

    def _collect(self) -> None:
        """On the loop: pass on what has come back."""
        with self._lock:
            back, self._back, self._told = self._back, [], False
        for job, result, cost in back:
            if not job.expired and not self._closed:
                job.done(job.tag, result, cost)
        self._fill()
        if not self._running and not self._waiting:
            self._idle.set()
