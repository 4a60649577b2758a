"""Is a rung that will not do in time given up before the limit comes, so that the next one saves a real process?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import start_daemon
from tests.live.hooked import start_hooked
from tests.live.memory_cgroup import MemoryCgroup, memory_cgroup
from tests.live.test_replay import decisions, ended, explained, recording

pytestmark = pytest.mark.live

CONFIG = """
global: {{interval: 100ms, run_dir: {folder}/run}}
targets: [{{name: app, match: {{pid: {pid}}}, policy: p}}]
policies:
  p:
    cooldown: 1h
    tiers:
      critical: {{when: {{rss: 100MB}}, do: [slow, ask]}}
actions:
  slow: {{hook: {{names: [slow], timeout: 60s}}}}
  ask:  {{signal: SIGUSR1}}
"""
# It loses 50 MB/s on a thread of its own; its hook takes ages, its signal handler ends the loss and gives all back.
PROGRAM = """
import signal, threading, time
on = threading.Event()
def grow():
    while not on.wait(0.02): take(1)
def stop(*_):
    on.set(); time.sleep(0.05); piles.clear()
signal.signal(signal.SIGUSR1, stop)
hooks.on('critical', name='slow')(lambda request: time.sleep(60))
threading.Thread(target=grow, daemon=True).start()
"""


@pytest.fixture
def cgroup() -> Iterator[MemoryCgroup]:
    with memory_cgroup() as made:
        yield made


def test_the_next_rung_runs_before_the_limit_is_met(
    cgroup: MemoryCgroup, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    cgroup.limit(400_000_000)
    program = start_hooked(spawn, tmp_path / "run")
    cgroup.take(program.pid)
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, CONFIG.format(folder=tmp_path, pid=program.pid))
    wait_until(lambda: daemon.metric("brimwatch_target_memory_limit_bytes", target="app", source="cgroup"), 20)
    recorded = recording(spawn, wait_until, daemon, tmp_path / "run.jsonl")
    program.run(f"exec({PROGRAM!r}, globals())")

    failed = wait_until(lambda: daemon.events("action_failed"), 20)[0]["facts"]
    ran = wait_until(lambda: daemon.events("action_ran"), 20)[0]["facts"]
    assert (failed["action"], failed["reason"]) == ("slow", "deadline")
    assert "the limit comes first" in failed["detail"]
    assert failed["duration_seconds"] < 10
    assert ran["action"] == "ask"
    assert program.run("print(len(piles))") == "0"
    assert daemon.metric("brimwatch_target_oom_kills_total", target="app", evidence="cgroup") == 0

    wait_until(lambda: daemon.events("tier_left"), 20)
    told = decisions(daemon.events())
    assert ended(recorded) == 0
    replayed, summary = explained(tmp_path / "run.jsonl")
    assert decisions(replayed) == told, summary
