import asyncio
import threading

import pytest

from brimwatch.act.off_loop import Threads


def test_an_answer_and_an_error_come_back() -> None:
    threads = Threads("test", 1)

    def fail() -> None:
        raise PermissionError("no")

    assert asyncio.run(threads.run(lambda: 7, 5.0)) == 7
    with pytest.raises(PermissionError):
        asyncio.run(threads.run(fail, 5.0))


def test_what_hangs_holds_one_thread_and_what_waits_for_it_never_begins() -> None:
    threads = Threads("brimwatch-hung", 1)
    release = threading.Event()
    begun: list[int] = []

    async def both() -> None:
        with pytest.raises(TimeoutError):
            await threads.run(release.wait, 0.05)
        with pytest.raises(TimeoutError):
            await threads.run(lambda: begun.append(1), 0.05)
        assert sum(thread.name == "brimwatch-hung" for thread in threading.enumerate()) == 1
        release.set()
        assert await threads.run(lambda: "next", 5.0) == "next"

    asyncio.run(both())
    assert begun == []


def test_threads_end_with_the_work(wait_until: object) -> None:
    threads = Threads("brimwatch-short", 4)

    async def many() -> list[int]:
        return list(await asyncio.gather(*(threads.run(lambda number=number: number, 5.0) for number in range(50))))

    assert asyncio.run(many()) == list(range(50))
    assert callable(wait_until)
    wait_until(lambda: not any(thread.name == "brimwatch-short" for thread in threading.enumerate()))


def test_a_thread_that_could_not_be_had_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads("test", 1)

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            asyncio.run(threads.run(lambda: 7, 5.0))
    assert asyncio.run(threads.run(lambda: 7, 5.0)) == 7
