"""Does the pool keep at most so many sessions, none idle for long, and close each that leaves exactly once?"""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hooks.blocks.conftest import Clock

from brimwatch import hooks
from brimwatch.hooks import SessionPool
from brimwatch.hooks.request import Request

steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("make", "put", "get", "pop", "close")), st.integers(0, 12)),
        st.tuples(st.just("wait"), st.floats(-50, 50)),
        st.tuples(st.just("shrink"), st.sampled_from(("warning", "critical", "emergency"))),
    ),
    max_size=80,
)


@settings(max_examples=50, deadline=None)
@given(steps, st.integers(0, 6))
def test_bounds_hold_under_any_load_and_each_session_is_closed_once(load: list[Any], most: int) -> None:
    clock, closed, popped, made = Clock(), Counter[int](), set(), 0
    pool = SessionPool(most, 30.0, on_close=lambda _, session: closed.update([session]), name="random", clock=clock)
    try:
        for step in load:
            made += 1
            if step[0] == "make":
                assert pool.get(step[1], lambda number=made: number) not in closed
                popped |= set() if most else {made}  # nothing is kept: the session is the caller's alone
            elif step[0] == "put":
                pool.put(step[1], made)
            elif step[0] == "get":
                assert pool.get(step[1]) not in closed
            elif step[0] == "pop":
                popped.add(pool.pop(step[1]))
            elif step[0] == "close":
                pool.close_one(step[1])
            elif step[0] == "wait":
                clock.now += step[1]
            else:
                pool.shrink(Request(step[1], 5))
                assert len(pool) <= {"warning": most, "critical": most // 2, "emergency": most // 10}[step[1]]
            assert len(pool) <= most
            assert closed.keys() & popped == set()
    finally:
        pool.close()
    assert set(closed.values()) <= {1}
    assert len(pool) == 0


def test_five_hundred_sessions_of_half_an_hour_under_load_from_threads() -> None:
    open_now, most_seen, guard = Counter[int](), [], threading.Lock()

    def close(key: Any, _: object) -> None:
        with guard:
            open_now[key] -= 1

    pool = SessionPool(on_close=close)

    def load(seed: int) -> None:
        for number in range(2000):
            key = seed * 2000 + number
            with guard:
                open_now[key] += 1
            pool.put(key, {"messages": [number]})
            pool.get(key - 100)
            most_seen.append(len(pool))

    threads = [threading.Thread(target=load, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(pool), max(most_seen) <= 500) == (500, True)
    assert {key for key, count in open_now.items() if count} == set(pool.keys())


def test_a_session_goes_when_nobody_has_asked_for_it_for_that_long(clock: Clock) -> None:
    closed: list[Any] = []
    pool = SessionPool(on_close=lambda key, _: closed.append(key), clock=clock)
    pool.put("a", "1")
    pool.put("b", "2")
    clock.now += 1799
    assert pool.get("b") == "2"
    clock.now += 1
    assert (pool.sweep(), closed, pool.keys()) == (1, ["a"], ["b"])
    clock.now -= 5000  # nothing is lost by a jump back, and nothing is kept for longer than from now on
    assert pool.get("b") == "2"
    clock.now += 1800
    assert (pool.get("b"), closed) == (None, ["a", "b"])
    pool.put("c", "3")
    clock.now -= 5000
    pool.put("d", "4")
    clock.now += 1799
    assert (pool.sweep(), len(pool)) == (0, 2)
    clock.now += 1
    assert (pool.sweep(), closed) == (2, ["a", "b", "c", "d"])


def test_the_least_recently_used_goes_first_and_nearly_all_in_an_emergency(ask: Callable[..., Request]) -> None:
    pool = SessionPool(20)
    for key in range(21):
        pool.put(key, "x" * 1000)
    pool.get(1)
    assert pool.keys() == [*range(2, 21), 1]
    assert pool.shrink(ask("warning")) == 0
    assert 1000 < pool.shrink(ask("critical", needed_bytes=1000)) < 1500
    assert 9000 < pool.shrink(ask("critical")) < 13000
    assert len(pool) == 10
    pool.shrink(ask("emergency", needed_bytes=1))
    assert pool.keys() == [20, 1]


def test_of_two_that_are_made_at_once_the_first_is_kept_and_the_other_closed() -> None:
    closed: list[Any] = []
    pool = SessionPool(on_close=lambda _, session: closed.append(session))

    def make() -> str:
        pool.put("k", "first")
        return "second"

    assert (pool.get("k", make), closed) == ("first", ["second"])
    pool.put("k", "third")
    assert (closed, pool.pop("k"), pool.pop("k")) == (["second", "first"], "third", None)


def test_a_pool_for_nobody_keeps_nothing() -> None:
    closed: list[Any] = []
    pool = SessionPool(0, on_close=lambda _, session: closed.append(session))
    assert (pool.get("k", lambda: "mine"), len(pool), closed) == ("mine", 0, [])
    pool.put("k", "x")
    assert closed == ["x"]


def test_a_close_that_raises_is_counted_and_the_next_is_closed_too() -> None:
    def close(key: Any, _: object) -> None:
        raise OSError(key)

    pool = SessionPool(2, on_close=close)
    for key in range(5):
        pool.put(key, "x")
    assert (len(pool), pool.info()["close_faults"], pool.info()["evicted"]) == (2, 3.0, 3.0)


def test_it_shows_its_size_or_that_it_is_unknown() -> None:
    pool = SessionPool(name="visits")
    pool.put("a", {"messages": ["x" * 1000]})
    pool.get("a")
    pool.get("b")
    shown = hooks.status()["caches"]["visits"]
    assert 1000 < shown["footprint_bytes"] < 2000
    assert (shown["hit_ratio"], shown["info"]["entries"]) == (0.5, 1.0)
    pool.put("c", threading.Lock())
    assert pool.size_bytes() is None


@pytest.mark.parametrize(
    "arguments",
    [{"max_sessions": -1}, {"max_sessions": 1.5}, {"idle_seconds": 0}, {"idle_seconds": "5"}, {"on_close": "close"}],
    ids=str,
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"SessionPool.*found .*wanted "):
        SessionPool(**arguments)


def test_a_ctrl_c_amid_closing_goes_on_once_all_are_closed() -> None:
    closed: list[object] = []

    def close(key: object, _session: object) -> None:
        closed.append(key)
        if key == 1:
            raise KeyboardInterrupt

    pool = SessionPool(5, on_close=close)
    for number in range(3):
        pool.put(number, number)
    with pytest.raises(KeyboardInterrupt):
        pool.close()
    assert closed == [0, 1, 2]


def test_one_that_is_idle_for_too_long_is_not_in_it(clock: Clock) -> None:
    pool = SessionPool(5, 10, clock=clock)
    pool.put("a", 1)
    assert "a" in pool
    clock.now += 10
    assert "a" not in pool
