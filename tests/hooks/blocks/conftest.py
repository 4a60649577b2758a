"""What do tests of the blocks share? Requests, a clock, programs that print a line, and nothing left behind."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.hooks.blocks import tiers
from tests.hooks.blocks.logged import Log, states
from tests.hooks.conftest import DAEMON

from brimwatch import hooks
from brimwatch.hooks import api
from brimwatch.hooks.api import REGISTRY
from brimwatch.hooks.block import leave
from brimwatch.hooks.following import FOLLOWING
from brimwatch.hooks.guarding import GUARDS
from brimwatch.hooks.request import Request
from brimwatch.hooks.streaming import STREAMS

UNSET = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BRIMWATCH_DISABLE", "PYTHONPATH")


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
    """`enter("emergency")` is what a daemon says; afterwards nobody judges any more."""
    yield tiers.enter
    tiers.leave()


@pytest.fixture(autouse=True)
def registry() -> Iterator[Any]:
    """The registry of this process, which is afterwards as it was: the blocks of one test are not left to the next."""
    api._state()  # which adds the built-in ones, once
    hooks, subscribers, following = REGISTRY.hooks, REGISTRY.subscribers, list(FOLLOWING.blocks)
    yield REGISTRY
    owned = [hook.owner() for hook in REGISTRY.hooks.values() if hook.owner is not None and hook.name not in hooks]
    for block in owned:
        if block is not None:
            leave(block)
    REGISTRY.hooks, REGISTRY.subscribers = hooks, subscribers
    for block in FOLLOWING.blocks:
        if not any(block is one for one in following):
            FOLLOWING.discard(block)
    STREAMS.name = ""  # they would think that they are registered
    GUARDS.records.clear()


@pytest.fixture
def program(run_dir: str) -> Callable[..., Any]:
    """`program(code)` runs it with `hooks` imported, and hands back what it `say()`s: one value by JSON."""

    def run(code: str, python: str = sys.executable, **environment: str) -> Any:
        known = {name: value for name, value in os.environ.items() if name not in UNSET}
        text = (
            f"import gc, json, os, sys, threading, time\nsys.path.insert(0, {str(DAEMON)!r})\n"
            f"from brimwatch import hooks\ndef say(value): print(json.dumps(value), flush=True)\n{code}"
        )
        answer = subprocess.run(
            [python, "-W", "ignore::DeprecationWarning", "-c", text],  # 3.12 and newer warn of forks beside threads
            env={**known, "BRIMWATCH_RUN_DIR": run_dir, **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (answer.returncode, answer.stderr) == (0, "")
        return json.loads(answer.stdout)

    return run


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def made() -> Iterator[Callable[..., hooks.BackgroundServices]]:
    found: list[hooks.BackgroundServices] = []

    def make(**options: Any) -> hooks.BackgroundServices:
        found.append(hooks.BackgroundServices(**{"calm_seconds": 0.05, "stop_seconds": 5, **options}))
        return found[-1]

    yield make
    for services in found:
        services.close()


@pytest.fixture
def three(made: Any, log: Log, wait_until: Any) -> hooks.BackgroundServices:
    """One of each criticality, all running."""
    services: hooks.BackgroundServices = made()
    for criticality in ("important", "general", "critical"):
        services.add(criticality, log.service(criticality), criticality=criticality)
    services.start()
    wait_until(lambda: states(services) == dict.fromkeys(states(services), "running"))
    log.lines.clear()
    return services
