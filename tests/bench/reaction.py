"""How long after a threshold was crossed does a request for memory go out, and when does the target's handler run?

The target says when it crossed; the daemon says when it had sent; the target says when the signal arrived and when its
handler ran. All by CLOCK_MONOTONIC, which is one clock for every process of a machine.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from tests.bench.figure import say
from tests.bench.machine import PREFIX, compiled, free_port, get, need, running, wait_for
from tests.bench.reacting.early import early_oom
from tests.bench.reacting.table import Row, report, show
from tests.bench.reacting.targets import HERE, Growing, Seen, growing, said

T = TypeVar("T")

LEVEL = 300_000_000  # bytes: the tier
# By rate in bytes per second: how far below the tier the growth begins.
WAYS = {10e6: 6_000_000, 100e6: 40_000_000, 500e6: 150_000_000, 1000e6: 200_000_000}
WORKS = ("sleep", "bytecode", "call")
ROUNDS = 10  # crossings of each kind
FRESH = 8  # crossings by processes that have not grown since they began
REST = 4.0  # seconds that those rest, well after they were found
PATIENCE = 3.0  # seconds for a request, and for a handler
PAUSE = 1.1  # seconds between two crossings of one target: the tier must have been seen to be left
NUMBERS = {"second": signal.SIGUSR2, "tenth": signal.SIGRTMIN + 1}
POLLERS = {"second": ("1", "psutil, each second"), "tenth": ("0.1", "psutil, each 100 ms")}
ASKING = {"hook": "brimwatch, hook", "signal": "brimwatch, signal"}
EARLY = "earlyoom --dryrun, of the machine's memory"
CONFIG = f"""targets:
  - {{name: 'hook-{{comm}}', match: {{name: '{PREFIX}-hook*'}}, policy: hook}}
  - {{name: 'signal-{{comm}}', match: {{name: '{PREFIX}-signal*'}}, policy: signal}}
policies:
  hook: {{cooldown: 200ms, tiers: {{warning: {{when: {{rss: {LEVEL}B}}, leave: {{rss: {LEVEL - 5_000_000}B}}, do: [ask]}}}}}}
  signal: {{cooldown: 200ms, tiers: {{warning: {{when: {{rss: {LEVEL}B}}, leave: {{rss: {LEVEL - 5_000_000}B}}, do: [usr1]}}}}}}
actions:
  ask: {{hook: {{names: [mark]}}}}
  usr1: {{signal: SIGUSR1, settle: 100ms}}
"""  # noqa: E501 - one line for each policy


class Bench:
    """A daemon whose requests are noted, and targets of both kinds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent = folder / "sent"
        self.run_dir = folder / "agents"
        self.run_dir.mkdir(mode=0o700)
        self.library = folder / "growth.so"
        words = ["-O2", "-Wall", "-shared", "-fPIC", "-pthread", "-o", str(self.library), str(HERE / "growth.c")]
        subprocess.run([need("gcc", "gcc libc6-dev"), *words], check=True)

    @contextmanager
    def daemon(self) -> Iterator[tuple[str, int]]:
        """The URL and the PID of a daemon under way."""
        config, address = self.folder / "brimwatch.yaml", f"127.0.0.1:{free_port()}"
        config.write_text(f"global: {{run_dir: {self.run_dir}}}\n" + CONFIG)
        words = ["run", "--config.file", str(config), "--web.listen-address", address, "--log.level", "error"]
        words += ["--storage.path", str(self.folder / "state")]
        with running([sys.executable, str(HERE / "watched.py"), str(self.sent), *words], self.folder) as process:
            wait_for(f"http://{address}/-/ready", process)
            yield f"http://{address}", process.pid

    @contextmanager
    def targets(self, url: str, kinds: Sequence[str], size: int) -> Iterator[list[tuple[str, Growing]]]:
        """Targets that are asked in these ways, once they are under watch; they hold `size` bytes."""
        with ExitStack() as stack:
            found = []
            for number, kind in enumerate(kinds):
                run_dir = str(self.run_dir) if kind == "hook" else ""
                target = stack.enter_context(growing(self.library, f"{PREFIX}-{kind}{number}", run_dir))
                target.fill(size)
                found.append((kind, target))
            if soon(lambda: get(f"{url}/metrics").count(b"\nbrimwatch_target_up") >= len(found), 20) is False:
                raise RuntimeError("the daemon does not find the targets")
            yield found


def soon(found: Callable[[], T], within: float, gap: float = 0.01) -> T:
    """The first true answer, or the last one when the time is over."""
    end = time.monotonic() + within
    while not (answer := found()) and time.monotonic() < end:
        time.sleep(gap)
    return answer


