"""Does the breaker open under pressure, try, and close by itself, by the table and for real?"""

import asyncio
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.hooks.blocks.forking import in_child
from tests.hooks.blocks.tiers import enter, in_tier
from tests.hooks.speaking import Target

from brimwatch import hooks
from brimwatch.hooks.breaker_states import CLOSED, HALF_OPEN, OPEN


class World:
    """A clock and a resident set that a test moves."""

    def __init__(self) -> None:
        self.now, self.size = 100.0, 0

    def breaker(self, **arguments: Any) -> hooks.CircuitBreaker:
        given = {"open_at": 1000, "warn_at": 500, "jitter": 0.0, **arguments}
        return hooks.CircuitBreaker(clock=lambda: self.now, size=lambda: self.size, **given)


@pytest.fixture
def world() -> World:
    return World()


def test_its_own_figures_open_it_and_below_90_percent_it_tries(world: World) -> None:
    breaker = world.breaker()
    states = []
    for size in (499, 500, 999, 1000, 950, 899):
        world.size, world.now = size, world.now + 10
        states.append((breaker.state, breaker.warned))
    assert states == [
        (CLOSED, False), (CLOSED, True), (CLOSED, True), (OPEN, True), (OPEN, True), (HALF_OPEN, True),
    ]  # fmt: skip
    with breaker:
        pass
    assert (breaker.state, breaker.opened) == (CLOSED, 2)


def test_an_open_one_says_when_to_come_back(world: World) -> None:
    breaker = world.breaker(wait=2.5)
    world.size = 1000
    with pytest.raises(hooks.CircuitOpen) as caught, breaker:
        pass
    assert (caught.value.retry_after, caught.value.headers) == (2.5, {"Retry-After": "3"})
    assert "1000 bytes are resident" in str(caught.value)
    assert not breaker.allow()
    assert breaker.info() == {"state": 2, "opened": 1, "refused": 2, "warned": 1, "retry_after_seconds": 2.5}


def test_a_tier_opens_it_whatever_its_size(world: World) -> None:
    breaker, patient = world.breaker(), world.breaker(tier="emergency")
    with in_tier("critical"):
        assert (breaker.state, patient.state) == (OPEN, CLOSED)
        world.now += 5
        assert breaker.state == OPEN
    world.now += 5
    assert breaker.allow()
    assert breaker.state == CLOSED


def test_while_nobody_tells_a_tier_it_opens_at_one_and_a_half_gigabytes(world: World) -> None:
    breaker = world.breaker(open_at=None, warn_at=None)
    world.size = 1_499_999_999
    assert (breaker.state, breaker.warned) == (CLOSED, True)
    world.size, world.now = 1_500_000_000, world.now + 1
    assert breaker.state == OPEN
    with in_tier("calm"):
        other = world.breaker(open_at=None, warn_at=None)
        assert (other.state, other.warned) == (CLOSED, False)


def test_a_memory_error_opens_it_and_other_exceptions_do_not(world: World) -> None:
    breaker = world.breaker()

    @breaker
    def work(fault: BaseException) -> None:
        raise fault

    with pytest.raises(KeyError):
        work(KeyError())
    assert breaker.state == CLOSED
    with pytest.raises(hooks.MemoryRefused):
        work(hooks.MemoryRefused("x", 1, 0, "test"))
    assert breaker.state == OPEN
    with pytest.raises(hooks.CircuitOpen, match="memory ran out"):
        work(KeyError())


def test_an_async_function_is_guarded_while_it_runs(world: World) -> None:
    breaker = world.breaker()

    @breaker
    async def work(fails: bool) -> int:
        await asyncio.sleep(0)
        if fails:
            raise MemoryError
        return 7

    async def both() -> list[Any]:
        return await asyncio.gather(work(False), work(True), work(False), return_exceptions=True)

    first, second, third = asyncio.run(both())
    assert (first, type(second), third, breaker.state) == (7, MemoryError, 7, OPEN)


