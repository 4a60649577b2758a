"""Does the cache stay within its bytes, lose first what matters least, and hand out nothing that is stale?"""

import gc
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hooks.blocks.conftest import Clock

from brimwatch import hooks
from brimwatch.hooks import PriorityCache
from brimwatch.hooks.caching.shelf import ENTRY_BYTES
from brimwatch.hooks.request import Request
from brimwatch.hooks.settings import LEVELS, SETTINGS

CLASSES = ("critical", "important", "general")
ONE = ENTRY_BYTES + sys.getsizeof(0)  # an entry of no bytes under a small number
KB = 1000

steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 30), st.sampled_from(CLASSES), st.integers(0, 3 * KB)),
        st.tuples(st.just("get"), st.integers(0, 30)),
        st.tuples(st.just("delete"), st.integers(0, 30)),
        st.tuples(st.just("wait"), st.floats(-20, 20)),
        st.tuples(st.just("tell"), st.sampled_from(("calm", "warning", "critical", "emergency"))),
        st.tuples(st.just("shrink"), st.sampled_from(("warning", "critical", "emergency")), st.integers(0, 9 * KB)),
    ),
    max_size=60,
)


def names_of(cache: PriorityCache, kind: str) -> list[Any]:
    return list(cache._stock.named[kind].entries)


def bounds_hold(cache: PriorityCache, most: int) -> None:
    for shelf in cache._stock.every:
        assert 0 <= shelf.bytes <= shelf.budget
        assert shelf.bytes == sum(entry[1] for entry in shelf.entries.values())
    assert len(cache) <= most


@settings(max_examples=50, deadline=None)
@given(steps)
def test_no_budget_is_ever_exceeded_and_nothing_stale_is_handed_out(load: list[Any]) -> None:
    clock, stored = Clock(), dict[int, tuple[int, float]]()
    cache = PriorityCache(
        dict(zip(CLASSES, (6 * KB, 4 * KB, 0), strict=True)), ttl=10, max_entries=9, emergency_bytes=2 * KB,
        sizeof=lambda value: value[1], name="random", clock=clock,
    )  # fmt: skip
    try:
        for number, step in enumerate(load):
            if step[0] == "set" and cache.set(step[1], (number, step[3]), step[2]):
                stored[step[1]] = (number, clock.now)
            elif step[0] == "set":
                stored.pop(step[1], None)
            elif step[0] == "get" and (found := cache.get(step[1])) is not None:
                assert found[0] == stored[step[1]][0]
                assert 0 <= clock.now - stored[step[1]][1] < 10
            elif step[0] == "delete":
                cache.delete(step[1])
                stored.pop(step[1], None)
            elif step[0] == "wait":
                clock.now += step[1]
            elif step[0] == "tell":
                cache.tier_changed(step[1])
            elif step[0] == "shrink":
                held = cache.size_bytes()
                assert cache.shrink(Request(step[1], 5, step[2] or None)) == held - cache.size_bytes()
            bounds_hold(cache, 9)
    finally:
        cache.close()


def test_without_budgets_it_has_those_of_its_level() -> None:
    budgets = {kind: found["budget_bytes"] for kind, found in PriorityCache().stats()["classes"].items()}
    assert budgets == {"critical": 2_000_000, "important": 1_500_000, "general": 1_000_000, "emergency": 500_000}


@pytest.mark.parametrize(
    ("level", "expected"), [("basic", 10_000_000), ("standard", 5_000_000), ("aggressive", 2_500_000)]
)
def test_a_level_sets_the_whole(level: str, expected: int) -> None:
    try:
        SETTINGS.configure(level, {})
        assert PriorityCache().stats()["budget_bytes"] == expected
    finally:
        SETTINGS.configure("standard", LEVELS["standard"])


