import asyncio
import threading

import pytest

from brimwatch.act.aside import aside


def test_the_answer_comes_back() -> None:
    assert asyncio.run(aside(lambda: 42, 5.0, "test")) == 42


def test_what_was_raised_is_raised_again() -> None:
    def fail() -> int:
        raise PermissionError("no")

    with pytest.raises(PermissionError, match="no"):
        asyncio.run(aside(fail, 5.0, "test"))


def test_a_read_that_hangs_is_left_behind_and_a_third_is_not_begun() -> None:
    let_go = threading.Event()
    begun: list[int] = []

    def hang() -> bool:
        begun.append(1)
        return let_go.wait(30)

    async def three() -> list[type[BaseException] | None]:
        found: list[type[BaseException] | None] = []
        for _ in range(3):
            try:
                await aside(hang, 0.05, "test")
            except TimeoutError as error:
                found.append(type(error))
        return found

    try:
        assert asyncio.run(three()) == [TimeoutError] * 3
        assert len(begun) == 2
    finally:
        let_go.set()
    for thread in threading.enumerate():
        if thread.name == "test":
            thread.join(5)
    assert asyncio.run(aside(lambda: 1, 5.0, "test")) == 1