def test_only_so_many_try_at_a_time(world: World) -> None:
    breaker = world.breaker(trials=3)
    world.size = 1000
    assert breaker.state == OPEN
    world.size, world.now = 0, world.now + 1
    inside, go, let = [], threading.Event(), []

    def call() -> None:
        try:
            with breaker:
                inside.append(1)
                go.wait(10)
        except hooks.CircuitOpen:
            let.append(1)

    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 10
    while len(inside) + len(let) < 20 and time.monotonic() < end:
        time.sleep(0.001)
    go.set()
    for thread in threads:
        thread.join(10)
    assert (len(inside), len(let), breaker.state) == (3, 17, CLOSED)


@pytest.mark.parametrize(
    ("arguments", "state"),
    [
        pytest.param({"open_at": 0}, OPEN, id="a budget of 0 is always used up"),
        pytest.param({"open_at": 1 << 61}, CLOSED, id="one that nothing reaches never is"),
    ],
)
def test_bounds_may_be_extreme(world: World, arguments: dict[str, Any], state: str) -> None:
    assert world.breaker(**arguments).state == state


def test_what_cannot_be_measured_neither_opens_nor_closes_it(world: World) -> None:
    breaker = world.breaker()
    world.size = None  # type: ignore[assignment]
    assert breaker.state == CLOSED
    world.size, world.now = 1000, world.now + 1
    assert breaker.state == OPEN
    world.size, world.now = None, world.now + 1  # type: ignore[assignment]
    assert breaker.state == OPEN


def test_a_clock_that_jumps_back_leaves_it_open_no_longer_than_it_was_to_be(world: World) -> None:
    breaker = world.breaker(wait=2)
    world.size = 1000
    assert breaker.state == OPEN
    world.size, world.now = 0, -1e6
    assert breaker.info()["retry_after_seconds"] == 2
    world.now += 2
    assert breaker.state == HALF_OPEN


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"tier": "calm"}, id="a tier at which it would never close"),
        pytest.param({"wait": 0}, id="no wait"),
        pytest.param({"wait": "1"}, id="a text for a wait"),
        pytest.param({"wait": 2, "longest_wait": 1}, id="a wait above the longest"),
        pytest.param({"longest_wait": math.inf}, id="a wait without end"),
        pytest.param({"trials": 0}, id="no trial"),
        pytest.param({"jitter": 1.5}, id="more chance than wait"),
        pytest.param({"open_at": "1 parsec"}, id="a size in another unit"),
    ],
)
def test_wrong_arguments_are_refused_where_they_are_written(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="hooks"):
        hooks.CircuitBreaker(**arguments)


def test_a_generator_cannot_be_guarded_by_its_call() -> None:
    def generate() -> Any:
        yield 1

    with pytest.raises(ValueError, match="no generator"):
        hooks.CircuitBreaker()(generate)


def test_a_child_forked_while_it_is_asked_can_ask() -> None:
    breaker = World().breaker()
    held, end = threading.Event(), threading.Event()

    def hold() -> None:
        with breaker.lock:
            held.set()
            end.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    code = in_child(lambda: 7 if breaker.allow() else 1)
    end.set()
    thread.join()
    assert code == 7


def test_one_that_the_program_has_dropped_hears_nothing_any_more() -> None:
    breaker = World().breaker()
    del breaker
    enter("warning")
    enter("calm")


FLASK = """
import flask, threading
app = flask.Flask('shop')
breaker = hooks.CircuitBreaker(wait=0.3, jitter=0.0)

@app.errorhandler(hooks.CircuitOpen)
def busy(fault):
    return 'short of memory', 503, fault.headers

@app.get('/report')
@breaker
def report():
    return 'a report'

client = app.test_client()
held = []
hooks.install(thresholds={'critical': hooks.status()['stats']['rss_bytes'] + 100_000_000})
def ask():
    answer = client.get('/report')
    print(answer.status_code, answer.headers.get('Retry-After'), breaker.state)
"""


@pytest.mark.live
def test_a_real_application_answers_503_while_it_is_critical_and_recovers(
    start: Callable[..., Target], wait_until: Callable[..., Any]
) -> None:
    pytest.importorskip("flask")
    target = start(FLASK, install="")
    assert target.run("ask()") == "200 None closed"
    target.run("held.append(bytearray(b'x') * 150_000_000); print()")
    wait_until(lambda: target.run("ask()") == "503 1 open", 20)
    target.run("held.clear(); print()")
    wait_until(lambda: target.run("ask()") == "200 None closed", 20)
