"""What does a look inside a Python process take, and does the process notice? Of our time, and of its own."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.bench.figure import emit, say

from brimwatch.inspect.census import take_census
from brimwatch.inspect.found import Census, Want
from brimwatch.inspect.wire import question
from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat
from brimwatch.procfs.statm import parse_statm
from brimwatch.units import Seconds

SIZES = (100_000, 400_000, 1_600_000)  # dicts, about 0.3 kB each with their lists
TIMES = 5  # looks, of which the median counts
WATCHED = 5.0  # seconds that the busy target is counted for
ROUNDS = 3
SUBJECT = "brimwatch, from outside"
HOLD = """
import sys
kept = [{"number": i, "lines": [i]} for i in range(int(sys.argv[1]))]
texts = [bytes(700) for i in range(int(sys.argv[1]) // 10)][::3]
print("ready", flush=True)
sys.stdin.read()
"""
# A service at work: it makes and drops objects all the time. For each line on its input it says how far it has come.
BUSY = """
import sys, threading
done = 0
def tell():
    for line in sys.stdin: print(done, flush=True)
threading.Thread(target=tell, daemon=True).start()
kept = [{"number": i, "lines": [i]} for i in range(400000)]
print("ready", flush=True)
while True:
    kept[done % 400000] = {"number": done, "lines": [done, str(done)]}
    done += 1
"""


@contextmanager
def python(source: str, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """A Python program that has said that it is ready."""
    words = [sys.executable, "-c", source, *arguments]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()


def look(pid: int, *wants: Want) -> Census:
    """One look with these readers."""
    return take_census("/proc", ProcessId(pid, read_stat("/proc", pid).start_ticks), frozenset(wants))


def cost(pid: int, *wants: Want) -> float:
    """Median CPU seconds."""
    return sorted(look(pid, *wants).cpu for _ in range(TIMES))[TIMES // 2]


def one_size(count: int) -> None:
    """What each reader takes of our CPU time."""
    with python(HOLD, str(count)) as process, open(f"/proc/{process.pid}/statm", "rb") as stream:
        megabytes = parse_statm(stream.read()).resident / 1e6
        plain = cost(process.pid, Want.THREADS)
        found = look(process.pid, Want.OBJECTS, Want.ARENAS, Want.POOLS)
        assert found.objects is not None
        assert found.arenas is not None
        tell = partial(emit, "introspection", n=1, subject=SUBJECT, resident_bytes=round(megabytes * 1e6))
        tell("threads", value=plain * 1e3, unit="ms")
        tell("pools_per_resident_mb", value=(cost(process.pid, Want.POOLS) - plain) / megabytes * 1e3, unit="ms")
        chunks = max(1, found.arenas.chunks)
        tell("free_chunk", value=cost(process.pid, Want.ARENAS) / chunks * 1e6, unit="us", chunks=chunks)
        walked = (cost(process.pid, Want.OBJECTS) - plain) / found.objects
        tell("object", value=walked * 1e6, unit="us", objects=found.objects)
        tell("types", value=cost(process.pid, Want.TYPES) * 1e3, unit="ms")


def progress(process: "subprocess.Popen[str]") -> int:
    """How far the busy program has come."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return int(process.stdout.readline())


@contextmanager
def worker() -> "Iterator[subprocess.Popen[bytes]]":
    """The daemon's own worker: a nice process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "brimwatch.inspect.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def speed(busy: "subprocess.Popen[str]", looker: "subprocess.Popen[bytes]", pid: int, pause: float | None) -> float:
    """Iterations per second while `pid` is looked into each `pause` seconds by the worker, or not at all."""
    stop = threading.Event()
    asked = question(
        ProcessId(pid, read_stat("/proc", pid).start_ticks),
        frozenset({Want.POOLS, Want.ARENAS, Want.OBJECTS}),
        Seconds(5.0),
    )

    def watch() -> None:
        assert looker.stdin is not None
        assert looker.stdout is not None
        while pause is not None and not stop.wait(pause):
            looker.stdin.write(asked)
            looker.stdin.flush()
            looker.stdout.readline()

    watcher = threading.Thread(target=watch)
    watcher.start()
    begin, since = progress(busy), time.monotonic()
    time.sleep(WATCHED)
    rate = (progress(busy) - begin) / (time.monotonic() - since)
    stop.set()
    watcher.join()
    return rate


def slowdown() -> None:
    """What the busy program loses while it is looked into; and what it loses to looks at another one.

    The latter is what the worker's CPU time alone takes on a machine that has no core to spare.
    """
    kinds = {
        "not watched": None,
        "watched each second": 1.0,
        "watched without a pause": 0.0,
        "another watched without a pause": 0.0,
    }
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    with python(BUSY) as busy, python(HOLD, "400000") as other, worker() as looker:
        for _ in range(ROUNDS):
            for kind, pause in kinds.items():
                seen = other.pid if kind.startswith("another") else busy.pid
                rates[kind].append(speed(busy, looker, seen, pause))
    alone = sorted(rates["not watched"])[ROUNDS // 2]
    for kind, measured in rates.items():
        rate = sorted(measured)[ROUNDS // 2]
        emit("introspection", "iterations", rate, "per s", 1, kind, slowdown=round(1 - rate / alone, 4))


def run() -> None:
    """Print every figure."""
    for count in SIZES:
        say(f"a look inside a process that holds {count:,} dicts")
        one_size(count)
    say("a busy process, watched and not")
    slowdown()
