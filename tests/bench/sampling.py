"""What does one look at one process cost, whoever looks? Everybody in turn at the same processes, in the same run."""

import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
from tests.bench.exporter import DEFAULTS, FLAGS, scrape
from tests.bench.figure import emit, say
from tests.bench.machine import compiled, micros_per_look, targets

from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat
from brimwatch.quantity import Quantity
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.member import MemberSampler

BENCH = "sampling"
COST = "cpu_per_process"
UNIT = "us"
SIZES = (10, 100, 1000)
SMALL_PROCESS = 10_000_000
LARGE_PROCESS = 4_000_000_000
RESIDENT = frozenset({Quantity.RSS})
LOOKS = {
    "brimwatch, resident set, unchanged": (RESIDENT, False),
    "brimwatch, resident set, changed": (RESIDENT, True),
    "brimwatch, resident and working set, changed": (RESIDENT | {Quantity.WORKING_SET}, True),
}
READS = {
    "C loop, statm held open": ("hold", "statm"),
    "C loop, statm opened, read, closed": ("open", "statm"),
}


def c_loop(folder: Path, pids: list[int], mode: str, file: str) -> float:
    """CPU microseconds for each process of a C program that reads one procfs file of each."""
    text = "\n".join(map(str, pids))
    rounds = max(50, 200_000 // len(pids)) if file == "statm" else 5
    command = [str(folder / "reads"), mode, file, str(rounds)]
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return statistics.median(map(int, result.stdout.split())) / len(pids) / 1e3


def brimwatch_looks(
    pids: list[int], wanted: frozenset[Quantity], growing: bool
) -> tuple[Callable[[], None], Callable[[], None]]:
    """One round of hot looks as the daemon takes them, and what closes the samplers.

    What reads the same as last time is not parsed again. `growing` makes every look parse, as for targets that change.
    """
    cgroups = CgroupCache()
    members = [ProcessId(pid, read_stat("/proc", pid).start_ticks) for pid in pids]
    samplers = [MemberSampler(member, "/proc", wanted, cgroups) for member in members]
    for sampler in samplers:  # what the daemon's lanes do meanwhile: not part of a look
        for read in sampler.due(time.monotonic(), everything=True):
            sampler.accept(read, read.read(), time.monotonic(), 0.0)

    def round_of_looks() -> None:
        for sampler in samplers:
            if growing:
                sampler._resident._text = b""
            sampler.look(time.monotonic())

    def close() -> None:
        for sampler in samplers:
            sampler.close()

    return round_of_looks, close


def psutil_looks(pids: list[int]) -> Callable[[], None]:
    """One round of psutil's memory_info on process objects that are kept, as a careful poller in Python does."""
    processes = [psutil.Process(pid) for pid in pids]

    def round_of_looks() -> None:
        for process in processes:
            process.memory_info()

    return round_of_looks


def in_process(folder: Path, pids: list[int], **details: object) -> None:
    """Figures of those who can look as often as they like."""
    for subject, (wanted, growing) in LOOKS.items():
        looks, close = brimwatch_looks(pids, wanted, growing)
        emit(BENCH, COST, micros_per_look(looks, len(pids)), UNIT, len(pids), subject, **details)
        close()
    subject = "psutil.Process.memory_info"
    emit(BENCH, COST, micros_per_look(psutil_looks(pids), len(pids)), UNIT, len(pids), subject, **details)
    for subject, (mode, file) in READS.items():
        emit(BENCH, COST, c_loop(folder, pids, mode, file), UNIT, len(pids), subject, **details)


def peers(folder: Path, pids: list[int], subjects: Iterable[str], **details: object) -> None:
    """Figures of process-exporter: what a scrape costs more than one that finds no process, for each process."""
    for subject in subjects:
        cost = scrape(folder, subject, pids).cpu - scrape(folder, subject, []).cpu
        emit(BENCH, COST, cost / len(pids) * 1e6, UNIT, len(pids), subject, **details)


def by_number(folder: Path) -> None:
    """10, 100 and 1,000 small processes."""
    for count in SIZES:
        say(f"one look, {count} processes")
        with targets(folder, count) as pids:
            in_process(folder, pids)
            peers(folder, pids, FLAGS)


def by_size(folder: Path) -> None:
    """One small process, then a large one: who pays for size?"""
    large = min(LARGE_PROCESS, psutil.virtual_memory().available // 4)
    for size in (SMALL_PROCESS, large):
        say(f"one look, a process of {size / 1e6:.0f} MB")
        with targets(folder, 1, size) as pids:
            resident = psutil.Process(pids[0]).memory_info().rss
            in_process(folder, pids, resident_bytes=resident)
            peers(folder, pids, [DEFAULTS], resident_bytes=resident)
            cost = c_loop(folder, pids, "open", "smaps_rollup")
            emit(BENCH, COST, cost, UNIT, 1, "C loop, smaps_rollup opened, read, closed", resident_bytes=resident)


def run() -> None:
    """Print every figure."""
    with compiled() as folder:
        by_number(folder)
        by_size(folder)