def test_an_emergency_clears_what_is_general_first_and_keeps_critical_to_the_last(ask: Callable[..., Request]) -> None:
    def filled() -> PriorityCache:
        cache = PriorityCache(dict.fromkeys(CLASSES, 10 * ONE), sizeof=lambda _: 0)
        for number, kind in enumerate(CLASSES * 10):
            assert cache.set(number + 1, "", kind)
        return cache

    def left(tier: str, needed: int | None) -> list[int]:
        cache = filled()
        cache.shrink(ask(tier, needed_bytes=needed))
        return [len(names_of(cache, kind)) for kind in CLASSES]

    whole = 30 * ONE
    assert left("warning", None) == [10, 10, 5]
    assert left("warning", 2 * ONE) == [10, 10, 8]
    assert left("critical", None) == [10, 5, 0]
    assert left("critical", 3 * ONE) == [10, 10, 7]
    assert left("critical", whole) == [10, 5, 0]
    assert left("emergency", None) == [10, 0, 0]
    assert left("emergency", 3 * ONE) == [10, 0, 0]
    assert left("emergency", 24 * ONE) == [6, 0, 0]
    assert left("emergency", whole) == [0, 0, 0]


def test_a_class_alone_is_the_least_important_one(ask: Callable[..., Request]) -> None:
    for tier, expected in (("warning", 5), ("critical", 0), ("emergency", 0)):
        cache = PriorityCache({"responses": 10 * ONE}, sizeof=lambda _: 0)
        for key in range(1, 11):
            cache.set(key, "")
        assert cache.shrink(ask(tier)) == (10 - expected) * ONE
        assert len(cache) == expected


def test_in_an_emergency_only_the_buffer_and_the_first_class_take_values(enter: Callable[[str], None]) -> None:
    cache = PriorityCache({"critical": 5 * ONE, "general": 5 * ONE}, emergency_bytes=2 * ONE, sizeof=lambda _: 0)
    enter("emergency")
    assert [cache.set(key, "", "general") for key in range(1, 5)] == [True] * 4
    assert cache.set(9, "", "critical")
    assert sorted(cache.keys(), key=int) == [3, 4, 9]
    enter("warning")
    assert cache.keys() == [9]
    without = PriorityCache({"general": 5 * ONE}, sizeof=lambda _: 0)
    enter("emergency")
    assert without.set(1, "") is False


def test_the_least_recently_used_goes_and_more_important_ones_stay() -> None:
    cache = PriorityCache({"critical": 100 * ONE, "general": 2 * ONE}, max_entries=3, sizeof=lambda _: 0)
    assert [cache.set(1, "a"), cache.set(2, "b"), cache.get(1), cache.set(3, "c")] == [True, True, "a", True]
    assert cache.keys() == [1, 3]
    for key in (4, 5, 6):
        assert cache.set(key, "", "critical")
    assert (cache.keys(), cache.set(7, "")) == ([4, 5, 6], False)


@pytest.mark.parametrize(("entries", "ttl"), [(50, 300), (100, 180)])
def test_response_and_retrieval_caches_of_so_many_entries_and_minutes(entries: int, ttl: int, clock: Clock) -> None:
    cache = PriorityCache({"answers": 10_000_000}, max_entries=entries, ttl=ttl, clock=clock)
    for key in range(entries + 7):
        assert cache.set(key, "answer")
    assert cache.keys() == list(range(7, entries + 7))
    assert cache.hit_ratio() is None
    assert [cache.get(key) for key in (0, 8, 9, 10)] == [None, "answer", "answer", "answer"]
    assert cache.hit_ratio() == 0.75
    clock.now += ttl - 0.001
    assert 8 in cache
    clock.now += 0.001
    assert (8 in cache, cache.get(8), len(cache.keys())) == (False, None, 0)


def test_what_has_expired_makes_room_before_what_has_not(clock: Clock) -> None:
    cache = PriorityCache({"general": 4 * ONE}, sizeof=lambda _: 0, clock=clock)
    for key, ttl in ((1, 100.0), (2, 5.0), (3, 5.0), (4, 100.0)):
        cache.set(key, "", ttl=ttl)
    clock.now += 50
    cache.set(5, "")
    assert (cache.keys(), cache.stats()["expired"], cache.stats()["evicted"]) == ([1, 4, 5], 2, 0)


@pytest.mark.parametrize("jump", [-500.0, 500.0, float("nan"), float("inf")])
def test_after_a_jump_of_the_clock_nothing_is_handed_out_that_might_be_stale(clock: Clock, jump: float) -> None:
    cache = PriorityCache({"general": 4 * ONE}, ttl=60, sizeof=lambda _: 0, clock=clock)
    cache.set(1, "old")
    clock.now += jump
    assert cache.get(1) is None
    clock.now = 2000.0
    assert cache.set(1, "new")
    assert cache.get(1) == "new"


