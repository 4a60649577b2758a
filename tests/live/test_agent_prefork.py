"""Is a prefork server, whose code nobody changed, brought back from critical while it answers every request?"""

import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.live.daemon_run import start_daemon

pytestmark = pytest.mark.live

BIN = Path(sys.executable).parent
# What web applications do: work on much, keep a little of it. That pins the heap: nothing of it goes back unasked.
APPLICATION = """
from flask import Flask

app = Flask(__name__)
kept = []

@app.route('/busy/<int:size>')
def work(size):
    parts = [bytearray(b'x' * 60_000) for _ in range(size)]
    kept[:] = parts[::50] if size > 50 else kept
    return str(sum(map(len, parts)))
"""
CONFIG = "import gc\ndef pre_fork(server, worker):\n    gc.freeze()\n"
WATCH = """
global: {{interval: 200ms, run_dir: {run_dir}}}
targets: [{{name: shop, match: {{pid: {pid}, children: true}}, as: group, policy: p}}]
policies:
  p:
    cooldown: 60s
    tiers:
      critical: {{when: {{rss: {size}MB}}, do: [reclaim]}}
"""


class Load:
    """Two clients that ask one request after the other until they are told to end."""

    def __init__(self, port: int) -> None:
        self.port, self.statuses, self.over = port, [], threading.Event()  # type: int, list[int], threading.Event
        self._threads = [threading.Thread(target=self._go) for _ in range(2)]
        for thread in self._threads:
            thread.start()

    def ask(self, size: int) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/busy/{size}", timeout=20) as answer:
            self.statuses.append(int(answer.status))

    def _go(self) -> None:
        while not self.over.is_set():
            try:
                self.ask(2)
            except OSError as error:
                self.statuses.append(getattr(error, "code", 0))

    def end(self) -> list[int]:
        self.over.set()
        for thread in self._threads:
            thread.join(30)
        return self.statuses


def group(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def proportional(pid: int) -> int:
    return sum(int(one.memory_full_info().pss) for one in group(pid))


def resident(pid: int) -> int:
    return sum(int(one.memory_info().rss) for one in group(pid))


def test_a_prefork_server_is_brought_back_from_critical_and_answers_every_request(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    pytest.importorskip("gunicorn")
    pytest.importorskip("flask")
    (tmp_path / "app.py").write_text(APPLICATION)
    (tmp_path / "gunicorn.conf.py").write_text(CONFIG)
    port, run_dir = free_port(), tmp_path / "run"
    server = spawn(
        [
            *(str(BIN / "brimwatch"), "hooks", "run", "--run-dir", str(run_dir), "--"),
            *(str(BIN / "gunicorn"), "app:app", "--workers", "4", "--bind", f"127.0.0.1:{port}"),
            *("--no-control-socket", "--log-level", "warning"),
        ],
        cwd=tmp_path,
    )
    wait_until(lambda: len(group(server.pid)) == 5 and len(list(run_dir.glob("*.sock"))) == 5, 30)
    load = Load(port)
    try:
        wait_until(lambda: len(load.statuses) > 200, 60)
        at_rest = resident(server.pid)
        wait_until(lambda: load.ask(500) or resident(server.pid) > at_rest + 60_000_000, 60)
        bloated, before = resident(server.pid), proportional(server.pid)
        size = (bloated - 20_000_000) // 1_000_000
        text = WATCH.format(run_dir=run_dir, pid=server.pid, size=size)
        daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, text)
        done = wait_until(lambda: daemon.events("action_ran"), 30)[0]["facts"]
        wait_until(lambda: daemon.metric("brimwatch_target_tier", target="shop") == 0, 20)
        answered = len(load.statuses)
        wait_until(lambda: len(load.statuses) > answered + 200, 60)
    finally:
        statuses = load.end()
    after = proportional(server.pid)

    assert set(statuses) == {200}
    assert len(statuses) > 400
    assert done["reclaimed_bytes"] > 20_000_000
    assert done["claimed_bytes"] >= 0
    assert "trim" in done["detail"]
    assert after <= before - 20_000_000
    server.terminate()
    assert server.wait(20) == 0
