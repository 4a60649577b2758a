"""Does the guard refuse what does not fit, and say what the rest has cost?"""

import asyncio
import logging
import subprocess
import sys
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hooks.blocks.forking import in_child
from tests.hooks.conftest import DAEMON

from brimwatch import hooks
from brimwatch.hooks import guarding
from brimwatch.hooks.process import rss

SIZE = 40_000_000


def resident() -> int:
    found = rss()
    assert found is not None
    return found


def info(name: str) -> dict[str, float]:
    return guarding.GUARDS.records[name].info()


def test_cost_and_duration_are_measured_logged_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "brimwatch.hooks")
    with hooks.memory_guard("import") as cost:
        held = bytearray(b"x") * SIZE
    assert cost.cost_bytes is not None
    assert 0.9 * SIZE <= cost.cost_bytes < 1.5 * SIZE
    assert cost.seconds is not None
    assert cost.seconds > 0
    assert not cost.shared
    assert f"memory_guard import: cost_bytes={cost.cost_bytes}" in caplog.text
    hooks.status()
    found = info("import")
    assert (found["calls"], found["cost_bytes"], found["largest_cost_bytes"]) == (1, cost.cost_bytes, cost.cost_bytes)
    assert len(held) == SIZE


def test_it_is_among_the_figures_of_the_agent() -> None:
    with hooks.memory_guard("figures"):
        pass
    hooks.api._state().figures.refresh(hooks.api.REGISTRY)
    (found,) = [hook for hook in hooks.status()["hooks"] if hook["name"] == "guard:figures"]
    assert found["info"]["calls"] == 1


def test_what_does_not_fit_is_refused_before_it_begins() -> None:
    ran: list[int] = []

    @hooks.memory_guard("refused", needs="200MB", limit=resident() + 100_000_000)
    def work() -> None:
        ran.append(1)

    with pytest.raises(hooks.MemoryRefused) as caught:
        work()
    assert (ran, caught.value.needed_bytes, caught.value.source) == ([], 200_000_000, "guard")
    assert caught.value.headroom_bytes < 200_000_000
    assert (info("refused")["refused"], info("refused")["reclaims"], info("refused")["calls"]) == (1, 1, 0)


def test_hooks_are_asked_once_and_what_they_give_back_counts() -> None:
    held = [bytearray(b"x") * 80_000_000]
    asked: list[int] = []

    @hooks.on("critical", name="test-held")
    def drop(request: hooks.Request) -> None:
        asked.append(request.needed_bytes or 0)
        held.clear()

    try:
        with hooks.memory_guard("fits-then", needs="50MB", limit=resident() + 20_000_000) as cost:
            assert held == []
    finally:
        hooks.off("test-held")
    assert (len(asked), cost.needs) == (1, 50_000_000)
    assert 25_000_000 < asked[0] < 60_000_000


@pytest.mark.parametrize(
    ("needs", "limit", "fits"),
    [
        pytest.param(0, 0, True, id="what needs nothing is never refused"),
        pytest.param(1, 0, False, id="a budget of 0 has room for nothing"),
        pytest.param(1, 1, False, id="a limit below what is resident has none either"),
        pytest.param(1 << 61, None, False, id="more than any machine has"),
        pytest.param("1kB", "100TB", True, id="a limit that is far away"),
    ],
)
def test_bounds_may_be_extreme(needs: Any, limit: Any, fits: bool) -> None:
    if fits:
        with hooks.memory_guard("extreme", needs, limit):
            pass
    else:
        with pytest.raises(hooks.MemoryRefused), hooks.memory_guard("extreme", needs, limit):
            pass


def test_two_threads_are_not_granted_the_same_room() -> None:
    limit = resident() + 300_000_000
    inside, end = threading.Event(), threading.Event()

    def first() -> None:
        with hooks.memory_guard("first", needs="200MB", limit=limit):
            inside.set()
            end.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    try:
        with pytest.raises(hooks.MemoryRefused), hooks.memory_guard("second", needs="200MB", limit=limit):
            pass
    finally:
        end.set()
        thread.join()
    with hooks.memory_guard("second", needs="200MB", limit=limit) as cost:
        assert not cost.shared


