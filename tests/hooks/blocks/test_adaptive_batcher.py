"""Do batches follow memory down to none and back, with every item once and in order?"""

import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hooks.blocks.forking import in_child
from tests.hooks.blocks.tiers import enter, in_tier
from tests.hooks.speaking import Target

from brimwatch import hooks
from brimwatch.hooks import adaptive_batcher
from brimwatch.hooks.settings import SETTINGS

GB = 1_000_000_000
STEPS = [("1GB", 5), ("1.5GB", 1)]


def batcher(sizes: Any, **arguments: Any) -> hooks.AdaptiveBatcher:
    """One that sees these sizes one after the other, and the last one from then on."""
    seen = itertools.chain(sizes, itertools.repeat(sizes[-1]))
    return hooks.AdaptiveBatcher(**{"steps": STEPS, "measure": lambda: next(seen), **arguments})


@pytest.mark.parametrize(
    ("resident", "expected"),
    [
        pytest.param(0, 5, id="little"),
        pytest.param(GB - 1, 5, id="just below the first step"),
        pytest.param(GB, 1, id="at the first step the next one counts"),
        pytest.param(3 * GB // 2 - 1, 1, id="just below the last"),
        pytest.param(3 * GB // 2, 0, id="at the last nothing may pass"),
        pytest.param(None, 1, id="what cannot be measured is the smallest that lets something pass"),
    ],
)
def test_steps_are_five_below_one_gigabyte_one_up_to_one_and_a_half_and_none_above(
    resident: int | None, expected: int
) -> None:
    assert batcher([resident]).allowed() == expected


def test_batches_shrink_and_grow_again() -> None:
    sizes = [0, 0, GB, GB, 0, 0]
    assert [len(batch) for batch in batcher(sizes)(range(20))] == [5, 5, 1, 1, 5, 3]


@pytest.mark.parametrize(("tier", "expected"), [("calm", 50), ("warning", 12), ("critical", 1), ("emergency", 0)])
def test_without_steps_the_tier_decides(tier: str, expected: int) -> None:
    found = hooks.AdaptiveBatcher(size=25, measure=lambda: 1)
    with in_tier(tier):
        assert found.allowed() == expected


def test_while_memory_is_not_plentiful_a_batch_is_as_large_as_was_said() -> None:
    assert hooks.AdaptiveBatcher(size=25, measure=lambda: 1 << 50).allowed() == 25


def test_the_size_is_the_setting_of_the_level() -> None:
    try:
        hooks.configure(level="basic")
        assert hooks.AdaptiveBatcher(measure=lambda: 1 << 50).allowed() == 50
    finally:
        SETTINGS.configure("standard", {})
    assert hooks.AdaptiveBatcher(measure=lambda: 1 << 50).allowed() == 25


def test_with_steps_and_tiers_the_smaller_one_counts() -> None:
    found = batcher([0], tiers={"warning": 2, "critical": 9})
    allowed = []
    for tier in ("calm", "warning", "critical"):
        with in_tier(tier):
            allowed.append(found.allowed())
    assert allowed == [5, 2, 5]


def test_where_none_may_pass_hooks_are_asked_and_it_waits_until_the_tier_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adaptive_batcher, "POLL", 60.0)  # the change of the tier wakes it
    looks: list[int] = []

    def measure() -> int:
        looks.append(1)
        return 1 << 50

    found = hooks.AdaptiveBatcher(size=5, measure=measure, deadline=30)
    batches: list[list[int]] = []
    with in_tier("emergency"):
        thread = threading.Thread(target=lambda: batches.extend(found(range(7))))
        thread.start()
        end = time.monotonic() + 10
        while len(looks) < 2 and time.monotonic() < end:
            time.sleep(0.001)
        assert (batches, found.waits) == ([], 1)
        enter("calm")
        thread.join(10)
    assert batches == [[0, 1, 2, 3, 4], [5, 6]]
    assert 0 < found.waited_seconds < 20


def test_after_the_deadline_it_is_refused_and_nothing_was_taken() -> None:
    items = iter(range(8))
    found = batcher([0, 2 * GB], deadline=0.05)
    batches = []
    with pytest.raises(hooks.MemoryRefused, match="after 0"):
        batches.extend(found(items))
    assert next(items) == 5


def test_a_deadline_of_nothing_refuses_at_once() -> None:
    with pytest.raises(hooks.MemoryRefused):
        next(batcher([2 * GB], deadline=0)([1]))


@pytest.mark.parametrize(
    "jump", [pytest.param(-1e9, id="back"), pytest.param(0.0, id="nowhere"), pytest.param(1e9, id="far ahead")]
)
def test_a_clock_that_jumps_ends_the_wait_all_the_same(jump: float) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += jump
        return now[0]

    began = time.monotonic()
    with pytest.raises(hooks.MemoryRefused):
        next(batcher([2 * GB], deadline=0.5, clock=clock)([1]))
    assert time.monotonic() - began < 10


def test_cleanup_runs_between_batches_and_not_before_the_first() -> None:
    order: list[Any] = []
    found = batcher([0], cleanup=lambda: order.append("clean"))
    for _ in map(order.append, map(len, found(range(12)))):
        pass
    assert order == [5, "clean", 5, "clean", 2, "clean"]
    assert found.cleanups == 3


def test_young_cycles_are_collected_between_batches() -> None:
    gc.disable()
    try:
        before = gc.get_count()[0]
        for _ in batcher([0])([[] for _ in range(500)]):
            pass
        assert gc.get_count()[0] < before + 500
    finally:
        gc.enable()


def test_what_the_iterable_raises_goes_through_and_what_came_before_is_not_lost_twice() -> None:
    def items() -> Iterator[int]:
        yield from range(7)
        raise KeyError("broken")

    batches: list[list[int]] = []
    with pytest.raises(KeyError):
        batches.extend(batcher([0])(items()))
    assert batches == [[0, 1, 2, 3, 4]]


def test_an_empty_iterable_has_no_batch() -> None:
    assert list(batcher([0])([])) == []


def test_one_iterator_may_be_shared_by_threads() -> None:
    found = batcher([0])
    shared, seen = found(range(5000)), []
    threads = [threading.Thread(target=lambda: seen.extend(shared)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(itertools.chain.from_iterable(seen)) == list(range(5000))
    assert (found.items, found.batches) == (5000, 1000)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 60),
    st.lists(st.one_of(st.none(), st.integers(0, 30)), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(1, 25), st.integers(1, 9)), min_size=1, max_size=4, unique_by=lambda step: step[0]),
)
def test_every_item_comes_once_and_in_order(count: int, sizes: list[int | None], steps: list[tuple[int, int]]) -> None:
    steps.sort()
    seen = itertools.chain(sizes, itertools.repeat(0))  # in the end there is room
    found = hooks.AdaptiveBatcher(steps=steps, measure=lambda: next(seen), deadline=0, cleanup=None)
    items, passed, refused = iter(range(count)), [], 0
    while len(passed) < count:
        try:
            for batch in found(items):
                assert 0 < len(batch) <= max(items for _, items in steps)
                passed += batch
        except hooks.MemoryRefused:
            refused += 1
    assert passed == list(range(count))
    assert refused <= found.waits <= len(sizes)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"size": 0}, id="no item"),
        pytest.param({"size": True}, id="a size that is no number"),
        pytest.param({"steps": []}, id="no step"),
        pytest.param({"steps": [("1GB", 0)]}, id="steps at which nothing ever passes"),
        pytest.param({"steps": [("1GB", 1), ("1GB", 2)]}, id="a step twice"),
        pytest.param({"steps": [("2GB", 1), ("1GB", 2)]}, id="steps that descend"),
        pytest.param({"steps": [("1GB", -1)]}, id="less than none"),
        pytest.param({"tiers": {"high": 1}}, id="a tier that there is not"),
        pytest.param({"deadline": -1}, id="a deadline in the past"),
        pytest.param({"deadline": float("nan")}, id="a deadline that is no number"),
        pytest.param({"cleanup": "all"}, id="a cleanup that there is not"),
    ],
)
def test_wrong_arguments_are_refused_where_they_are_written(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="hooks"):
        hooks.AdaptiveBatcher(**arguments)


