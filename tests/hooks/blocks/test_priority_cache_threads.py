"""Does the cache stay whole when threads, finalizers and signal handlers use it at once?"""

import gc
import threading
from collections.abc import Callable

import pytest
from tests.hooks.blocks.test_priority_cache import CLASSES, ONE, bounds_hold

from brimwatch.hooks import PriorityCache
from brimwatch.hooks.request import Request, Skip


def test_of_several_threads_one_computes() -> None:
    cache = PriorityCache()
    begun, go_on, calls, found = threading.Event(), threading.Event(), [], []

    def compute() -> str:
        calls.append(1)
        begun.set()
        assert go_on.wait(10)
        return "value"

    threads = [threading.Thread(target=lambda: found.append(cache.get_or_compute("k", compute))) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert (found, len(calls)) == (["value"] * 6, 1)
    assert (cache.stats()["misses"], cache.stats()["hits"]) == (1, 5)


def test_who_computes_and_fails_fails_alone_and_what_is_deleted_meanwhile_is_not_kept() -> None:
    cache = PriorityCache()
    with pytest.raises(ZeroDivisionError):
        cache.get_or_compute("k", lambda: 1 // 0)

    def compute() -> int:
        cache.delete("k")
        return 5

    assert (cache.get_or_compute("k", compute), cache.get("k")) == (5, None)
    # A computation that asks for its own key computes again instead of waiting for itself.
    assert cache.get_or_compute("k", lambda: cache.get_or_compute("k", lambda: 7) + 1) == 8


def test_threads_at_random_never_exceed_a_budget() -> None:
    cache = PriorityCache({"critical": 20 * ONE, "general": 10 * ONE}, max_entries=25, sizeof=lambda value: value)
    over, stop = [], threading.Event()

    def load(seed: int) -> None:
        for number in range(3000):
            cache.set((seed * 7919 + number * 31) % 200, number % 300, CLASSES[0] if number % 3 else "general")
            cache.get(number % 200)
            if number % 500 == 0:
                cache.shrink(Request("critical", 5, 5 * ONE))
        stop.set()

    def watch() -> None:
        while not stop.is_set():
            over.extend(
                kind for kind, found in cache.stats()["classes"].items() if found["bytes"] > found["budget_bytes"]
            )

    threads = [threading.Thread(target=load, args=(seed,)) for seed in range(4)] + [threading.Thread(target=watch)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (over, any(thread.is_alive() for thread in threads)) == ([], False)
    bounds_hold(cache, 25)


def test_a_value_that_uses_the_cache_when_it_is_freed_hangs_nobody() -> None:
    cache = PriorityCache({"general": 3 * ONE}, sizeof=lambda _: 0)

    class Nosy:
        def __del__(self) -> None:
            thread = threading.Thread(target=cache.get, args=(1,))
            thread.start()
            thread.join(10)
            freed.append(not thread.is_alive())

    freed: list[bool] = []
    for key in range(1, 8):
        cache.set(key, Nosy())
    cache.delete(7)
    cache.clear()
    gc.collect()
    assert freed == [True] * 7


def test_a_hook_that_interrupts_a_change_does_not_wait_for_itself(ask: Callable[..., Request]) -> None:
    cache = PriorityCache()
    with cache.lock, pytest.raises(Skip, match="amid a change"):
        cache.shrink(ask("critical"))
