"""What do the benchmarks start and measure with? Targets compiled on the spot, other processes' CPU time, ports."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PREFIX = f"b{os.getpid():x}"  # of our targets' names: another benchmark may run beside this one
SMALL = 100_000  # bytes that a small target holds; what it costs to read statm does not depend on it


class MissingProgramError(Exception):
    """A program is not there; the text says how to get it."""


def need(program: str, packages: str) -> str:
    """The path of a program. Raises MissingProgramError."""
    path = shutil.which(program)
    if path is None:
        raise MissingProgramError(
            f"{program} is not installed: as root, apt-get install --no-install-recommends {packages}"
        )
    return path


@contextmanager
def compiled() -> Iterator[Path]:
    """A temporary folder with the C programs `targets` and `reads`, built with -O2."""
    gcc = need("gcc", "gcc libc6-dev")
    with tempfile.TemporaryDirectory(prefix="brimwatch-bench-") as name:
        for source in HERE.glob("*.c"):
            subprocess.run([gcc, "-O2", "-Wall", "-o", f"{name}/{source.stem}", source], check=True)
        yield Path(name)


@contextmanager
def targets(folder: Path, count: int, size: int = SMALL) -> Iterator[list[int]]:
    """PIDs of `count` sleeping processes named PREFIX-00000 and so on, holding `size` bytes each."""
    command = [str(folder / "targets"), str(count), str(size), PREFIX]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None  # PIPE was asked for
        pids = [int(line) for line in parent.stdout]
        if len(pids) != count:
            raise RuntimeError(f"wanted {count} targets, {len(pids)} came up")
        yield pids  # leaving the block closes the parent's input, which ends them all


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of another process, to the nanosecond. Source: clock_getcpuclockid(3), the kernel's
    encoding of a process' scheduler clock; utime and stime of /proc/PID/stat count ticks of 10 ms."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9


def micros_per_look(work: Callable[[], None], count: int, least: float = 0.25, repeats: int = 5) -> float:
    """CPU microseconds that `work`, which looks at `count` processes, takes for one: the median of five rounds."""
    work()
    started = time.process_time()
    work()
    rounds = max(1, round(least / max(time.process_time() - started, 1e-6)))
    results = []
    for _ in range(repeats):
        before = time.process_time()
        for _ in range(rounds):
            work()
        results.append((time.process_time() - before) / rounds / count * 1e6)
    return statistics.median(results)


def free_port() -> int:
    """A loopback port on which nothing listened a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str) -> bytes:
    """The body at a loopback URL, asked for as Prometheus asks: compressed is allowed for, none is taken."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


def wait_for(url: str, process: "subprocess.Popen[bytes]", deadline: float = 30.0) -> float:
    """Seconds until the URL answers 200. Raises RuntimeError where the process ended or the deadline passed."""
    started = time.monotonic()
    while time.monotonic() - started < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            get(url)
            return time.monotonic() - started
        except OSError:  # not listening yet, or 503
            time.sleep(0.005)
    raise RuntimeError(f"{url} did not answer within {deadline:g} s")


@contextmanager
def running(command: Sequence[str], folder: Path, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process whose output goes to a file in `folder`; ended by its PID."""
    with open(folder / "output", "wb") as output:
        settings = os.environ | environment
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=settings)
        try:
            yield process
        except RuntimeError:
            sys.stderr.write((folder / "output").read_text(errors="backslashreplace")[-2000:])
            raise
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Scrapes:
    """CPU, bytes and duration of several scrapes of one exporter."""

    def __init__(self, url: str, pid: int, least: float = 1.0, fewest: int = 3) -> None:
        """Scrape for `least` seconds, at least `fewest` times, after one that is not counted."""
        self.bytes = len(get(url))
        cpu, durations = cpu_seconds(pid), []
        while sum(durations) < least or len(durations) < fewest:
            before = time.monotonic()
            self.bytes = len(get(url))
            durations.append(time.monotonic() - before)
        self.cpu = (cpu_seconds(pid) - cpu) / len(durations)
        self.duration = statistics.median(durations)
