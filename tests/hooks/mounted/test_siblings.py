"""What do the other workers of a server say when all are asked? A real gunicorn, with workers in every state."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.mounted.applications import FLASK
from tests.hooks.mounted.mounting import BEARER
from tests.hooks.mounted.serving import workers
from tests.hooks.speaking import Target, ask

from brimwatch.hooks.mounted.asking import Absent, connect, exchange
from brimwatch.hooks.mounted.siblings import family, siblings

pytestmark = pytest.mark.live
STUCK = """
@hooks.on("warning", group="stuck", order=1)
def stuck(request):
    import time
    while not os.path.exists("go-on"):
        time.sleep(0.01)
"""


def with_hook(code: str) -> str:
    return FLASK.replace('@app.get("/")', code + '\n@app.get("/")', 1)


@pytest.fixture
def crew(serve: Any, wait_until: Any, run_dir: str) -> Any:
    """`crew()` is a server of two workers, their PIDs, and the agents of both."""

    def begin() -> tuple[Any, list[int], Target]:
        server = serve("flask", "--workers", "2", "--timeout", "120", text=with_hook(STUCK))
        pids = wait_until(lambda: workers(server.process.pid, 2), 30)
        target = Target(server.process, run_dir, wait_until)
        for pid in pids:  # the agent is there before the rest of the application
            wait_until(lambda pid=pid: "'stuck'" in str(ask(target.address(pid), "GET", "/v1/stats").body), 30)
        return server, pids, target

    return begin


def test_workers_whose_hook_hangs_are_answered_for_at_the_deadline_and_busy_afterwards(
    crew: Any, tmp_path: Path
) -> None:
    server, pids, _ = crew()
    hung = server("POST", "/memory/stuck/optimize?workers=all", {"deadline_seconds": 0.5}, **BEARER)
    assert (hung.status, sorted(worker["pid"] for worker in hung.body["workers"])) == (200, pids)
    assert [worker["hooks"][0]["reason"] for worker in hung.body["workers"]] == ["deadline", "deadline"]
    busy = server("POST", "/memory/optimize?workers=all", **BEARER)
    assert (busy.status, [worker["error"] for worker in busy.body["workers"]]) == (200, ["busy", "busy"])
    assert (hung.body["complete"], busy.body["complete"]) == (False, False)
    (tmp_path / "go-on").touch()


def test_a_stopped_worker_is_given_up_after_the_deadline(crew: Any, wait_until: Any) -> None:
    server, pids, _ = crew()
    answering = int(server("GET", "/").content)
    (other,) = [pid for pid in pids if pid != answering]
    os.kill(other, signal.SIGSTOP)
    try:
        body = server("POST", "/memory/reports/optimize?workers=all", {"deadline_seconds": 0.5}, **BEARER).body
    finally:
        os.kill(other, signal.SIGCONT)
    by_pid = {worker["pid"]: worker for worker in body["workers"]}
    assert (by_pid[other]["error"], by_pid[answering]["complete"], body["complete"]) == ("deadline", True, False)


def as_a_daemon(pid: int, target: Target) -> int:
    """The status of a reclaim that takes the lease, by the test's own process."""
    asked = {"tier": "warning", "names": []}
    with connect(pid, (family(pid) or (0, 0, 0))[2], target.run_dir) as connection:
        return exchange(connection, "/v1/reclaim", asked, time.monotonic() + 20)[0]


def test_asking_by_hand_takes_no_lease_and_needs_none(crew: Any) -> None:
    server, pids, target = crew()
    for pid in pids:
        assert as_a_daemon(pid, target) == 200
    body = server("POST", "/memory/reports/optimize?workers=all", **BEARER).body
    assert [hook["outcome"] for worker in body["workers"] for hook in worker["hooks"]] == ["ran", "ran"]
    # The lease of the test's own process stands as it did.
    for pid in pids:
        assert as_a_daemon(pid, target) == 200


def test_what_listens_in_a_workers_place_is_not_asked(crew: Any, tmp_path: Path) -> None:
    server, pids, target = crew()
    answering = int(server("GET", "/").content)
    (other,) = [pid for pid in pids if pid != answering]
    place = target.address(other)
    os.unlink(place)
    os.symlink(target.address(answering), place)
    with pytest.raises(Absent):
        connect(other, (family(other) or (0, 0, 0))[2], target.run_dir)


def test_processes_that_only_share_a_parent_are_no_workers(spawn: Any) -> None:
    stranger = spawn(["sleep", "60"])
    python = spawn([sys.executable, "-c", "input()"], stdin=-1, start_new_session=True)
    found = [pid for pid, _ in siblings()]
    assert [pid for pid in (stranger.pid, python.pid, os.getpid(), os.getppid()) if pid in found] == []


def test_workers_that_uvicorn_starts_anew_are_siblings_too(serve: Any, wait_until: Any, run_dir: str) -> None:
    server = serve("starlette", "--workers", "2")

    def ready() -> list[str]:
        found = [os.path.join(run_dir, name) for name in os.listdir(run_dir) if name.endswith(".sock")]
        return found if sum("'drop_reports'" in str(ask(one, "GET", "/v1/stats").body) for one in found) == 2 else []

    wait_until(ready, 30)
    body = server("POST", "/memory/reports/optimize?workers=all", **BEARER).body
    assert ([worker["complete"] for worker in body["workers"]], body["complete"]) == ([True, True], True)
    assert len({worker["pid"] for worker in body["workers"]}) == 2
