"""What does Brimwatch itself take? The real daemon at 10, 100 and 1,000 targets, each a process of its own."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from tests.bench.exporter import FLAGS, scrape
from tests.bench.figure import emit, say
from tests.bench.machine import HERE, PREFIX, Scrapes, compiled, cpu_seconds, free_port, get, running, targets, wait_for

SUBJECT = "brimwatch run, policy standard"
SIZES = (10, 100, 1000)
WATCHED = 20.0  # seconds of which the CPU share is the mean: two thirds of the slowest cadence
CONFIG = f"""targets:
  - name: '{{comm}}'
    match: {{name: '{PREFIX}-*'}}
    policy: standard
"""


def until(what: str, deadline: float, ready: Callable[[], bool]) -> None:
    """Wait for a condition. Raises RuntimeError."""
    end = time.monotonic() + deadline
    while not ready():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {deadline:g} s")
        time.sleep(0.05)


def count_objects(pid: int, answer: Path) -> tuple[int, int]:
    """GC-tracked objects of the daemon by its own count, and how many of them the collector was told to leave alone."""
    answer.unlink(missing_ok=True)
    os.kill(pid, signal.SIGRTMIN)
    until("the daemon's object count", 10, lambda: answer.exists() and answer.read_text().endswith("\n"))
    watched, frozen = map(int, answer.read_text().split())
    return watched + frozen, frozen


def all_measured(url: str, count: int) -> bool:
    """Whether every target has a resident set to show."""
    return get(url).count(b"\nbrimwatch_target_resident_memory_bytes{") == count


def report_state(count: int, pid: int, objects: tuple[int, int], start: float, share: float) -> None:
    """What it holds and takes in rest."""
    daemon = psutil.Process(pid)
    memory = daemon.memory_info()
    emit("self", "start_to_ready", start, "s", count, SUBJECT)
    emit("self", "resident_set", memory.rss, "bytes", count, SUBJECT)
    emit("self", "unique_set", daemon.memory_full_info().uss, "bytes", count, SUBJECT)
    emit("self", "threads", daemon.num_threads(), "threads", count, SUBJECT)
    emit("self", "gc_objects", objects[0], "objects", count, SUBJECT, frozen=objects[1])
    emit("self", "cpu_share", share, "of one core", count, SUBJECT, seconds=WATCHED)


def report_scrapes(count: int, subject: str, scrapes: Scrapes) -> None:
    """What a scrape of it takes."""
    emit("scrape", "cpu", scrapes.cpu, "s", count, subject)
    emit("scrape", "duration", scrapes.duration, "s", count, subject)
    emit("scrape", "size", scrapes.bytes, "bytes", count, subject)


def one_size(folder: Path, count: int) -> None:
    """Every figure at one number of targets."""
    config, answer = folder / "brimwatch.yaml", folder / "objects"
    config.write_text(CONFIG)
    address = f"127.0.0.1:{free_port()}"
    words = ["run", "--config.file", str(config), "--web.listen-address", address, "--log.level", "error"]
    words += ["--storage.path", str(folder / f"state-{count}")]
    with running([sys.executable, str(HERE / "probed.py"), str(answer), *words], folder) as daemon:
        start = wait_for(f"http://{address}/-/ready", daemon)
        until("all targets measured", 30, lambda: all_measured(f"http://{address}/metrics", count))
        time.sleep(3)  # first reads of every source are spread over this
        before, since = cpu_seconds(daemon.pid), time.monotonic()
        time.sleep(WATCHED)
        share = (cpu_seconds(daemon.pid) - before) / (time.monotonic() - since)
        report_state(count, daemon.pid, count_objects(daemon.pid, answer), start, share)
        report_scrapes(count, SUBJECT, Scrapes(f"http://{address}/metrics", daemon.pid))


def run() -> None:
    """Print every figure."""
    with compiled() as folder:
        for count in SIZES:
            say(f"the daemon itself, {count} targets")
            with targets(folder, count) as pids:
                one_size(folder, count)
                for subject in FLAGS:
                    report_scrapes(count, subject, scrape(folder, subject, pids))
