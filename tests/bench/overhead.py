"""What does being ready take of the machine, and of a target? At rest far from a tier, and near one.

The target's slowdown is that of its work per CPU second of its own, so that others on the machine do not count; the
daemon is stopped and let on in turn.
"""

import os
import signal
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.daemon import CONFIG, all_measured, until
from tests.bench.figure import emit, say
from tests.bench.machine import compiled, cpu_seconds, free_port, running, targets, wait_for
from tests.bench.reaction import LEVEL, Bench, cross

SUBJECT = "brimwatch run"
MANY = 100
SETTLED = 4.0  # seconds after which first reads are over
WATCHED = 10.0  # seconds of which a share is the mean
NEAR = 20_000_000  # bytes below a tier
CLOSE = 3_000_000
TURNS = 8  # with and without the daemon


def share(pid: int) -> float:
    """Of one core, over WATCHED seconds."""
    before, since = cpu_seconds(pid), time.monotonic()
    time.sleep(WATCHED)
    return (cpu_seconds(pid) - before) / (time.monotonic() - since)


def report(figure: str, value: float, unit: str, count: int, **details: object) -> None:
    """One figure; the load average beside it, since others on the machine make everything dearer."""
    emit("overhead", figure, value, unit, count, SUBJECT, **details, load=round(os.getloadavg()[0], 1))


def speed(pid: int, rounds: Callable[[], int]) -> float:
    """Work for each second of its own CPU time."""
    done, used = rounds(), cpu_seconds(pid)
    time.sleep(0.5)
    return (rounds() - done) / (cpu_seconds(pid) - used)


def at_rest(folder: Path) -> None:
    """Many small processes under `standard`, far from every tier."""
    config, address = folder / "rest.yaml", f"127.0.0.1:{free_port()}"
    config.write_text(CONFIG)
    words = ["run", "--config.file", str(config), "--web.listen-address", address, "--log.level", "error"]
    words += ["--storage.path", str(folder / "rest")]
    with targets(folder, MANY), running([sys.executable, "-m", "brimwatch", *words], folder) as daemon:
        wait_for(f"http://{address}/-/ready", daemon)
        until("all targets measured", 30, lambda: all_measured(f"http://{address}/metrics", MANY))
        time.sleep(SETTLED)
        report("cpu_share_at_rest", share(daemon.pid), "of one core", MANY)


def near_a_tier(bench: Bench) -> None:
    """Targets that have never grown, a little below a tier; then one that is close to it and has grown just before."""
    with bench.daemon() as (url, pid):
        with bench.targets(url, ("signal",) * 5, LEVEL - NEAR):
            time.sleep(SETTLED)
            report("cpu_share_near_a_tier", share(pid), "of one core", 5, megabytes_below=NEAR // 10**6)
        with bench.targets(url, ("signal",), LEVEL // 2) as [(kind, target)]:
            cross(bench, target, kind, "sleep", 1000e6)
            target.fill(LEVEL - CLOSE)
            time.sleep(2.0)  # the tier is left
            report("cpu_share_close_after_growth", share(pid), "of one core", 1, megabytes_below=CLOSE // 10**6)
            target.work("bytecode")
            slowed = []
            for _ in range(TURNS):
                watched = speed(target.pid, target.rounds)
                os.kill(pid, signal.SIGSTOP)
                unwatched = speed(target.pid, target.rounds)
                os.kill(pid, signal.SIGCONT)
                slowed.append(1 - watched / unwatched)
            report("target_slowdown_close", statistics.median(slowed), "share", 1, megabytes_below=CLOSE // 10**6)


def run() -> None:
    """Print every figure."""
    with compiled() as folder:
        say("the daemon at rest, and near a tier")
        at_rest(folder)
        near_a_tier(Bench(folder))
