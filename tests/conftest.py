"""What do tests that start real processes share? Programs, ports, waiting, and an end for all that was started."""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

Answer = TypeVar("Answer")
STATES = itertools.count()

PROGRAMS = Path(__file__).parent / "components" / "programs.txt"
MARK = "BRIMWATCH_TEST_SESSION"  # in the environment of all that a test starts, so that orphans are found as well
SLOWEST = dict.fromkeys(  # 20 s and more each
    ("test_killed.py", "test_churn.py", "test_replay.py", "test_fixtures.py", "test_dashboards_answered.py"), 0
)
GRACE = 5.0  # seconds that a process has to end once it was asked to


def pytest_configure() -> None:
    os.environ[MARK] = uuid.uuid4().hex
    # Started in the background by a shell, by nohup or by timeout, we ignore or block some: so would what we start.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    usual = {signal.SIGINT: signal.default_int_handler}
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual.get(number, signal.SIG_DFL))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits longest comes first: where several run the tests, none is left alone with it at the end."""
    items.sort(key=lambda item: SLOWEST.get(item.path.name, 1 if item.path.parent.name == "live" else 2))


def find_component(name: str) -> str:
    rows = (line.split(maxsplit=1) for line in PROGRAMS.read_text().splitlines() if not line.startswith("#"))
    packages = {row[0]: row[1] for row in rows if row}[name]
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"{name} is not installed: `make test` as root brings it, or `apt-get install {packages}`"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def await_answer(predicate: Callable[[], Answer], deadline: float = 10.0, gap: float = 0.01) -> Answer:
    end = time.monotonic() + deadline
    while not (answer := predicate()):
        if time.monotonic() >= end:
            raise TimeoutError(f"after {deadline:g} s {getattr(predicate, '__name__', predicate)} was still {answer!r}")
        time.sleep(gap)
    return answer


def end_all(processes: Sequence[psutil.Process]) -> None:
    """Ask, wait, insist. psutil compares start times, so a PID that was used again is not touched."""
    for ending in (psutil.Process.terminate, psutil.Process.kill):
        for process in processes:
            try:
                ending(process)
            except psutil.NoSuchProcess:
                continue
        processes = psutil.wait_procs(processes, timeout=GRACE)[1]


@pytest.fixture(autouse=True)
def state_directory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that is told nothing else keeps it here: no test reads or leaves another's, or the machine's."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path_factory.getbasetemp() / f"state-{next(STATES)}"))


@pytest.fixture
def component() -> Callable[[str], str]:
    """`component("promtool")` is that program's path; without it the test is skipped, with CI=true it fails."""
    return find_component


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    """`wait_until(predicate, deadline=10.0)` hands back the first true answer, or raises TimeoutError."""
    return await_answer


@pytest.fixture
def free_port() -> Callable[[], int]:
    """`free_port()` is a loopback TCP port on which nothing listened a moment ago."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture
def spawn(leak_guard: None) -> Iterator[Callable[..., "subprocess.Popen[Any]"]]:
    """`spawn(argv, **options)` is `subprocess.Popen`, ended by PID with its descendants after the test."""
    started: list[subprocess.Popen[Any]] = []

    def start(argv: Sequence[str], **options: Any) -> "subprocess.Popen[Any]":
        started.append(subprocess.Popen(argv, **options))
        return started[-1]

    yield start
    running = [psutil.Process(child.pid) for child in started if child.poll() is None]
    end_all([process for root in running for process in [root, *root.children(recursive=True)]])
    for child in started:
        child.wait(GRACE)
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()


def fill(path: Path) -> None:
    """Take all the room that a file system has."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB that can really be full; loudly skipped where none can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=0700", "tmpfs", str(disk)]
    mounted = subprocess.run(words, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted (that takes root): {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def _carries_mark(process: psutil.Process) -> bool:
    try:
        with open(f"/proc/{process.pid}/environ", "rb") as stream:
            return f"{MARK}={os.environ[MARK]}".encode() in stream.read(1 << 20).split(b"\0")
    except OSError:  # gone, or of another user: not one of ours
        return False


def _account(process: psutil.Process) -> str | None:
    """A line about a live process; None for one that is gone, a zombie (holds no memory), or multiprocessing's own."""
    try:
        line = " ".join(process.cmdline())[:120] or process.name()
        ignored = process.status() == psutil.STATUS_ZOMBIE or "multiprocessing.resource_tracker" in line
        return None if ignored else f"{process.pid} {line}"
    except psutil.NoSuchProcess:
        return None


def started_processes() -> dict[psutil.Process, str]:
    """All live processes that this test session started, descendants and orphans, with a line about each."""
    found = set(psutil.Process().children(recursive=True))
    found |= {process for process in psutil.process_iter() if process.pid != os.getpid() and _carries_mark(process)}
    return {process: line for process in found if (line := _account(process)) is not None}


@pytest.fixture(autouse=True)
def leak_guard(request: pytest.FixtureRequest) -> Iterator[None]:
    """A live test that leaves a process behind fails, and the process is ended for it."""
    if request.node.get_closest_marker("live") is None:
        yield
        return
    before = started_processes()
    yield
    end = time.monotonic() + GRACE
    while (left := {one: line for one, line in started_processes().items() if one not in before}) and (
        time.monotonic() < end
    ):
        time.sleep(0.02)
    if left:
        end_all(list(left))
        pytest.fail(f"left running: {', '.join(sorted(left.values()))}", pytrace=False)
