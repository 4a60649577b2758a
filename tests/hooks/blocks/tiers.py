"""How does a test put this process into a tier? As a daemon would: its word holds for a while, subscribers are told."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from brimwatch.hooks import api
from brimwatch.hooks.state import tell


def enter(tier: str) -> None:
    state = api._state()
    state.judgement.tell(tier, time.monotonic() + 1000, None)
    tell(state.registry, tier)


def leave() -> None:
    """Nobody judges any more."""
    enter("calm")
    api._state().judgement.tell("calm", 0.0, {})
    api._state().judgement.judge(None, time.monotonic())


@contextmanager
def in_tier(tier: str) -> Iterator[None]:
    """The tier inside; afterwards nobody judges any more."""
    enter(tier)
    try:
        yield
    finally:
        leave()