def cross(
    bench: Bench, target: Growing, kind: str, work: str, rate: float, others: Sequence[str] = ()
) -> dict[str, float | None]:
    """One crossing: by what happened, how many seconds after it; None: not within PATIENCE."""
    began, name = time.monotonic(), "hook" if kind == "hook" else "daemon"
    target.begin(work, rate, LEVEL, int(rate * 0.05))
    sent = soon(lambda: said(bench.sent, kind, target.pid, began), PATIENCE + WAYS[rate] / rate)
    soon(lambda: is_over(target.seen(), {name, *others}), PATIENCE, 0.03)
    seen = target.end(LEVEL - WAYS[rate])
    if seen.crossed is None:
        raise RuntimeError("the target did not grow as it was told to")
    found = {"sent": sent, "handler": seen.handled.get(name)} | {one: seen.arrived.get(one) for one in others}
    return {key: None if at is None else at - seen.crossed for key, at in found.items()}


def is_over(seen: Seen, names: "set[str]") -> bool:
    """Whether it has crossed and each of these handlers has run."""
    return seen.crossed is not None and names <= seen.handled.keys()


def rows(asked: str, rate: float, work: str, found: Sequence[dict[str, float | None]]) -> list[Row]:
    """What crossings of one kind come to."""
    made = []
    for key in found[0]:
        subject = POLLERS[key][1] if key in POLLERS else ASKING[asked]
        figure = "crossing_to_handler" if key == "handler" else "crossing_to_sent"
        delays = [at for one in found if (at := one[key]) is not None]
        made.append(Row(figure, subject, rate, work, delays, os.getloadavg()[0], len(found) - len(delays)))
    return made


@contextmanager
def pollers(targets: Sequence[Growing]) -> Iterator[None]:
    """Those who look at the same targets on a fixed cadence, each with a signal of its own."""
    with ExitStack() as stack:
        for name, (pause, _) in POLLERS.items():
            words = [pause, str(LEVEL), str(int(NUMBERS[name])), *(str(target.pid) for target in targets)]
            command = [sys.executable, str(HERE / "poller.py"), *words]
            process = stack.enter_context(subprocess.Popen(command, stdout=-1))
            stack.callback(process.kill)
            assert process.stdout is not None
            process.stdout.readline()
        yield


def grown_before(bench: Bench) -> list[Row]:
    """Crossings of targets that grow again and again, in turn so that nobody has to wait for a tier to be left."""
    made: list[Row] = []
    with bench.daemon() as (url, _), bench.targets(url, ("hook", "signal", "hook", "signal"), LEVEL // 3) as targets:
        for rate in WAYS:
            for _, target in targets:
                target.fill(LEVEL - WAYS[rate])
            for work in WORKS:
                say(f"reaction at {rate / 1e6:.0f} MB/s, {work}")
                made += one_kind(bench, targets, work, rate)
    return made


def one_kind(bench: Bench, targets: Sequence[tuple[str, Growing]], work: str, rate: float) -> list[Row]:
    """ROUNDS crossings for each way to ask; beside the sleeping ones the pollers run."""
    found: dict[str, list[dict[str, float | None]]] = {kind: [] for kind in ASKING}
    with ExitStack() as stack:
        if work == "sleep":
            stack.enter_context(pollers([target for kind, target in targets if kind == "signal"]))
        for number in range(ROUNDS * len(ASKING)):
            kind, target = targets[number % len(targets)]
            time.sleep(max(random.uniform(0, 0.2), target.ended_at + PAUSE - time.monotonic()))
            others = tuple(POLLERS) if work == "sleep" and kind == "signal" else ()
            found[kind].append(cross(bench, target, kind, work, rate, others))
    return [row for kind in ASKING for row in rows(kind, rate, work, found[kind])]


def never_grown(bench: Bench) -> list[Row]:
    """Crossings of targets that were at rest since they were found: nothing tells the daemon how fast they will be."""
    say("reaction to growth that was never seen")
    rate, found = 1000e6, []
    with bench.daemon() as (url, _), bench.targets(url, ("signal",) * FRESH, LEVEL // 3) as targets:
        time.sleep(REST)
        for kind, target in targets:
            time.sleep(random.uniform(0, 1))
            found.append(cross(bench, target, kind, "sleep", rate))
    return rows("signal", rate, "at rest until then", found)


def by_earlyoom(bench: Bench) -> list[Row]:
    """The peer's decision after what the machine has available fell below its threshold."""
    made = []
    with growing(bench.library, f"{PREFIX}-early") as target:
        for rate, way in WAYS.items():
            say(f"earlyoom at {rate / 1e6:.0f} MB/s")
            delays: list[float] = []
            for _ in range(ROUNDS):
                with early_oom(way) as early:
                    time.sleep(random.uniform(0.2, 0.4))
                    target.begin("sleep", rate, 0, int(rate * 0.3), early.level)
                    at = early.decided(PATIENCE + 2 * way / rate)
                    crossed = target.end(0).crossed
                if at is not None and crossed is not None:
                    delays.append(at - crossed)
            made.append(
                Row("crossing_to_decision", EARLY, rate, "sleep", delays, os.getloadavg()[0], ROUNDS - len(delays))
            )
    return made


def run() -> None:
    """Print every figure, and a table on standard error."""
    need("earlyoom", "earlyoom")
    with compiled() as folder:
        bench = Bench(folder)
        made = [*grown_before(bench), *never_grown(bench), *by_earlyoom(bench)]
    report(made)
    show(made)