def test_what_is_inside_another_is_part_of_it() -> None:
    limit = resident() + 300_000_000
    with (
        hooks.memory_guard("outer", needs="200MB", limit=limit) as outer,
        hooks.memory_guard("inner", needs="200MB", limit=limit) as inner,
    ):
        pass
    assert outer.shared
    assert inner.shared


def test_tasks_that_overlap_have_a_cost_each() -> None:
    guard = hooks.memory_guard("task")
    order: list[int] = []

    @guard
    async def work(number: int, gate: asyncio.Event) -> None:
        await gate.wait()
        order.append(number)

    async def cross() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        tasks = [asyncio.create_task(work(1, first)), asyncio.create_task(work(2, second))]
        await asyncio.sleep(0)
        second.set()
        await asyncio.sleep(0)
        first.set()
        await asyncio.gather(*tasks)

    asyncio.run(cross())
    assert (order, info("task")["calls"], guarding.GUARDS.inside) == ([2, 1], 2, {})


def test_an_exception_goes_through_and_is_counted_as_a_call(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "brimwatch.hooks")
    with pytest.raises(KeyError), hooks.memory_guard("raises"):
        raise KeyError
    assert (info("raises")["calls"], guarding.GUARDS.inside) == (1, {})
    assert "ended=KeyError" in caplog.text


def test_one_that_is_left_in_another_context_is_not_kept() -> None:
    guard = hooks.memory_guard("wanders", needs=1)
    guard.__enter__()
    thread = threading.Thread(target=lambda: guard.__exit__(None, None, None))
    thread.start()
    thread.join()
    assert guarding.GUARDS.inside == {}


def test_a_hundred_names_do_not_use_up_the_hooks() -> None:
    code = (
        "from brimwatch import hooks\nfor n in range(100):\n    with hooks.memory_guard(f'n{n}'): pass\n"
        "from brimwatch.hooks.guarding import GUARDS\n"
        "print(len(GUARDS.records), sum(r.calls for r in GUARDS.records.values()))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=DAEMON)
    assert (answer.stdout, answer.stderr) == ("65 100\n", "")


def test_a_program_without_logging_sees_nothing_on_its_streams() -> None:
    code = (
        "import logging\nfrom brimwatch import hooks\ntry:\n    with hooks.memory_guard('x', 1, 0): pass\n"
        "except hooks.MemoryRefused: print('refused')"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=DAEMON)
    assert (answer.stdout, answer.stderr) == ("refused\n", "")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.booleans()), max_size=12))
def test_what_is_granted_together_never_exceeds_the_room(steps: list[tuple[int, bool]]) -> None:
    # The resident set stands still: nothing that was granted is taken, so all of it is promised.
    guards = guarding.Guards()
    room, inside = 1000, []
    for needs, leaves in steps:
        if leaves and inside:
            guards.inside.pop(id(inside.pop()))
        elif needs <= room - guards.promised(0):
            cost = guarding.Cost("x", needs)
            cost.before_bytes = 0
            guards.enter(cost)
            inside.append(cost)
        assert sum(cost.needs for cost in inside) <= room
        assert guards.promised(0) == sum(cost.needs for cost in inside)
        assert guards.promised(200) == max(0, sum(cost.needs for cost in inside) - 200)


@pytest.mark.parametrize("function", [3, lambda: (yield)], ids=["no function", "a generator"])
def test_only_functions_can_be_decorated(function: Any) -> None:
    with pytest.raises(ValueError, match="wanted a function"):
        hooks.memory_guard("x")(function)


def test_a_child_forked_while_others_are_inside_has_their_room() -> None:
    limit = resident() + 300_000_000
    inside, end = threading.Event(), threading.Event()

    def first() -> None:
        with hooks.memory_guard("forked", needs="250MB", limit=limit), guarding.GUARDS.lock:
            inside.set()
            end.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)

    def work() -> int:
        with hooks.memory_guard("in-child", needs="200MB", limit=limit):
            return 7

    code = in_child(work)
    end.set()
    thread.join()
    assert code == 7
