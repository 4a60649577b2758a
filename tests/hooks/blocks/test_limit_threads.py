"""`limit_threads`: how many threads does a process have before and after, with real libraries and a real executor?"""

import asyncio
import os
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brimwatch import hooks
from brimwatch.hooks import native_pools
from brimwatch.hooks.executor import SharedExecutor
from brimwatch.hooks.native_pools import VARIABLES, limit_loaded, set_environment

needs_cores = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="with one core to run on, OpenBLAS starts no threads to be limited"
)


@pytest.fixture(autouse=True)
def as_found() -> Iterator[None]:
    found = {name: os.environ.get(name) for name in VARIABLES}
    yield
    hooks.limit_threads().undo()
    assert {name: os.environ.get(name) for name in VARIABLES} == found


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"most": 0}, id="none at all"),
        pytest.param({"most": -1}, id="below none"),
        pytest.param({"most": 2.5}, id="a half one"),
        pytest.param({"most": True}, id="a truth value"),
        pytest.param({"most": "8"}, id="a text"),
        pytest.param({"most": 1 << 40}, id="more than any process has"),
        pytest.param({"most": 4, "workers": 5}, id="more workers than threads"),
        pytest.param({"most": 4, "native": 0}, id="a pool without a thread"),
    ],
)
def test_numbers_that_cannot_be_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"hooks.limit_threads: \w+: found .*, wanted an int from 1 to"):
        hooks.limit_threads(**arguments)


WRITTEN = st.dictionaries(
    st.sampled_from(VARIABLES), st.sampled_from(["", "0", "1", "3", "64", "2,1", "many", " 9 "]), max_size=7
)


@settings(max_examples=50)
@given(WRITTEN, st.integers(1, 8))
def test_no_variable_is_raised_and_what_is_no_number_stays(written: dict[str, str], most: int) -> None:
    environment = dict(written)
    before = set_environment(most, environment)
    for name in VARIABLES:
        was, now = written.get(name), environment[name]
        kept = was in ("2,1", "many") or ((was or "").strip().isdigit() and 0 < int(was or "") <= most)
        assert now == (was if kept else str(most))
        assert (name in before) is (now != was)
        assert before.get(name, was) == was


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["work", "fail", "shrink", "resize", "shutdown"]), max_size=20), st.integers(1, 3))
def test_the_shared_executor_loses_no_task_and_has_no_thread_too_many(steps: list[str], workers: int) -> None:
    executor = SharedExecutor(workers)
    futures = []
    for number, step in enumerate(steps):
        if step in ("work", "fail"):
            futures.append((executor.submit(divmod, number, 1 if step == "work" else 0), step, number))
        elif step == "shrink":
            executor.shrink()
        elif step == "resize":
            executor.resize(1 + number % 3)
        else:
            executor.shutdown()
        assert executor.threads() <= max(workers, 3)
    for future, step, number in futures:
        if step == "work":
            assert future.result(20) == (number, 0)
        else:
            assert isinstance(future.exception(20), ZeroDivisionError)
    executor.shutdown()


def test_many_threads_submit_to_no_more_workers_than_there_may_be(wait_until: Any) -> None:
    executor = hooks.limit_threads(8, workers=3).executor()
    busy, most, lock = [0], [0], threading.Lock()

    def task() -> int:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.002)
        with lock:
            busy[0] -= 1
        return 1

    done: list[int] = []
    senders = [threading.Thread(target=lambda: done.extend(executor.map(lambda _: task(), range(10)))) for _ in "abcd"]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(20)
    assert (sum(done), most[0] <= 3) == (40, True)
    wait_until(lambda: executor.open_tasks == 0)


def test_idle_workers_end_when_memory_is_wanted_and_busy_ones_go_on(wait_until: Any) -> None:
    executor = hooks.limit_threads(8).executor()
    executor.shutdown()
    release = threading.Event()
    future = executor.submit(release.wait, 20)
    (outcome,) = hooks.reclaim("critical", names=["thread-limits"])["hooks"]
    assert (outcome["outcome"], outcome["reason"]) == ("suppressed", "condition")
    release.set()
    assert future.result(20)
    wait_until(lambda: executor.open_tasks == 0)
    (outcome,) = hooks.reclaim("critical", names=["thread-limits"])["hooks"]
    assert (outcome["outcome"], executor.threads()) == ("ran", 0)
    assert executor.submit(int).result(20) == 0


