"""What is a block worth in a forked child? Its locks are open, and what it holds is whole."""

import os
import subprocess
import sys

import pytest
from tests.hooks.conftest import DAEMON

FORKING = f"""
import os, sys, threading, time
sys.path.insert(0, {str(DAEMON)!r})
from brimwatch import hooks
"""
BUSY = """
cache = hooks.PriorityCache({"critical": 50_000, "general": 50_000}, ttl=60)
pool, closing = hooks.SessionPool(50), hooks.SessionPool(50, on_close=lambda key, session: print("closed", key))
closing.put("parent's", "connection")
stop = False

def load(seed):
    number = seed
    while not stop:
        number += 7
        cache.set(number % 500, "x" * (number % 900), "critical" if number % 2 else "general")
        cache.get_or_compute(number % 100, lambda: number)
        pool.get(number % 80, lambda: [number])

for seed in range(3):
    threading.Thread(target=load, args=(seed,), daemon=True).start()
for _ in range(12):
    child = os.fork()
    if not child:
        cache.set("child", "value", "critical")
        fine = cache.get("child") == "value" and cache.size_bytes() <= 100_000 and len(closing) == 0
        pool.put("child", 1)
        fine = fine and len(pool) <= 50 and hooks.reclaim("emergency", names=[cache.name])["complete"]
        shelves = cache._stock.every
        fine = fine and all(s.bytes == sum(e[1] for e in s.entries.values()) for s in shelves)
        os._exit(0 if fine else 3)
    assert os.waitpid(child, 0)[1] == 0
stop = True
print(len(closing), "child" in cache)
"""
STUCK = """
cache = hooks.PriorityCache()
cache.set("a", "value")
held, go_on = threading.Event(), threading.Event()

def hold():
    with cache.lock:
        held.set()
        go_on.wait(30)

threading.Thread(target=hold, daemon=True).start()
held.wait(10)
child = os.fork()
if not child:
    empty = len(cache) == 0 and cache.size_bytes() == 0
    os._exit(0 if empty and cache.set("b", 1) else 3)
print(os.waitpid(child, 0)[1])
go_on.set()
print(cache.get("a"))
"""


@pytest.mark.live
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param(BUSY, "1 False\n", id="forks amid a load from three threads"),
        pytest.param(STUCK, "0\nvalue\n", id="a fork while a change does not end: the child begins with nothing"),
    ],
)
def test_in_a_child_blocks_go_on(code: str, expected: str) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING + code]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ})
    assert (answer.stdout, answer.stderr, answer.returncode) == (expected, "", 0)
