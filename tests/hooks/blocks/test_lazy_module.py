"""Is what is lazy loaded once, dropped when it may go, and kept when it may not?"""

import copy
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hooks.blocks.dropping import outcome
from tests.hooks.blocks.forking import in_child

from brimwatch import hooks
from brimwatch.hooks.following import FOLLOWING
from brimwatch.hooks.request import Request


class Model:
    def __init__(self) -> None:
        self.itself = self  # a cycle, as layers make one with their model
        self.weights = bytearray(100)

    def predict(self, number: int) -> int:
        return number + 1


@contextmanager
def being_loaded() -> Iterator[tuple[Any, threading.Event]]:
    """One that another thread loads, until the event is set or the block ends."""
    began, end = threading.Event(), threading.Event()

    def load() -> Model:
        began.set()
        end.wait(10)
        return Model()

    lazy = hooks.LazyModule("slow", load)
    thread = threading.Thread(target=lambda: lazy.predict(1))
    thread.start()
    assert began.wait(10)
    try:
        yield lazy, end
    finally:
        end.set()
        thread.join()


def test_nothing_is_loaded_before_it_is_used_and_a_dropped_one_comes_back() -> None:
    made: list[int] = []

    def load() -> Model:
        made.append(1)
        return Model()

    lazy = hooks.LazyModule("model", load)
    assert (made, repr(lazy)) == ([], "<LazyModule model, not loaded>")
    assert lazy.predict(1) == 2
    assert outcome(lazy)[0] == "ran"
    assert not lazy.__lazy__.loaded
    assert lazy.predict(2) == 3
    assert (len(made), lazy.__lazy__.loads, lazy.__lazy__.unloads) == (2, 2, 1)


def test_what_loading_took_is_recorded() -> None:
    def load() -> bytearray:
        time.sleep(0.01)
        return bytearray(b"x") * 30_000_000

    lazy = hooks.LazyModule("big", load)
    assert (lazy.__lazy__.size_bytes(), lazy.__lazy__.load_bytes) == (0, None)
    assert len(lazy.upper()) == 30_000_000
    assert lazy.__lazy__.size_bytes() >= 29_000_000
    info = lazy.__lazy__.info()
    assert info["load_bytes"] >= 29_000_000
    assert info["load_seconds"] >= 0.01
    assert len(info) == 8
    claimed = lazy.__lazy__.drop()
    assert claimed >= 29_000_000


@pytest.mark.parametrize(
    ("tier", "arguments", "expected"),
    [
        pytest.param("critical", {}, None, id="below its tier its hook does not run"),
        pytest.param("emergency", {}, "ran", id="an emergency drops it"),
        pytest.param("critical", {"tier": "critical"}, "ran", id="it may go earlier"),
        pytest.param("emergency", {"critical": True}, "suppressed", id="an emergency never drops a critical one"),
        pytest.param("warning", {"idle": 0}, "ran", id="an idle one goes at warning"),
        pytest.param("warning", {"idle": 3600}, "suppressed", id="one that was used a moment ago is not idle"),
        pytest.param("emergency", {"idle": 3600}, "ran", id="in an emergency it goes, idle or not"),
    ],
)
def test_the_tier_decides(tier: str, arguments: dict[str, Any], expected: str | None) -> None:
    lazy = hooks.LazyModule("model", Model, **arguments)
    lazy.predict(1)
    found = {one["name"]: one["outcome"] for one in hooks.reclaim(tier)["hooks"]}
    assert found.get(lazy.__lazy__.name) == expected
    assert lazy.__lazy__.loaded == (expected != "ran")


def test_one_in_use_stays_until_the_last_user_has_left() -> None:
    lazy = hooks.LazyModule("model", Model)
    with lazy as model, lazy as again:
        assert model is again
        assert outcome(lazy)[:2] == ("suppressed", "busy")
    del model, again
    assert outcome(lazy)[0] == "ran"


def test_one_that_a_variable_holds_stays_and_so_does_one_whose_part_is_held() -> None:
    lazy = hooks.LazyModule("model", Model)
    with lazy as model:
        pass
    assert outcome(lazy) == ("suppressed", "busy", "somebody else holds it")
    part = {"of": model.__dict__}  # leads back to the model, which could not be freed
    del model
    assert outcome(lazy)[:2] == ("suppressed", "busy")
    del part
    assert outcome(lazy)[0] == "ran"


def test_one_whose_method_runs_on_another_thread_stays() -> None:
    began, end = threading.Event(), threading.Event()

    class Slow:
        def work(self) -> None:
            began.set()
            end.wait(10)

    lazy = hooks.LazyModule("slow", Slow)
    thread = threading.Thread(target=lazy.work)
    thread.start()
    assert began.wait(10)
    assert outcome(lazy)[:2] == ("suppressed", "busy")
    end.set()
    thread.join()
    assert outcome(lazy)[0] == "ran"


def test_one_that_is_being_loaded_stays_and_nobody_waits_for_it() -> None:
    with being_loaded() as (lazy, _):
        assert outcome(lazy) == ("suppressed", "busy", "it is being loaded")


