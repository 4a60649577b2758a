"""Does the worker answer, and is it replaced when it dies, is late, or says what it should not?"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import pytest

from brimwatch.inspect.found import Want
from brimwatch.inspect.wire import Answer
from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat
from brimwatch.runtime import introspect_worker
from brimwatch.runtime.introspect_worker import Worker
from brimwatch.units import Seconds

pytestmark = pytest.mark.live

ME = ProcessId(os.getpid(), read_stat("/proc", os.getpid()).start_ticks)
GONE = ProcessId(os.getpid(), 1)
THREADS = frozenset({Want.THREADS})


class Heard:
    """What came of questions, and of the worker itself."""

    def __init__(self) -> None:
        self.answers: list[tuple[Answer | None, float]] = []
        self.failures: list[str] = []

    def done(self, answer: Answer | None, cost: Seconds) -> None:
        self.answers.append((answer, cost))


async def until(predicate: Callable[[], Any], deadline: float = 15.0) -> None:
    end = time.monotonic() + deadline
    while not predicate():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def run(test: Callable[[Worker, Heard], Awaitable[None]], **options: float) -> None:
    async def whole() -> None:
        heard = Heard()
        worker = Worker("/proc", asyncio.get_running_loop(), heard.failures.append, **options)
        try:
            await test(worker, heard)
        finally:
            worker.close()

    asyncio.run(whole())


def test_a_question_is_answered_and_paid_for() -> None:
    async def test(worker: Worker, heard: Heard) -> None:
        for number in (1, 2):
            worker.ask(ME, THREADS, Seconds(5.0), heard.done)
            assert (worker.busy, worker.ready(time.monotonic())) == (True, False)
            await until(lambda number=number: len(heard.answers) == number)
        (first, start), (second, cost) = heard.answers
        assert first is not None
        assert second is not None
        assert second.census is not None
        assert (second.process, second.census.denied) == (ME, False)
        assert second.census.threads is not None
        assert 0 < cost < start  # the first pays for the start as well
        assert heard.failures == []

    run(test)


def test_a_process_that_is_gone_is_no_fault() -> None:
    async def test(worker: Worker, heard: Heard) -> None:
        worker.ask(GONE, THREADS, Seconds(5.0), heard.done)
        await until(lambda: heard.answers)
        answer = heard.answers[0][0]
        assert answer is not None
        assert (answer.gone, answer.census, answer.fault, heard.failures) == (True, None, "", [])

    run(test)


def test_one_that_dies_answers_with_nothing_and_is_replaced_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(introspect_worker, "PAUSE", 0.0)

    async def test(worker: Worker, heard: Heard) -> None:
        worker.ask(ME, THREADS, Seconds(5.0), heard.done)
        first = worker.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: heard.answers)
        assert (heard.answers[0][0], heard.failures) == (None, ["it ended"])
        await until(lambda: worker.ready(time.monotonic()))
        worker.ask(ME, THREADS, Seconds(5.0), heard.done)
        await until(lambda: len(heard.answers) == 2)
        assert heard.answers[1][0] is not None
        assert worker.pid != first

    run(test)


def test_one_that_is_late_is_killed() -> None:
    async def test(worker: Worker, heard: Heard) -> None:
        worker.ask(ME, THREADS, Seconds(5.0), heard.done)
        late = psutil.Process(worker.pid)
        late.suspend()
        worker.tick(time.monotonic() + 1)
        assert (heard.answers[0][0], heard.failures) == (None, ["no answer within 0.5 s"])
        assert (worker.pid, worker.ready(time.monotonic())) == (None, False)

        def buried() -> bool:
            worker.tick(time.monotonic())
            return not late.is_running()

        await until(buried)

    run(test, deadline=0.5)


def test_one_that_nobody_needs_is_ended() -> None:
    async def test(worker: Worker, heard: Heard) -> None:
        worker.ask(ME, THREADS, Seconds(5.0), heard.done)
        await until(lambda: heard.answers)
        idle = psutil.Process(worker.pid)
        worker.tick(time.monotonic() + 1)
        assert worker.pid is None
        await until(lambda: not idle.is_running() or idle.status() == psutil.STATUS_ZOMBIE)
        assert heard.failures == []

    run(test, idle=0.5)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        pytest.param("print('hello', flush=True)", "Expecting value", id="what is no answer"),
        pytest.param("print('[1, 2]', flush=True)", "no answer: ", id="an answer to nothing"),
        pytest.param("sys.stdout.write('x' * (2 << 20)); sys.stdout.flush()", "its answer has no end", id="no end"),
        pytest.param("print('[' * 200000, flush=True)", "", id="what cannot be parsed"),
    ],
)
def test_one_that_says_what_it_should_not_is_replaced(monkeypatch: pytest.MonkeyPatch, says: str, why: str) -> None:
    monkeypatch.setattr(introspect_worker, "_START", f"import sys; sys.stdin.readline(); {says}; sys.stdin.read()")

    async def test(worker: Worker, heard: Heard) -> None:
        worker.ask(ME, THREADS, Seconds(5.0), heard.done)
        await until(lambda: heard.answers)
        assert heard.answers[0][0] is None
        assert len(heard.failures) == 1
        assert why in heard.failures[0]
        assert worker.pid is None

    run(test)
