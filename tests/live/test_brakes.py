"""Does a real daemon put a real ceiling back, at every end there is, that of SIGKILL included?"""

import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Daemon, Grower, hoarder, start_daemon

pytestmark = pytest.mark.live

CONFIG = """
global: {{interval: 100ms, run_dir: {folder}/run}}
targets: [{{name: hoard, match: {{pid: {pid}}}, policy: p}}]
policies: {{p: {{cooldown: 60s, tiers: {{emergency: {{when: {{rss: 60MB}}, do: [{rungs}]}}}}}}}}
actions:
  ceiling: {{rlimit: {{data: +50MB}}}}
  short:   {{rlimit: {{data: +50MB}}, max: 1s}}
  brake:   {{cgroup: {{memory.high: 98%}}}}
  ask:     {{signal: SIGUSR1, settle: 100ms}}
"""
UNLIMITED = resource.RLIM_INFINITY


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Any:
    """`start(target, rungs)` is a daemon that watches a target of its own with these rungs."""

    def run(target: Grower, rungs: str = "ceiling", **options: Any) -> Daemon:
        config = CONFIG.format(folder=tmp_path, pid=target.pid, rungs=rungs)
        return start_daemon(spawn, wait_until, free_port(), tmp_path, config, **options)

    return run


def limit(target: Grower) -> int:
    return resource.prlimit(target.pid, resource.RLIMIT_DATA)[0]


def undone(daemon: Daemon) -> list[tuple[str, str]]:
    found = [event for event in daemon.log() if event["event"] == "action_undone"]
    return [(event["action"], event["reason"]) for event in found]


def records(folder: Path) -> list[str]:
    return os.listdir(folder / "run" / "undo")


def test_a_memory_error_instead_of_the_end_and_recovery_lifts_the_ceiling(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    target = hoarder(spawn)
    daemon = start(target)
    target.say("grow 100")
    target.expect("MemoryError")
    wait_until(lambda: undone(daemon))
    assert undone(daemon) == [("ceiling", "recovered")]
    assert (limit(target), records(tmp_path), target.process.poll()) == (UNLIMITED, [], None)
    (ran,) = daemon.events("action_ran")
    assert "RLIMIT_DATA" in ran["facts"]["detail"]


def test_a_killed_daemon_leaves_a_record_and_the_next_one_undoes_it(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    target = hoarder(spawn)
    target.say("hold 80")
    daemon = start(target)
    wait_until(lambda: daemon.events("action_ran"))
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait()
    assert limit(target) != UNLIMITED
    assert len(records(tmp_path)) == 1

    target.say("give")
    daemon = start(target)
    assert undone(daemon) == [("ceiling", "restart")]
    (restored,) = wait_until(lambda: daemon.events("state_restored"))
    assert restored["facts"]["undone"] == 1
    assert (limit(target), records(tmp_path)) == (UNLIMITED, [])


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        pytest.param(signal.SIGTERM, "stopped", id="at a stop"),
        pytest.param(signal.SIGHUP, "reload", id="at a reload without the action"),
    ],
)
def test_it_ends_with_the_daemon_or_its_place_in_the_configuration(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path, end: int, reason: str
) -> None:
    target = hoarder(spawn)
    target.say("hold 80")
    daemon = start(target)
    wait_until(lambda: limit(target) != UNLIMITED)
    if end == signal.SIGHUP:
        (tmp_path / "brimwatch.yaml").write_text(CONFIG.format(folder=tmp_path, pid=target.pid, rungs="ask"))
    daemon.process.send_signal(end)
    wait_until(lambda: undone(daemon))
    assert undone(daemon) == [("ceiling", reason)]
    assert (limit(target), records(tmp_path)) == (UNLIMITED, [])


def test_it_ends_at_its_max_though_the_tier_holds(spawn: Any, start: Any, wait_until: Any, tmp_path: Path) -> None:
    target = hoarder(spawn)
    target.say("hold 80")
    daemon = start(target, "short")
    wait_until(lambda: undone(daemon))
    assert undone(daemon) == [("short", "max")]
    assert daemon.metric("brimwatch_target_tier", target="hoard") == 3
    assert daemon.json("/api/v1/status")["changes_in_force"] == 0
    assert (limit(target), records(tmp_path)) == (UNLIMITED, [])


def test_a_rung_that_buys_time_is_followed_by_the_next_at_once(spawn: Any, start: Any, wait_until: Any) -> None:
    target = hoarder(spawn)
    target.say("hold 80")
    daemon = start(target, "brake, ceiling, ask")
    wait_until(lambda: [event for event in daemon.events("action_suppressed") if event["facts"]["action"] == "ask"])
    assert daemon.json("/api/v1/status")["changes_in_force"] == 1
    refused = {event["facts"]["action"]: event["facts"]["reason"] for event in daemon.events("action_suppressed")}
    assert refused["ask"] == "no_handler"
    assert limit(target) != UNLIMITED


def test_dry_run_sets_nothing(spawn: Any, start: Any, wait_until: Any, tmp_path: Path) -> None:
    target = hoarder(spawn)
    target.say("hold 80")
    daemon = start(target, arguments=("--dry-run",))
    wait_until(lambda: daemon.events("action_suppressed"))
    assert daemon.events("action_suppressed")[0]["facts"]["reason"] == "dry_run"
    assert limit(target) == UNLIMITED
    assert not (tmp_path / "run").exists()