class Deceitful:
    def __sizeof__(self) -> int:
        raise SystemError("no")


@pytest.mark.parametrize(
    ("value", "sizeof"),
    [
        pytest.param(threading.Lock(), None, id="an object of C code"),
        pytest.param(Deceitful(), None, id="one that lies"),
        pytest.param("x", lambda _: None, id="a sizeof that does not know"),
        pytest.param("x", lambda _: -1, id="a sizeof below zero"),
        pytest.param("x", lambda _: 1 / 0, id="a sizeof that raises"),
        pytest.param("x" * 10_000, None, id="larger than the budget"),
    ],
)
def test_a_value_whose_size_cannot_be_known_is_not_kept_nor_what_it_replaces(value: Any, sizeof: Any) -> None:
    cache = PriorityCache({"general": 5 * KB}, sizeof=sizeof)
    cache._stock.store("key", "before", 100, cache._stock.shelves[0], 1e9, [])
    assert cache.set("key", value) is False
    assert (cache.get("key"), cache.size_bytes(), cache.stats()["refused"]) == (None, 0, 1)
    assert cache.get_or_compute("key", lambda: value) is value


def test_a_budget_of_nothing_keeps_nothing() -> None:
    for cache in (PriorityCache({"general": 0}), PriorityCache({"general": 5 * KB}, max_entries=0)):
        assert cache.set(1, "") is False
        assert (cache.get_or_compute(1, lambda: 5), len(cache)) == (5, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"budgets": {}},
        {"budgets": {"general": -1}},
        {"budgets": {"general": 1.5}},
        {"budgets": {"emergency": 5}},
        {"ttl": 0},
        {"ttl": float("nan")},
        {"max_entries": -1},
        {"emergency_bytes": -1},
        {"name": "<none>"},
        {"name": ["a"]},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_where_it_was_written(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"found .*wanted "):
        PriorityCache(**arguments)
    with pytest.raises(ValueError, match="found the priority 'x'"):
        PriorityCache().set(1, 1, "x")


def test_eviction_during_iteration_disturbs_nobody(ask: Callable[..., Request]) -> None:
    cache = PriorityCache({"general": 50 * ONE}, sizeof=lambda _: 0)
    for key in range(1, 50):
        cache.set(key, "")
    seen = []
    for key in cache:
        seen.append(key)
        cache.set(1000 + len(seen), "")
        cache.shrink(ask("critical"))
    assert seen == list(range(1, 50))


def test_it_registers_itself_and_is_forgotten_with_the_program_s_last_reference() -> None:
    first, second = PriorityCache(name="answers"), PriorityCache(name="answers", group="replies")
    first.set("a", "b" * 1000)
    first.get("a")
    assert (first.name, second.name) == ("answers", "answers-2")
    shown = hooks.status()["caches"]["answers"]
    assert shown["hit_ratio"] == 1.0
    assert 1000 < shown["footprint_bytes"] < 1600
    assert shown["info"]["entries"] == 1.0
    answer = hooks.reclaim("critical", names=["answers"])
    assert answer["hooks"][0]["claimed_bytes"] == shown["footprint_bytes"]
    del first
    gc.collect()
    PriorityCache(name="other").close()
    assert [name for name in hooks.status()["caches"] if name in ("answers", "answers-2", "other")] == ["answers-2"]


def test_what_has_expired_is_freed_without_the_lock(clock: Clock) -> None:
    free: list[bool] = []

    class Value:
        def ask(self) -> None:
            free.append(cache.lock.acquire(timeout=5))
            if free[-1]:
                cache.lock.release()

        def __del__(self) -> None:
            asking = threading.Thread(target=self.ask)
            asking.start()
            asking.join(10)

    cache = PriorityCache({"general": 5 * KB}, ttl=1, clock=clock, sizeof=lambda _: 1)
    cache.set("a", Value())
    cache.set("b", Value())
    clock.now += 2
    assert (cache.get("a"), cache.get_or_compute("b", lambda: 5), free) == (None, 5, [True, True])
