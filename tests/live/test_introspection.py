"""Are the four figures of a program that has no agent right in /metrics, and does a tier on its objects fire?"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.inspect.pythons import Looked, start_python
from tests.live.daemon_run import Daemon, start_daemon

pytestmark = pytest.mark.live

# A service as they are: some threads, some 120,000 objects, some of what it held given back and now holes.
SERVICE = """
class Order:
    def __init__(self, number): self.number = number; self.lines = [number]
kept = [Order(i) for i in range(60000)]
gone = [bytes(3000) for i in range(20000)]
gone = gone[::10]
e = threading.Event()
for i in range(6): threading.Thread(target=e.wait, daemon=True).start()
"""
POLICY = "{extends: small, tiers: {warning: {for: 0s, when: {python_objects: 50000}}}}"


def config(pid: int, more: str = "") -> str:
    return f"targets: [{{name: app, match: {{pid: {pid}}}, policy: {POLICY}}}]\n{more}"


def workers(daemon: Daemon) -> list[psutil.Process]:
    return [one for one in psutil.Process(daemon.process.pid).children() if "inspect.worker" in " ".join(one.cmdline())]


def test_the_four_figures_of_a_program_without_an_agent(
    spawn: Any, wait_until: Callable[..., Any], free_port: Callable[[], int], tmp_path: Path
) -> None:
    app = start_python(spawn, sys.executable, SERVICE)
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config(app.pid))

    def value(name: str, **labels: str) -> float | None:
        return daemon.metric(f"brimwatch_target_{name}", target="app", **labels)

    wait_until(lambda: daemon.events("tier_entered"), 30)
    entered = daemon.events("tier_entered")[0]
    memory = psutil.Process(app.pid).memory_info()
    said = app.said
    assert "python_objects" in entered["told"]
    assert value("resident_memory_bytes") == pytest.approx(memory.rss, rel=0.01)
    assert value("virtual_memory_bytes") == pytest.approx(memory.vms, rel=0.01)
    assert (value("threads"), value("python_threads")) == (7, said["threads"])
    assert 0 <= (value("python_objects", source="walk") or 0) - said["objects"] <= 3
    assert value("python_blocks") == pytest.approx(said["blocks"], rel=0.01)
    assert value("introspection_complete_ratio") == 1
    assert value("allocator_trimmable_bytes", allocator="glibc") == pytest.approx(40e6, rel=0.2)
    assert (value("fragmentation_ratio", allocator="glibc") or 0) > 0.5
    assert (value("fragmentation_ratio", allocator="pymalloc") or 1) < 0.2
    assert 0 < (daemon.metric("brimwatch_introspection_cpu_seconds_total") or 0) < 1.5
    assert daemon.metric("brimwatch_collector_capable", target="app", collector="introspection") == 1


def test_the_worker_ends_with_the_daemon_and_is_nobody_s_target(
    spawn: Any, wait_until: Callable[..., Any], free_port: Callable[[], int], tmp_path: Path
) -> None:
    app: Looked = start_python(spawn, sys.executable)
    everyone = "- {name: pythons, match: {cmdline: 'python'}, policy: observe}\n"
    text = config(app.pid).replace("targets: [", "targets:\n- ").replace("}]\n", "}\n") + everyone
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, text)
    (worker,) = wait_until(lambda: workers(daemon), 20)
    wait_until(lambda: daemon.metric("brimwatch_target_python_threads", target="app"), 20)
    assert worker.nice() == 10
    assert worker.memory_info().rss < 40e6
    shown = {row["pid"] for target in daemon.json("/api/v1/targets")["targets"] for row in _members(target)}
    assert (app.pid in shown, worker.pid in shown, daemon.process.pid in shown) == (True, False, False)
    os.kill(daemon.process.pid, signal.SIGKILL)
    wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, 10)


def _members(target: dict[str, Any]) -> list[dict[str, Any]]:
    return [member for subject in target["subjects"] for member in subject["processes"]]


def test_a_worker_that_is_killed_is_replaced_and_the_daemon_goes_on(
    spawn: Any, wait_until: Callable[..., Any], free_port: Callable[[], int], tmp_path: Path
) -> None:
    app = start_python(spawn, sys.executable)
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config(app.pid))
    (worker,) = wait_until(lambda: workers(daemon), 20)
    wait_until(lambda: daemon.metric("brimwatch_target_python_threads", target="app"), 20)
    worker.kill()
    wait_until(lambda: [event for event in daemon.log() if event.get("place") == "introspection"], 20)
    assert daemon.status_of("/-/healthy") == 200
    assert daemon.metric("brimwatch_target_python_threads", target="app") == 1  # until it is old
