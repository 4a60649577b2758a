"""How does the loop write what must outlive it, without ever waiting for a disk?

What is put within one turn of the event loop is one transaction: a tier's entry, its webhooks and the subject's state
are all there after a crash, or none of them is. Does *not* cover the thread that writes (`journal_writer`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from brimwatch.core.moment import Moment
from brimwatch.record.events import Recorded
from brimwatch.record.journal_rows import Past, Statement, drop, keep, keep_event
from brimwatch.record.journal_writer import Batch, Closed, Done, Failed, News, Ready, Writer

LONGEST_QUEUE = 10_000  # statements that wait for the disk; beyond it they are dropped, and written anew later
STUCK = 10.0  # seconds after which a disk that does not answer counts as failed


class Journal:
    """One journal. `told(Ready or Failed)` is called on the loop when it begins or ceases to work.

    At each Ready but the first, whoever keeps something here writes all of it again.
    """

    def __init__(
        self,
        make_writer: Callable[[Callable[[News], None]], Writer],
        clock: Callable[[], Moment],
        loop: asyncio.AbstractEventLoop,
        told: Callable[[Ready | Failed], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._told = told
        self._writer = make_writer(self._hear)
        self._statements: list[Statement] = []
        self._handed = 0  # the serial of the last batch that was handed to the thread
        self._waiting: dict[int, tuple[int, float]] = {}  # batches not answered: their size, and since when
        self._gaps = False  # something was dropped
        self._news = asyncio.Event()
        self._closed = False
        self._stuck = False
        self._open = False
        self._writer.start()

    @property
    def working(self) -> bool:
        """Is what is put here now likely to be kept?"""
        return self._open and not self._stuck and not self._closed

    def event(self, recorded: Recorded) -> None:
        """Keep an event."""
        self.run(keep_event(recorded))

    def put(self, kind: str, key: str, body: Mapping[str, object]) -> None:
        """Keep a document in the place of an earlier one."""
        row = keep(kind, key, body, self._clock())
        if row is not None:
            self.run(row)

    def drop(self, kind: str, key: str) -> None:
        """Forget a document."""
        self.run(drop(kind, key))

    def run(self, *statements: Statement) -> None:
        """Add statements to the transaction of this turn of the loop."""
        if not self._open or self._closed:
            return  # all that is known is written once it can be
        if not self._statements:
            self._loop.call_soon(self._hand_over)
        self._statements.extend(statements)

    async def settled(self, patience: float) -> bool:
        """Wait until all that was put is committed, or the journal does not work; False after `patience` seconds."""
        wanted = self._handed + bool(self._statements)
        return await self._wait(lambda: not self.working or self._answered(wanted), patience)

    def check(self, now: float) -> None:
        """Called now and then (monotonic seconds): a disk that does not answer must not keep webhooks waiting."""
        stuck = any(now - since > STUCK for _, since in self._waiting.values())
        if stuck and not self._stuck and self._open:
            self._stuck = self._gaps = True
            self._announce(Failed(f"the disk has not answered for {STUCK:g}s"))

    async def close(self, patience: float) -> bool:
        """Write what is left, mark the run as ended in order, and let go; False where it took too long."""
        self._hand_over()
        self._open = False
        self._writer.end()
        return await self._wait(lambda: self._closed, patience)

    async def _wait(self, done: Callable[[], bool], patience: float) -> bool:
        try:
            async with asyncio.timeout(patience):
                while not done():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def _answered(self, serial: int) -> bool:
        return self._handed >= serial and not any(waiting <= serial for waiting in self._waiting)

    def _hand_over(self) -> None:
        statements, self._statements = tuple(self._statements), []
        if not statements or not self._open:
            return
        ahead = sum(size for size, _ in self._waiting.values())
        if ahead and ahead + len(statements) > LONGEST_QUEUE:
            self._gaps = True
            return
        self._handed += 1
        self._waiting[self._handed] = (len(statements), self._loop.time())
        self._writer.submit(Batch(self._handed, statements))

    def _hear(self, news: News) -> None:
        """On the writer's thread."""
        try:
            self._loop.call_soon_threadsafe(self._receive, news)
        except RuntimeError:
            return  # the loop is closed: nobody is left to tell

    def _receive(self, news: News) -> None:
        if isinstance(news, Done):
            for serial in [serial for serial in self._waiting if serial <= news.serial]:
                del self._waiting[serial]
            if self._gaps and self._open and not self._waiting:
                self._gaps = self._stuck = False
                self._announce(Ready(Past(), ""))
        elif isinstance(news, Closed):
            self._closed = True
        else:
            self._open = isinstance(news, Ready)
            self._stuck = self._gaps = False
            self._announce(news)
        self._news.set()

    def _announce(self, news: Ready | Failed) -> None:
        self._told(news)
        self._news.set()