def test_statistics_are_figures_of_its_hook() -> None:
    found = batcher([0], name="rows")
    list(found(range(7)))
    assert found.info() == {"items": 7, "batches": 2, "size": 5, "waits": 0, "waited_seconds": 0.0, "cleanups": 2}
    outcome = hooks.reclaim("warning", names=[found.name])["hooks"][0]
    assert (outcome["outcome"], found.cleanups) == ("ran", 3)


def test_a_child_forked_while_a_batch_is_taken_takes_its_own() -> None:
    inside, end = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        inside.set()
        end.wait(10)
        yield 1

    found = batcher([0])
    shared = found(items())
    thread = threading.Thread(target=lambda: next(shared))
    thread.start()
    assert inside.wait(10)
    code = in_child(lambda: len(next(found([1, 2, 3]))))
    end.set()
    thread.join()
    assert code == 3


REAL = """
limit = 120_000_000 + hooks.status()['stats']['rss_bytes']
batcher = hooks.AdaptiveBatcher(steps=[(limit, 5), (limit + 100_000_000, 1)], deadline=30)
held, sizes = [], []
@hooks.on('critical')
def drop(request):
    held.clear()
for batch in batcher(range(100)):
    sizes.append(len(batch))
    held.append(bytearray(b'x') * 30_000_000)
print(sum(sizes), {1, 5} <= set(sizes), batcher.waits > 0)
"""


@pytest.mark.live
def test_a_real_process_slows_down_stops_and_goes_on(start: Callable[..., Target]) -> None:
    target = start(f"code = {REAL!r}")
    assert target.run("exec(code)") == "100 True True"


def test_more_left_than_is_resident_is_plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptive_batcher, "headroom", lambda: (1000, "cgroup"))
    assert [hooks.AdaptiveBatcher(size=25, measure=lambda: size).allowed() for size in (999, 1000)] == [50, 25]  # noqa: B023
