"""Do the benchmarks measure what they say? No timing is judged here, only that figures come from real processes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.bench import introspection
from tests.bench.__main__ import BENCHES
from tests.bench.exporter import LEAN, procfs_of, scrape
from tests.bench.figure import emit
from tests.bench.machine import PREFIX, compiled, cpu_seconds, targets
from tests.bench.reacting.table import Row
from tests.bench.reacting.targets import growing
from tests.bench.reaction import NUMBERS, Bench, soon
from tests.bench.sampling import LOOKS, brimwatch_looks, c_loop

from brimwatch.inspect.found import Want

ROOT = Path(__file__).parent.parent.parent


def test_a_figure_is_one_line_of_json_with_four_digits(capsys: pytest.CaptureFixture[str]) -> None:
    emit("sampling", "cpu", 12.34567, "us", 10, "psutil", resident_bytes=5)
    emit("self", "resident_set", 39_712_345, "bytes", 10, "brimwatch")

    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    names = ["bench", "figure", "value", "unit", "n", "subject"]
    assert first == dict(zip(names, ["sampling", "cpu", 12.35, "us", 10, "psutil"], strict=True)) | {
        "resident_bytes": 5
    }
    assert second == dict(zip(names, ["self", "resident_set", 39_710_000, "bytes", 10, "brimwatch"], strict=True))


def test_an_unknown_benchmark_is_named_and_nothing_runs() -> None:
    command = [sys.executable, "-m", "tests.bench", "sampling", "speed"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"bench: found speed, wanted some of: {', '.join(BENCHES)}\n"


def test_the_cpu_time_of_another_process_is_what_it_has_used() -> None:
    before = cpu_seconds(os.getpid())
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass

    assert cpu_seconds(os.getpid()) - before >= 0.2


@pytest.mark.live
def test_targets_hold_what_they_are_told_to_and_end_with_the_block(component: Callable[[str], str]) -> None:
    component("gcc")
    with compiled() as folder, targets(folder, 3, 20_000_000) as pids:
        processes = [psutil.Process(pid) for pid in pids]
        sizes = [process.memory_info().rss for process in processes]

        assert [process.name() for process in processes] == [f"{PREFIX}-0000{n}" for n in range(3)]
        assert all(20_000_000 <= size < 30_000_000 for size in sizes), sizes
        assert c_loop(folder, pids, "hold", "statm") > 0
        assert c_loop(folder, pids, "open", "smaps_rollup") > 0
    assert [process for process in processes if process.is_running()] == []


@pytest.mark.live
@pytest.mark.parametrize("subject", LOOKS)
def test_a_round_looks_at_every_target(
    component: Callable[[str], str], wait_until: Callable[..., object], subject: str
) -> None:
    component("gcc")
    with compiled() as folder, targets(folder, 2) as pids:
        looks, close = brimwatch_looks(pids, *LOOKS[subject])
        looks()
        os.kill(pids[1], 9)
        wait_until(lambda: psutil.Process(pids[1]).status() == psutil.STATUS_ZOMBIE)
        with pytest.raises(ProcessLookupError):
            looks()
        close()


@pytest.mark.live
def test_the_peer_sees_the_targets_and_nothing_else(component: Callable[[str], str]) -> None:
    component("gcc")
    component("prometheus-process-exporter")
    with compiled() as folder, targets(folder, 5) as pids:
        shown = {path.name for path in procfs_of(folder, pids).iterdir()}

        assert shown == {"stat", "meminfo", "uptime", "self", *map(str, pids)}
        assert scrape(folder, LEAN, pids).bytes > scrape(folder, LEAN, []).bytes + 5 * 500


@pytest.mark.live
def test_a_look_inside_costs_something_and_a_busy_target_gets_on(wait_until: Any) -> None:
    with introspection.python(introspection.HOLD, "1000") as process:
        assert introspection.cost(process.pid, Want.POOLS) > 0
    with introspection.python(introspection.BUSY) as process:
        first = introspection.progress(process)
        wait_until(lambda: introspection.progress(process) > first, 20)


@pytest.mark.live
def test_a_growing_target_knows_when_it_crossed(component: Callable[[str], str], tmp_path: Path) -> None:
    component("gcc")
    with growing(Bench(tmp_path).library, f"{PREFIX}-grow") as target:
        target.fill(60_000_000)
        began = time.monotonic()
        target.begin("sleep", 100e6, 80_000_000, 1_000_000)
        seen = soon(lambda: target.seen() if target.seen().crossed else None, 20)
        size = psutil.Process(target.pid).memory_info().rss
        os.kill(target.pid, NUMBERS["second"])
        assert soon(lambda: "second" in target.seen().handled, 20)
        ended = target.end(50_000_000)

        assert seen is not None
        assert seen.crossed is not None
        assert began < seen.crossed < time.monotonic()
        assert size >= 80_000_000
        assert seen.crossed < ended.arrived["second"] <= ended.handled["second"]


def test_the_p99_of_few_crossings_is_the_longest() -> None:
    row = Row("crossing_to_sent", "brimwatch", 1e6, "sleep", [0.003, 0.001, 0.002], 0.5)
    assert (row.p50, row.p99) == (0.002, 0.003)
