"""Where do reads run that may hang? A read that never returns costs one lane and one target, nothing else."""

import asyncio
import threading
import time
from collections.abc import Coroutine

import pytest

from brimwatch.runtime.lanes import Lanes


def run(test: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


class Answers:
    """Collects what came back, in order."""

    def __init__(self) -> None:
        self.all: list[tuple[str, object]] = []

    def done(self, tag: str, result: object, cost: float) -> None:
        self.all.append((tag, type(result) if isinstance(result, Exception) else result))

    async def count(self, wanted: int) -> list[tuple[str, object]]:
        while len(self.all) < wanted:
            await asyncio.sleep(0.005)
        return self.all


def test_a_read_runs_on_another_thread_and_its_result_comes_back_on_the_loop() -> None:
    async def test() -> None:
        answers = Answers()
        lanes: Lanes[str] = Lanes(asyncio.get_running_loop())
        lanes.submit("a", "pss", threading.get_ident, answers.done)
        (tag, ident), *_ = await answers.count(1)
        assert tag == "pss"
        assert ident != threading.get_ident()
        lanes.close()

    run(test())


def test_what_a_read_raises_is_its_result() -> None:
    async def test() -> None:
        answers = Answers()
        lanes: Lanes[str] = Lanes(asyncio.get_running_loop())

        def denied() -> object:
            raise PermissionError

        lanes.submit("a", "pss", denied, answers.done)
        assert await answers.count(1) == [("pss", PermissionError)]
        lanes.close()

    run(test())


def test_reads_of_one_owner_never_run_at_the_same_time() -> None:
    async def test() -> None:
        answers, running, most = Answers(), [], []

        def read() -> None:
            running.append(1)
            most.append(len(running))
            time.sleep(0.005)
            running.pop()

        lanes: Lanes[str] = Lanes(asyncio.get_running_loop(), lanes=4)
        for index in range(10):
            lanes.submit("a", str(index), read, answers.done)
        await answers.count(10)
        assert max(most) == 1
        lanes.close()

    run(test())


def test_a_read_that_hangs_times_out_once_and_its_late_result_is_dropped() -> None:
    async def test() -> None:
        answers, release = Answers(), threading.Event()
        lanes: Lanes[str] = Lanes(asyncio.get_running_loop(), lanes=1, deadline=0.05)
        lanes.submit("stuck", "pss", release.wait, answers.done)
        lanes.expire(time.monotonic() + 1)
        assert answers.all == [("pss", TimeoutError)]
        assert lanes.stuck == 1
        release.set()
        await lanes.drain(5)
        assert answers.all == [("pss", TimeoutError)]
        lanes.close()

    run(test())


def test_a_stuck_target_is_set_aside_while_others_are_read() -> None:
    async def test() -> None:
        answers, release = Answers(), threading.Event()
        lanes: Lanes[str] = Lanes(asyncio.get_running_loop(), lanes=1, deadline=0.05)
        lanes.submit("stuck", "pss", release.wait, answers.done)
        lanes.submit("stuck", "fds", lambda: 1, answers.done)
        lanes.expire(time.monotonic() + 1)
        lanes.submit("stuck", "status", lambda: 2, answers.done)
        lanes.submit("well", "pss", lambda: 3, answers.done)
        await answers.count(4)
        assert sorted(answers.all, key=str) == [
            ("fds", TimeoutError),
            ("pss", 3),
            ("pss", TimeoutError),
            ("status", TimeoutError),
        ]
        release.set()
        lanes.close()

    run(test())


def test_what_came_back_does_not_wait_for_a_read_that_takes_its_time() -> None:
    async def test() -> None:
        answers, release = Answers(), threading.Event()
        lanes: Lanes[str] = Lanes(asyncio.get_running_loop(), lanes=1)
        lanes.submit("a", "status", lambda: 1, answers.done)
        lanes.submit("b", "pss", release.wait, answers.done, quick=False)
        assert await answers.count(1) == [("status", 1)]
        assert lanes.running == 1
        release.set()
        assert await answers.count(2) == [("status", 1), ("pss", True)]
        lanes.close()

    run(test())


def test_what_came_back_is_passed_on_at_the_next_pass_where_a_quick_read_hangs_after_it() -> None:
    async def test() -> None:
        answers, begun, release = Answers(), threading.Event(), threading.Event()
        lanes: Lanes[str] = Lanes(asyncio.get_running_loop(), lanes=1)

        def hang() -> bool:
            begun.set()
            return release.wait()

        lanes.submit("a", "status", lambda: 1, answers.done)
        lanes.submit("b", "status", hang, answers.done)
        while not begun.is_set():
            await asyncio.sleep(0.005)
        lanes.expire(time.monotonic())
        assert answers.all == [("status", 1)]
        release.set()
        await lanes.drain(5)
        assert answers.all == [("status", 1), ("status", True)]
        lanes.close()

    run(test())


def test_the_loop_is_woken_once_for_reads_that_wait_together() -> None:
    async def test() -> None:
        loop, answers, calls = asyncio.get_running_loop(), Answers(), []

        class Counting:
            """The loop, as far as lanes use it."""

            call_soon = staticmethod(loop.call_soon)

            @staticmethod
            def call_soon_threadsafe(function: object, *arguments: object) -> None:
                calls.append(function)
                loop.call_soon_threadsafe(function, *arguments)  # type: ignore[arg-type]

        lanes: Lanes[str] = Lanes(Counting(), lanes=1)  # type: ignore[arg-type]
        for index in range(50):
            lanes.submit(index, "status", lambda: 1, answers.done)
        assert await answers.count(50) == [("status", 1)] * 50
        assert len(calls) == 1
        lanes.close()

    run(test())


def test_where_every_lane_is_stuck_reads_time_out_instead_of_piling_up() -> None:
    async def test() -> None:
        answers, release = Answers(), threading.Event()
        lanes: Lanes[str] = Lanes(asyncio.get_running_loop(), lanes=2, deadline=0.05)
        threads = threading.active_count()
        for index in range(8):
            lanes.submit(index, "pss", release.wait, answers.done)
        for _ in range(8):
            lanes.expire(time.monotonic() + 1)
        assert answers.all == [("pss", TimeoutError)] * 8
        assert lanes.waiting == 0
        assert threading.active_count() - threads <= 4
        release.set()
        lanes.close()

    run(test())


def test_a_stuck_read_does_not_keep_the_process_from_ending(tmp_path: object) -> None:
    import subprocess
    import sys

    code = (
        "import asyncio, threading\n"
        "from brimwatch.runtime.lanes import Lanes\n"
        "async def main():\n"
        "    lanes = Lanes(asyncio.get_running_loop())\n"
        "    lanes.submit('a', 'pss', threading.Event().wait, lambda *_: None)\n"
        "    await lanes.drain(0.1)\n"
        "    lanes.close()\n"
        "asyncio.run(main())\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0


@pytest.mark.parametrize("count", [100])
def test_many_owners_are_all_served(count: int) -> None:
    async def test() -> None:
        answers = Answers()
        lanes: Lanes[str] = Lanes(asyncio.get_running_loop())
        for index in range(count):
            lanes.submit(index, str(index), lambda index=index: index, answers.done)
        found = await answers.count(count)
        assert sorted(found, key=lambda pair: int(pair[0])) == [(str(index), index) for index in range(count)]
        lanes.close()

    run(test())
