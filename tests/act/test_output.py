import asyncio
import os
import time
from collections.abc import Callable

import pytest

from brimwatch.act.output import KEPT, Beginning, Output


async def follow(write: Callable[[int], None]) -> Output:
    """An Output that has read all that `write` put into its pipe; the caller closes it."""
    output = Output()
    writing = os.dup(output.end)
    output.follow()
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, lambda: (write(writing), os.close(writing)))
    end = time.monotonic() + 20
    while not output.ended and time.monotonic() < end:
        await asyncio.sleep(0.002)
    return output


def last_line_of(content: bytes) -> str:
    async def read() -> str:
        output = await follow(lambda end: write_all(end, content))
        try:
            return output.last_line()
        finally:
            output.close()

    return asyncio.run(read())


def write_all(end: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(end, view) :]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"one\ntwo\n", "two", id="the last of two lines"),
        pytest.param(b"one\ntwo", "two", id="a last line without its end"),
        pytest.param(b"one\n\n \n\t\n", "one", id="empty lines at the end are passed over"),
        pytest.param(b"", "", id="nothing printed"),
        pytest.param(b"\n\n", "", id="nothing but empty lines"),
        pytest.param(b"10 %\r50 %\r100 %\n", "100 %", id="a progress bar's last state"),
        pytest.param(b"\x1b[31mred\x1b[0m\x07\n", "?[31mred?[0m?", id="what a terminal would obey is taken out"),
        pytest.param(b"\xff\xfe caf\xc3\xa9\n", "\ufffd\ufffd café", id="bytes that are no UTF-8"),
        pytest.param("\u202eevil\n".encode(), "?evil", id="a change of direction is taken out"),
        pytest.param(b"x" * 5_000_000, "x" * 117 + "...", id="a line without end is cut"),
        pytest.param(b"y\n" * 2_000_000 + b"the end\n", "the end", id="the end of a flood is kept"),
    ],
)
def test_the_last_line(content: bytes, expected: str) -> None:
    assert last_line_of(content) == expected


def test_only_the_last_few_kilobytes_are_held() -> None:
    async def read() -> int:
        output = await follow(lambda end: write_all(end, b"z" * 3_000_000))
        try:
            return len(output.tail)
        finally:
            output.close()

    assert asyncio.run(read()) == KEPT


def test_what_was_not_read_yet_is_read_for_the_last_line() -> None:
    async def read() -> str:
        output = Output()
        os.write(output.end, b"late\n")
        try:
            return output.last_line()
        finally:
            output.close()

    assert asyncio.run(read()) == "late"


def test_closing_twice_is_closing_once() -> None:
    before = sorted(os.listdir("/proc/self/fd"))

    async def close_twice() -> None:
        output = Output()
        output.follow()
        output.close()
        output.close()

    asyncio.run(close_twice())
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_beginning_of_a_flood_is_kept_and_said_to_be_cut() -> None:
    async def read() -> tuple[int, bytes, bool]:
        output = Beginning(1000)
        os.write(output.end, b"a" * 600)
        os.write(output.end, b"b" * 600)
        output.follow()
        output.finish()
        output.close()
        return len(output.text), bytes(output.text[-400:]), output.cut

    assert asyncio.run(read()) == (1000, b"b" * 400, True)


def test_an_answer_within_its_bounds_is_kept_whole() -> None:
    async def read() -> tuple[bytes, bool]:
        output = Beginning(1000)
        os.write(output.end, b"a" * 1000)
        output.follow()
        output.finish()
        output.close()
        return bytes(output.text), output.cut

    assert asyncio.run(read()) == (b"a" * 1000, False)
