"""Does `gc.freeze()` keep memory shared, and does a worker that is too large replace itself without a lost request?"""

import os
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.hooks.mounted.serving import answers, fetch, workers
from tests.hooks.speaking import Target, ask, outcomes
from tests.recipes.cooking import blocks, show

pytestmark = pytest.mark.live
HEADING = "gunicorn: share before the fork, recycle after it"
APP = """
import os, signal, threading
from brimwatch import hooks
hooks.install()
catalogue = [[number] for number in range(400_000)]  # what was loaded before the fork: about 50 MB

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""
COUNT = 3


@pytest.fixture
def serve(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, run_dir: str) -> Any:
    """`serve(config)` is a server of three workers: its PID, its port, and the way to its agents."""

    def begin(config: str) -> tuple[int, int, Target]:
        pytest.importorskip("gunicorn")
        (tmp_path / "app.py").write_text(APP + blocks(HEADING)[1])
        (tmp_path / "gunicorn.conf.py").write_text(config)
        port = free_port()
        words = ["-m", "gunicorn", "app:app", "--workers", str(COUNT), "--no-control-socket", "--bind"]
        environment = {**os.environ, "BRIMWATCH_RUN_DIR": run_dir}
        server = spawn([sys.executable, *words, f"127.0.0.1:{port}"], cwd=tmp_path, env=environment, stderr=-3)
        target = Target(server, run_dir, wait_until)
        for pid in wait_until(lambda: workers(server.pid, COUNT), 30):
            target.address(pid)
        wait_until(lambda: answers(port), 30)
        return server.pid, port, target

    return begin


def group_pss(pid: int) -> int:
    parent = psutil.Process(pid)
    return sum(process.memory_full_info().pss for process in [parent, *parent.children()])


def reclaim(target: Target, worker: int, **asked: Any) -> dict[str, tuple[str, str | None]]:
    return outcomes(ask(target.address(worker), "POST", "/v1/reclaim", asked))


def threads(target: Target, worker: int) -> int:
    return int(ask(target.address(worker), "GET", "/v1/stats").body["python_threads"])


def test_what_was_frozen_before_the_fork_stays_shared_when_workers_collect(serve: Any) -> None:
    pid, _, target = serve(blocks(HEADING)[0])
    before = group_pss(pid)
    found = [reclaim(target, worker, tier="emergency", names=["gc"])["gc"] for worker in workers(pid, COUNT)]
    grown = group_pss(pid) - before
    show(HEADING, {"group_pss_bytes": before, "grown_bytes": grown})
    assert (found, grown < 10_000_000) == ([("ran", None)] * COUNT, True)


def test_without_the_recipe_the_hook_leaves_alone_what_is_shared(serve: Any) -> None:
    pid, _, target = serve("preload_app = True\n")
    before = group_pss(pid)
    found = [reclaim(target, worker, tier="critical")["gc"] for worker in workers(pid, COUNT)]
    assert (found, group_pss(pid) - before < 10_000_000) == ([("suppressed", "would_unshare")] * COUNT, True)


def test_a_worker_that_is_still_too_large_replaces_itself_and_every_request_is_answered(
    serve: Any, wait_until: Any
) -> None:
    pid, port, target = serve(blocks(HEADING)[0])
    before = workers(pid, COUNT)
    found: list[int] = []
    load = [
        threading.Thread(target=lambda: found.extend(fetch(port, "GET", "/").status for _ in range(100))) for _ in "12"
    ]
    for thread in load:
        thread.start()
    ended = reclaim(target, before[0], tier="emergency", needed_bytes=1_000_000_000)
    wait_until(lambda: workers(pid, COUNT) and before[0] not in workers(pid, COUNT), 30)
    for thread in load:
        thread.join()
    after = wait_until(lambda: workers(pid, COUNT), 30)
    show(HEADING, {"before": before, "after": after, "requests": len(found)})
    assert ended["recycle_worker"] == ("ran", None)
    assert set(before) - set(after) == {before[0]}
    assert found == [200] * 200


def test_a_worker_of_which_enough_came_back_or_nothing_was_wanted_stays(serve: Any, wait_until: Any) -> None:
    pid, _, target = serve(blocks(HEADING)[0])
    before = workers(pid, COUNT)
    for worker in before:
        assert reclaim(target, worker, tier="emergency")["recycle_worker"] == ("ran", None)
    for worker in before:  # a timer would be a third thread, and its worker be gone when it has ended
        wait_until(lambda worker=worker: threads(target, worker) <= 2)
    assert workers(pid, COUNT) == before
