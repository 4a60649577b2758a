"""Does anybody wait for a disk that does not answer?"""

import asyncio
import time
from collections.abc import Callable

from tests.record.journals import clock

from brimwatch.record.journal import LONGEST_QUEUE, STUCK, Journal
from brimwatch.record.journal_rows import Past
from brimwatch.record.journal_writer import Batch, Closed, Done, Failed, News, Ready


class Disk:
    """In the place of the thread: answers when it is told to."""

    def __init__(self, report: Callable[[News], None]) -> None:
        self.report = report
        self.batches: list[Batch] = []
        self.ended = False

    def start(self) -> None:
        self.report(Ready(Past(), ""))

    def submit(self, batch: Batch) -> None:
        self.batches.append(batch)

    def end(self) -> None:
        self.ended = True

    def answer(self) -> None:
        self.report(Done(self.batches[-1].serial, True))


def test_a_disk_that_hangs_counts_as_failed_until_it_answers_and_then_all_is_written_anew() -> None:
    async def test() -> None:
        said: list[Ready | Failed] = []
        disks: list[Disk] = []

        def make(report: Callable[[News], None]) -> Disk:
            disks.append(Disk(report))
            return disks[0]

        journal = Journal(make, clock, asyncio.get_running_loop(), said.append)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        journal.put("message", "a", {})
        assert not await journal.settled(0.05)
        journal.check(time.monotonic())
        assert journal.working
        journal.check(time.monotonic() + STUCK + 1)
        assert not journal.working
        assert await journal.settled(0.05), "nobody waits for it any more"
        for number in range(2 * LONGEST_QUEUE):
            journal.put("message", str(number), {})
            if number % 100 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert sum(len(batch.statements) for batch in disks[0].batches) <= LONGEST_QUEUE
        disks[0].answer()
        await asyncio.sleep(0)
        assert [type(one) for one in said] == [Ready, Failed, Ready]
        assert journal.working
        started = time.monotonic()
        assert not await journal.close(0.05), "a stop waits for it a bounded time"
        assert time.monotonic() - started < 5
        assert disks[0].ended

    asyncio.run(test())


def test_what_is_larger_than_the_queue_is_written_where_nothing_waits() -> None:
    async def test() -> None:
        disks: list[Disk] = []

        def make(report: Callable[[News], None]) -> Disk:
            disks.append(Disk(report))
            return disks[0]

        journal = Journal(make, clock, asyncio.get_running_loop(), lambda _: None)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        for number in range(LONGEST_QUEUE + 1):
            journal.put("state", str(number), {})
        await asyncio.sleep(0)
        assert len(disks[0].batches[0].statements) == LONGEST_QUEUE + 1
        disks[0].report(Closed())

    asyncio.run(test())
