"""Real processes: large, dead, half dead, gone, the kernel's, somebody else's, and one with a hostile name."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from brimwatch.inspect.json_form import to_json
from brimwatch.inspect.look import inspect_process
from brimwatch.inspect.report import Report, Sizes
from brimwatch.procfs.stat import read_stat
from brimwatch.record.redact import redact
from brimwatch.record.text import escaped

pytestmark = pytest.mark.live

MB = 1_000_000
NOBODY = 65534
HOLD = """
import signal, sys, threading
block = bytearray(200_000_000)
for place in range(0, len(block), 4096):
    block[place] = 1
signal.signal(signal.SIGUSR1, lambda *_: None)
print("ready", flush=True)
input()
"""
HALF_DEAD = """
import ctypes, threading
block = bytearray(50_000_000)
for place in range(0, len(block), 4096):
    block[place] = 1
threading.Thread(target=lambda: (print("ready", flush=True), input())).start()
ctypes.CDLL(None).pthread_exit(None)
"""
HOSTILE = """
import mmap, sys
with open("/proc/self/comm", "w") as stream:
    stream.write("\\x1b]0;own\\x07) Z 1")
with open(sys.argv[1], "wb+") as stream:
    stream.truncate(1_000_000)
    mapped = mmap.mmap(stream.fileno(), 0)
    mapped.write(b"x" * 1_000_000)
    print("ready", flush=True)
    input()
"""
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(spawn: Start) -> Start:
    """Start a Python program and wait until it says that it is ready."""

    def begin(source: str, *arguments: str) -> "subprocess.Popen[bytes]":
        options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = spawn([sys.executable, "-c", source, *arguments], **options)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    return begin


def inspected(pid: int) -> Report:
    return inspect_process(pid, redact=redact, escape=lambda text: escaped(text, 200))


def command(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "brimwatch", "inspect", *words], capture_output=True, text=True, timeout=60
    )


def test_a_large_python_process_is_seen_whole(start: Start) -> None:
    found = inspected(start(HOLD, "--password=hunter2").pid)
    sizes, mappings = found.sizes, found.mappings

    assert mappings is not None
    for size in (sizes.rss, sizes.pss, sizes.uss, sizes.anon, mappings.rss, mappings.groups[0].rss):
        assert size is not None
        assert 200 * MB <= size < 260 * MB
    assert mappings.groups[0].name == "[anonymous]"
    assert found.complete_ratio is not None
    assert found.complete_ratio > 0.98
    assert found.bounds.signals is not None
    assert "USR1" in found.bounds.signals
    assert "hunter2" not in json.dumps(to_json(found))
    assert found.missing == ()


def test_a_look_changes_nothing_about_the_size(start: Start) -> None:
    process = start(HOLD)
    first, second = (replace(inspected(process.pid).sizes, pss=None) for _ in range(2))

    assert second == first  # but for the proportional set, which changes with whoever else maps the same files


def test_a_zombie_is_called_one(spawn: Start, wait_until: Callable[..., Any]) -> None:
    process = spawn(["true"])
    wait_until(lambda: read_stat("/proc", process.pid).state == "Z")
    found = inspected(process.pid)

    assert (found.origin.state, found.sizes, found.mappings) == ("Z", Sizes(), None)
    assert [missing.what for missing in found.missing] == ["sizes"]


def test_a_process_whose_first_thread_has_ended_still_has_its_sizes(
    start: Start, wait_until: Callable[..., Any]
) -> None:
    process = start(HALF_DEAD)
    wait_until(lambda: read_stat("/proc", process.pid).state == "Z")
    found = inspected(process.pid)

    assert found.sizes.rss is not None
    assert found.sizes.uss is not None
    assert found.mappings is not None
    assert min(found.sizes.rss, found.sizes.uss, found.mappings.rss) >= 50 * MB


def kernel_threads() -> Iterator[int]:
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and read_stat("/proc", int(name)).is_kernel_thread:
                yield int(name)
        except ProcessLookupError:
            continue


def test_a_kernel_thread_has_no_sizes() -> None:
    pid = next(kernel_threads(), None)
    if pid is None:
        pytest.skip("no kernel thread is to be seen from within a PID namespace")
    found = inspected(pid)

    assert (found.origin.kernel_thread, found.origin.cmdline, found.sizes) == (True, "", Sizes())
    assert found.missing[0].what == "sizes"


def test_pid_1_is_looked_at_as_far_as_we_may() -> None:
    found = inspected(1)

    assert (found.origin.pid, found.origin.ppid, found.threads >= 1) == (1, 0, True)
    assert found.sizes.rss is not None
    assert found.bounds.limit is not None


def as_nobody(work: Callable[[], object]) -> Any:
    """The JSON of what `work` returns in a forked process of another user."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
            os.write(writing, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text)


def test_somebody_else_s_process_shows_what_all_may_see_and_says_what_not(start: Start) -> None:
    pid = start(HOLD).pid if os.geteuid() == 0 else 1
    found = as_nobody(lambda: to_json(inspected(pid)))

    assert found["rss_bytes"] > 0
    assert (found["pss_bytes"], found["mappings"]) == (None, None)
    assert [missing["what"] for missing in found["missing"]][:3] == [
        "proportional and unique set",
        "mappings",
        "program file",
    ]
    assert [missing["what"] for missing in found["missing"]].count("mappings") == 1
    assert found["missing"][0]["why"].startswith("permission denied: it takes the same user")


def test_hostile_names_stay_on_their_line_and_send_nothing_to_the_terminal(start: Start, tmp_path) -> None:
    path = tmp_path / "evil\n\x1b[31mRss: 9999999 kB"
    process = start(HOSTILE, str(path))
    result = command(str(process.pid))

    assert result.returncode == 0
    assert [sign for sign in result.stdout if not sign.isprintable() and sign != "\n"] == []
    assert "'\\x1b]0;own\\x07) Z 1'" in result.stdout
    assert "\\x1b[31mRss: 9999999 kB" in result.stdout
    assert "10.2 GB" not in result.stdout


def test_the_command_prints_one_object(start: Start) -> None:
    result = command(str(start(HOLD).pid), "--format", "json")
    found = json.loads(result.stdout)

    assert (result.returncode, found["rss_bytes"] >= 200 * MB, found["missing"]) == (0, True, [])
    assert found["python"]["version"] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["4194304"], 1, "brimwatch: there is no process 4194304, or it has ended meanwhile\n"),
        (["0"], 2, "argument PID: found '0', wanted a whole number of at least 1\n"),
        (["self"], 2, "argument PID: found 'self', wanted a whole number of at least 1\n"),
    ],
    ids=["a process that is not there is a failure", "0 is bad usage", "a name is bad usage"],
)
def test_what_cannot_be_inspected_says_why(words: list[str], code: int, error: str) -> None:
    result = command(*words)

    assert (result.returncode, result.stdout, result.stderr.endswith(error)) == (code, "", True), result.stderr
