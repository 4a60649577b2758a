"""Does a real Celery worker stop taking tasks, drain and leave, and replace a child that has grown?"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.speaking import Target
from tests.recipes.cooking import blocks, need, show

pytestmark = pytest.mark.live
APP = """
import os, time
from celery import Celery
from brimwatch import hooks

for name in ("in", "control", "done"):
    os.makedirs(name, exist_ok=True)
app = Celery("shop", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": "in", "data_folder_out": "in", "control_folder": "control", "processed_folder": "done",
    "polling_interval": 0.05,
}
app.conf.worker_prefetch_multiplier = 1

@app.task
def work(name, until="", size=0):
    kept = bytearray(size)
    with open(name + "-begun", "w"):
        pass
    while until and not os.path.exists(until):
        time.sleep(0.02)
    with open(name + "-new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(name + "-new", name)
"""


class Worker:
    """A worker and its broker, a folder."""

    def __init__(self, process: Any, folder: Path, run_dir: str, wait_until: Any) -> None:
        self.process, self.folder = process, folder
        self.agent = Target(process, run_dir, wait_until)
        self._wait_until = wait_until

    def send(self, *arguments: Any) -> None:
        code = f"import shop; shop.work.delay(*{arguments!r})"
        subprocess.run([sys.executable, "-c", code], cwd=self.folder, check=True, timeout=60)

    def done(self, name: str) -> int:
        """The PID that has done it."""
        return int(str(self._wait_until(lambda: self._text(name), 30)))

    def _text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def _told(self) -> str | None:
        """What the worker says of its queues; None where it was too busy to say anything."""
        code = "import shop; print(shop.app.control.inspect(timeout=20, limit=1).active_queues())"
        told = subprocess.run(
            [sys.executable, "-c", code], cwd=self.folder, capture_output=True, text=True, timeout=60
        ).stdout
        return None if told == "None\n" else told

    def consuming(self) -> bool:
        told = str(self._wait_until(self._told, 60))
        assert "celery@" in told, told
        return "'celery'" in told


@pytest.fixture
def work(spawn: Any, wait_until: Any, tmp_path: Path, run_dir: str) -> Iterator[Callable[..., Worker]]:
    """`work(extra)` is a worker of one child that has the recipe."""

    def begin(extra: str = "") -> Worker:
        need("celery")
        (tmp_path / "shop.py").write_text(APP + blocks("Celery: stop consuming, drain, recycle")[0] + extra)
        command = [sys.executable, "-m", "celery", "-A", "shop", "worker", "-c", "1", "--without-mingle"]
        environment = {**os.environ, "BRIMWATCH_RUN_DIR": run_dir}
        process = spawn(command, cwd=tmp_path, env=environment, stdout=-3, stderr=-3)
        worker = Worker(process, tmp_path, run_dir, wait_until)
        worker.agent.address()
        begun.append(process)
        return worker

    begun: list[Any] = []
    yield begin
    for process in begun:  # alone: it ends its child itself
        process.terminate()
        process.wait(20)


def test_a_worker_stops_consuming_while_critical_and_goes_on_when_it_is_calm(work: Any, wait_until: Any) -> None:
    worker = work()
    worker.send("one")
    worker.done("one")
    worker.agent.ask("PUT", "/v1/tier", {"tier": "critical", "expires_seconds": 300})
    wait_until(lambda: not worker.consuming(), 30)
    worker.send("two")
    assert worker.consuming() is False  # it has answered, and so come past the queue, after the task was sent
    assert not (worker.folder / "two-begun").exists()
    worker.agent.ask("PUT", "/v1/tier", {"tier": "calm", "expires_seconds": 300})
    worker.done("two")


def test_in_an_emergency_a_worker_ends_the_task_that_runs_and_leaves(work: Any, wait_until: Any) -> None:
    worker = work()
    worker.send("long", "go-on")
    wait_until((worker.folder / "long-begun").exists, 30)
    reply = worker.agent.reclaim("emergency")
    assert [hook["outcome"] for hook in reply.body["hooks"] if hook["name"] == "drain_and_leave"] == ["ran"]
    worker.send("next")
    (worker.folder / "go-on").touch()
    assert worker.process.wait(60) == 0
    assert (worker.done("long") > 0, (worker.folder / "next-begun").exists()) == (True, False)
    assert len(list((worker.folder / "in").iterdir())) == 1  # the other task waits for another worker


def test_a_child_that_has_grown_is_replaced_after_its_task(work: Any) -> None:
    worker = work("\napp.conf.worker_max_memory_per_child = 100_000\n")
    worker.send("small")
    worker.send("large", "", 150_000_000)
    worker.send("after")
    small, large, after = (worker.done(name) for name in ("small", "large", "after"))
    show("Celery: a child of 150 MB", {"first": small, "large": large, "after": after})
    assert (small == large, after == large) == (True, False)