def test_an_event_loop_works_on_it_and_its_end_ends_nobody_elses_work() -> None:
    limits = hooks.limit_threads(8)

    async def main() -> str:
        limits.use_on(asyncio.get_running_loop())
        return await asyncio.to_thread(lambda: threading.current_thread().name)

    assert [asyncio.run(main()).startswith("brimwatch-worker") for _ in "12"] == [True, True]
    assert limits.executor().submit(int).result(20) == 0
    with pytest.raises(ValueError, match="wanted an asyncio event loop"):
        limits.use_on(object())


@pytest.mark.parametrize(
    ("functions", "threads", "why"),
    [
        pytest.param({"set": lambda n: state.update(n=n), "get": lambda: state["n"]}, 2, "", id="it takes the number"),
        pytest.param({"set": lambda n: None, "get": lambda: 9}, 9, "it did not take the number", id="it ignores it"),
        pytest.param({"set": lambda n: 1 // 0, "get": lambda: 9}, 9, "ZeroDivisionError", id="it raises"),
        pytest.param({"set": lambda n: None, "get": lambda: 1 // 0}, None, "it did not take", id="nothing is told"),
        pytest.param({"set": lambda n: 1 // 0, "get": lambda: 1}, 1, "", id="what has fewer is left alone"),
    ],
)
def test_a_library_that_is_loaded_is_told_and_asked(
    monkeypatch: pytest.MonkeyPatch, functions: Any, threads: int | None, why: str
) -> None:
    state["n"] = 9
    module = types.ModuleType("numexpr")
    vars(module).update(set_num_threads=functions["set"], get_num_threads=functions["get"])
    monkeypatch.setitem(sys.modules, "numexpr", module)
    monkeypatch.setattr(native_pools, "CARRIERS", ())
    (pool,) = [pool for pool in limit_loaded(2) if pool.name == "numexpr"]
    assert (pool.threads, pool.why.startswith(why), bool(pool.why)) == (threads, True, bool(why))


state: dict[str, Any] = {}


def test_what_cannot_be_changed_any_more_is_reported_with_why(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("polars")
    vars(module)["thread_pool_size"] = lambda: 64
    monkeypatch.setitem(sys.modules, "polars", module)
    report = hooks.limit_threads(8)
    assert report.report()["not_limited"]["polars"].endswith("call limit_threads before")
    assert hooks.limit_threads(8).info()["not_limited"] >= 1


COUNT = "import numpy; say([len(os.listdir('/proc/self/task')), limits and limits.report()])"


@needs_cores
@pytest.mark.live
def test_a_process_that_loads_numpy_afterwards_has_no_thread_of_openblas(program: Callable[..., Any]) -> None:
    free, _ = program("limits = None\n" + COUNT)
    limited, report = program("limits = hooks.limit_threads(4)\n" + COUNT)
    assert free >= 2
    assert (limited, report["threads"], report["over"], report["not_limited"]) == (1, 1, 0, {})


@needs_cores
@pytest.mark.live
def test_numpy_that_is_loaded_is_limited_by_threadpoolctl_or_reported(program: Callable[..., Any]) -> None:
    code = "import numpy\nlimits = hooks.limit_threads(4)\nreport = limits.report()\n"
    asked = "from threadpoolctl import threadpool_info\nsay([report['pools'], threadpool_info()[0]['num_threads']])"
    pools, really = program(code + asked)
    assert (list(pools.values()), really) == ([1], 1)
    blocked = "sys.modules['threadpoolctl'] = None\n" + code + "say(report['not_limited'])"
    assert program(blocked) == {"blas": "numpy was loaded before, and threadpoolctl is not installed"}


@pytest.mark.live
def test_a_forked_child_has_workers_of_its_own(program: Callable[..., Any]) -> None:
    code = """
executor = hooks.limit_threads(8).executor()
executor.submit(int).result()
reader, writer = os.pipe()
if os.fork() == 0:
    there = executor.threads()
    os.write(writer, json.dumps([there, executor.submit(os.getpid).result(20) == os.getpid()]).encode()); os._exit(0)
os.wait(); say([json.loads(os.read(reader, 999)), executor.threads()])
"""
    assert program(code) == [[0, True], 1]


def test_undone_the_environment_is_as_before_but_for_what_the_program_has_set_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "64")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    limits = hooks.limit_threads(8)
    hooks.limit_threads(4)
    assert [os.environ[name] for name in VARIABLES[:3]] == ["1", "1", "1"]
    os.environ["OPENBLAS_NUM_THREADS"] = "3"
    limits.undo()
    assert [os.environ.get(name) for name in VARIABLES[:3]] == ["64", "3", None]
    monkeypatch.undo()
