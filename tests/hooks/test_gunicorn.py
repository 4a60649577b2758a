"""Does a prefork server with no change to its code get memory back in every worker? A real gunicorn, under load."""

import os
import threading
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.hooks.speaking import Target, ask, outcomes
from tests.hooks.test_run import BRIMWATCH

pytestmark = pytest.mark.live

# What a web application is like: it fills a cache of its own, and knows nothing of us.
APPLICATION = """
import functools

@functools.lru_cache(maxsize=None)
def report(number):
    return bytearray(200_000)

def app(environ, start_response):
    report(int(environ['PATH_INFO'].strip('/')))
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'fine']
"""
HOOK = "from brimwatch import hooks\nhooks.clear('app:report', tier='warning')\n"
CONFIG = "import gc\ndef pre_fork(server, worker):\n    gc.freeze()\n"


def test_every_worker_of_a_prefork_server_gives_memory_back_and_every_request_is_answered(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, run_dir: str
) -> None:
    (tmp_path / "app.py").write_text(HOOK + APPLICATION)
    (tmp_path / "gunicorn.conf.py").write_text(CONFIG)
    port = free_port()
    server = spawn(
        [
            *(BRIMWATCH, "hooks", "run", "--run-dir", run_dir, "--"),
            *(str(Path(BRIMWATCH).with_name("gunicorn")), "app:app", "--workers", "4"),
            *("--bind", f"127.0.0.1:{port}", "--no-control-socket", "--log-level", "warning"),
        ],
        cwd=tmp_path,
    )
    target = Target(server, run_dir, wait_until)
    workers = wait_until(lambda: four(server.pid), 30)
    addresses = [target.address(pid) for pid in workers]
    answered = load(port, 400)
    shared = proportional([server.pid, *workers])
    before = [ask(address, "GET", "/v1/stats").body for address in addresses]
    going = threading.Thread(target=lambda: answered.extend(load(port, 200)))
    going.start()
    replies = [ask(address, "POST", "/v1/reclaim", {"tier": "critical"}) for address in addresses]
    going.join()

    assert answered == [200] * 600
    assert {worker["agent"]["forked"] for worker in before} == {True}
    for reply in replies:
        found = outcomes(reply)
        assert (found["cache:report"], found["gc"], found["trim"]) == (("ran", None),) * 3
    assert sum(reply.body["reclaimed_bytes"] for reply in replies) > 30_000_000
    assert proportional([server.pid, *workers]) < shared - 30_000_000
    server.terminate()
    assert server.wait(20) == 0
    assert os.listdir(run_dir) == []


def four(pid: int) -> list[int]:
    children = [child.pid for child in psutil.Process(pid).children()]
    return children if len(children) == 4 else []


def proportional(pids: list[int]) -> int:
    return sum(int(psutil.Process(pid).memory_full_info().pss) for pid in pids)


def load(port: int, count: int) -> list[int]:
    """Requests one after the other; the status of each."""
    statuses = []
    for number in range(count):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=20) as answer:
            statuses.append(int(answer.status))
    return statuses
