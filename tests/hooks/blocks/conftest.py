"""What do tests of the blocks share? Requests, a clock of their own, and blocks that are forgotten afterwards."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from brimwatch.hooks.block import MEMBERS
from brimwatch.hooks.request import Request


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ask() -> Callable[..., Request]:
    """`ask("critical", needed_bytes=5)` is a request whose measured bytes are none, whatever this process does."""

    def make(tier: str = "critical", seconds: float = 10.0, **options: Any) -> Request:
        request = Request(tier, seconds, **options)
        request._before = 0  # so that reclaimed_bytes() is below 0
        return request

    return make


@pytest.fixture
def enter() -> Iterator[Callable[[str], None]]:
    """`enter("emergency")` is what an agent tells the blocks; afterwards it is calm again."""
    yield MEMBERS._tell
    MEMBERS._tell("calm")


@pytest.fixture(autouse=True)
def forget_blocks() -> Iterator[None]:
    """At most 64 hooks: the blocks of one test are not left to the next."""
    before = {id(block) for block in MEMBERS.living()}
    yield
    for block in MEMBERS.living():
        if id(block) not in before:
            MEMBERS.discard(block)
