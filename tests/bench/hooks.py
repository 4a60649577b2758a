"""What do the hooks cost a program? Import, install, an idle agent, an answer, and a request until the hook runs."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack

from tests.bench.figure import emit, say
from tests.bench.machine import cpu_seconds
from tests.hooks.conftest import DAEMON, VERSIONS, find_python
from tests.hooks.speaking import connect, read_reply, request

RUNS = 15
ANSWERS = 300
IDLE = 10.0  # seconds of which the CPU share is the mean
START = f"""
import os, sys, time  # and not json: it is part of what an install brings
sys.path.insert(0, {str(DAEMON)!r})
def size():
    with open('/proc/self/statm', 'rb', 0) as file:
        return int(file.read().split()[1]) * 4096
size()
first, began = size(), time.perf_counter()
from brimwatch import hooks
second, imported = size(), time.perf_counter()
hooks.install(run_dir=sys.argv[1])
third, installed = size(), time.perf_counter()
found = {{'import_seconds': imported - began, 'install_seconds': installed - imported,
         'import_bytes': second - first, 'install_bytes': third - second}}
"""
TARGET = """
import sys, time
at = []
hooks.on('warning', name='mark')(lambda request: at.append(time.monotonic()))
print(hooks.status()['agent']['address'], flush=True)
for line in sys.stdin:
    print(at.pop(), flush=True)
"""


def run() -> None:
    """All figures, on every Python that is here."""
    for version in VERSIONS:
        python = find_python(version)
        if python is None:
            say(f"no Python {version} is installed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            report_start(python, version, folder)
    with tempfile.TemporaryDirectory() as folder:
        report_answers(folder)


def report_start(python: str, version: str, folder: str) -> None:
    """Import and install under `python -I -S`, where nothing else has been imported; the median of several starts."""
    command = [python, "-I", "-S", "-c", START + "import json; print(json.dumps(found))", folder]
    starts = []
    for _ in range(RUNS):
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        starts.append(json.loads(answer.stdout))
    for what in ("import", "install"):
        for figure, unit in (("seconds", "s"), ("bytes", "bytes")):
            value = statistics.median(start[f"{what}_{figure}"] for start in starts[1:])  # the first one compiled
            emit("hooks", f"{what}_{figure}", value, unit, RUNS - 1, f"brimwatch.hooks, Python {version} -I -S")


def report_answers(folder: str) -> None:
    """One process with an agent: answers, the way to a hook, and what it takes when nobody asks."""
    command = [sys.executable, "-I", "-S", "-c", START + TARGET, folder]
    with ExitStack() as stack:
        target = stack.enter_context(subprocess.Popen(command, stdin=-1, stdout=-1, text=True))
        stack.callback(target.terminate)
        assert target.stdin is not None
        assert target.stdout is not None
        client = stack.enter_context(connect(target.stdout.readline().strip()))
        answers, hooked = [], []
        for _ in range(ANSWERS):
            began = time.monotonic()
            client.sendall(request("GET", "/v1/stats"))
            read_reply(client)
            answers.append(time.monotonic() - began)
            began = time.monotonic()
            client.sendall(request("POST", "/v1/reclaim", {"tier": "warning", "names": ["mark"]}))
            read_reply(client)
            target.stdin.write("\n")
            target.stdin.flush()
            hooked.append(float(target.stdout.readline()) - began)
        before = cpu_seconds(target.pid)
        time.sleep(IDLE)
        idle = (cpu_seconds(target.pid) - before) / IDLE
    subject = f"brimwatch.hooks, Python {sys.version_info[0]}.{sys.version_info[1]}, idle program"
    for figure, values in (("stats_answer", answers), ("request_to_hook", hooked)):
        emit("hooks", f"{figure}_p50", statistics.median(values), "s", ANSWERS, subject)
        emit("hooks", f"{figure}_p99", sorted(values)[int(ANSWERS * 0.99)], "s", ANSWERS, subject)
    emit("hooks", "idle_cpu_share", idle, "of one core", 1, subject, seconds=IDLE)