def test_a_hundred_threads_load_it_once() -> None:
    made: list[int] = []

    def load() -> Model:
        made.append(1)
        time.sleep(0.02)
        return Model()

    lazy = hooks.LazyModule("model", load)
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(lazy.predict(1))) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (len(made), answers) == (1, [2] * 100)


def test_a_load_that_fails_reaches_who_asked_and_the_next_one_tries_again() -> None:
    tries: list[int] = []

    def load() -> Model:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no such file")
        return Model()

    lazy = hooks.LazyModule("model", load)
    with pytest.raises(OSError, match="no such file"):
        lazy.predict(1)
    assert (lazy.predict(1), lazy.__lazy__.failures) == (2, 1)


def test_a_load_that_asks_for_itself_is_told_so() -> None:
    lazy = hooks.LazyModule("model", lambda: lazy.predict)
    with pytest.raises(RuntimeError, match="asks for itself"):
        lazy.predict(1)


def test_none_may_be_what_was_loaded() -> None:
    lazy = hooks.LazyModule("nothing", lambda: None)
    with lazy as value:
        assert value is None
    assert lazy.__lazy__.loads == 1


def test_an_attribute_that_would_be_lost_cannot_be_set() -> None:
    lazy = hooks.LazyModule("model", Model)
    with pytest.raises(AttributeError, match="would be lost"):
        lazy.threshold = 3


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"module": ""}, id="no name"),
        pytest.param({"module": "a b"}, id="no dotted name"),
        pytest.param({"module": "m", "load": 3}, id="a load that cannot be called"),
        pytest.param({"module": "m", "idle": -1}, id="an idle time below zero"),
        pytest.param({"module": "m", "idle": float("nan")}, id="an idle time that is no number"),
        pytest.param({"module": "m", "tier": "calm"}, id="a tier at which nothing runs"),
        pytest.param({"module": "m", "name": "with space"}, id="a name that cannot be a label"),
    ],
)
def test_wrong_arguments_are_refused_where_they_are_written(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="hooks"):
        hooks.LazyModule(**arguments)


def test_two_of_one_name_are_two_hooks_and_a_dropped_one_leaves_none() -> None:
    first, second = hooks.LazyModule("twin", Model), hooks.LazyModule("twin", Model)
    assert (first.__lazy__.name, second.__lazy__.name) == ("lazy:twin", "lazy:twin-2")
    name = first.__lazy__.name
    del first
    gc.collect()
    (found,) = hooks.reclaim("emergency", names=[name])["hooks"]
    assert (found["outcome"], found["reason"]) == ("suppressed", "no_handler")
    assert hooks.LazyModule("twin", Model).__lazy__.name == name


def test_a_clock_that_jumps_back_makes_nothing_idle() -> None:
    lazy = hooks.LazyModule("model", Model, idle=10)
    now = [1000.0]
    lazy.__lazy__._clock = lambda: now[0]
    lazy.predict(1)
    now[0] = 0.0
    with pytest.raises(hooks.Skip):
        lazy.__lazy__.shrink(Request("warning", 10))
    now[0] = 1010.0
    lazy.__lazy__.shrink(Request("warning", 10))
    assert not lazy.__lazy__.loaded


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["use", "enter", "leave", "keep", "forget", "drop"]), max_size=30))
def test_it_is_dropped_exactly_when_nobody_has_it(steps: list[str]) -> None:
    made: list[int] = []
    lazy = hooks.LazyModule("model", lambda: made.append(1) or Model())
    inside, kept, loads, loaded = 0, [], 0, False
    for step in steps:
        if step in ("use", "enter", "keep"):
            loads, loaded = loads + (not loaded), True
        if step == "use":
            assert lazy.predict(1) == 2
        elif step == "enter":
            lazy.__enter__()
            inside += 1
        elif step == "leave" and inside:
            lazy.__exit__()
            inside -= 1
        elif step == "keep":
            kept.append(lazy.__lazy__.get())
        elif step == "forget":
            kept.clear()
        elif step == "drop":
            loaded = loaded and bool(inside or kept)
            try:
                lazy.__lazy__.drop()
            except hooks.Skip:
                assert loaded or not lazy.__lazy__.loaded
        assert (lazy.__lazy__.loaded, len(made)) == (loaded, loads)


def test_a_child_forked_while_it_is_loaded_loads_for_itself() -> None:
    with being_loaded() as (lazy, end):

        def work() -> int:
            end.set()
            return int(lazy.predict(40))

        code = in_child(work)
    assert code == 41


def test_all_blocks_together_are_one_subscriber() -> None:
    before = [one for one in hooks.api.REGISTRY.subscribers if one != FOLLOWING.tell]
    breakers = [hooks.CircuitBreaker() for _ in range(5)]
    assert [one for one in hooks.api.REGISTRY.subscribers if one not in before] == [FOLLOWING.tell]
    assert len({breaker.name for breaker in breakers}) == 5


def test_a_copy_is_refused_and_does_not_ask_itself_for_ever() -> None:
    with pytest.raises(AttributeError):
        copy.copy(hooks.LazyModule("model", Model))


def test_what_a_collection_ends_may_use_it_while_it_is_dropped() -> None:
    lazy = hooks.LazyModule("model", Model)
    with lazy.__lazy__._lock:
        assert lazy.predict(40) == 41
