"""Does `explain` on the recording of a run print the decisions that the daemon took? Real daemons, real targets."""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Daemon, grower, start_daemon

from brimwatch.cli.daemon_client import DaemonClient
from brimwatch.cli.observed import Observations

pytestmark = pytest.mark.live

COMPARED = ("tier_entered", "tier_left", "action_ran", "action_failed", "action_suppressed")
CONFIG = """
global: {{interval: 200ms{more}}}
targets:
  - {{name: workers, match: {{cmdline: '{mark}$'}}, policy: ladder}}
  - {{name: tree, match: {{pid: {pid}, children: true}}, as: group, policy: gentle}}
policies:
  ladder:
    cooldown: 1s
    max_parallel: {parallel}
    goal: {{rss: 30MB}}
    tiers:
      warning:   {{when: {{rss: 50MB}}, do: [{warning}]}}
      critical:  {{when: {{rss: 80MB}}, do: [fails, note, ask]}}
      emergency: {{when: {{rss: 120MB}}, readings: 2, do: [wary, slow, ask]}}
  gentle: {{extends: observe, tiers: {{warning: {{when: {{rss: 40MB}}, do: [note]}}}}}}
actions:
  ask: {{signal: SIGUSR1, settle: 300ms}}
  wary: {{signal: SIGTERM, only_if: {{rss: 10GB}}}}
  note: {{exec: [/bin/true]}}
  rare: {{exec: [/bin/true], at_most: 1/h}}
  fails: {{exec: [/bin/sh, -c, 'exit 7']}}
  slow: {{exec: [/bin/sleep, '0.2']}}
"""


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Any:
    def run(config: str, *arguments: str) -> Daemon:
        return start_daemon(spawn, wait_until, free_port(), tmp_path, config, arguments)

    return run


def recording(spawn: Any, wait_until: Any, daemon: Daemon, path: Path, *more: str) -> "subprocess.Popen[Any]":
    process = spawn(
        [sys.executable, "-m", "brimwatch", "record", "-o", str(path), "--url", daemon.url, *more],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: path.exists() and b'"row":"spent"' in path.read_bytes(), 20)
    return process


def ended(process: "subprocess.Popen[Any]", number: int = signal.SIGINT) -> int:
    os.kill(process.pid, number)
    return int(process.wait(20))


def brimwatch(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "brimwatch", *words], capture_output=True, text=True, timeout=60
    )  # fmt: skip


def explained(path: Path, *more: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    done = brimwatch("explain", "--replay", str(path), "--format", "json", *more)
    assert (done.returncode, done.stderr) == (0, "")
    *lines, summary = map(json.loads, done.stdout.splitlines())
    return [line for line in lines if line.get("event") in COMPARED], summary


def decisions(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What has to agree, in order."""
    keys = ("before", "after", "signals", "rss_bytes", "tier", "action", "rung", "rungs", "reason", "reclaimed_bytes",
            "detail", "rest")  # fmt: skip
    return [
        (event["event"], event.get("target"), event.get("member"), *(event["facts"].get(key) for key in keys))
        for event in events
        if event["event"] in COMPARED
    ]


def mark_of(number: int) -> str:
    """Arguments of a grower that keeps 5 MB, written as nobody else writes them."""
    return "--keep " + "5".zfill(9 + number)


def config(mark: str, pid: int, parallel: int = 1, warning: str = "note, rare", more: str = "") -> str:
    return CONFIG.format(mark=mark, pid=pid, parallel=parallel, warning=warning, more=more)


@pytest.mark.parametrize("parallel", [1, 2])
def test_several_members_that_climb_in_turn_and_a_group(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path, parallel: int
) -> None:
    mark = mark_of(parallel)
    workers = [grower(spawn, *mark.split()) for _ in range(3)]
    lone = grower(spawn)
    daemon = start(config(mark, lone.pid, parallel))
    process = recording(spawn, wait_until, daemon, tmp_path / "run.jsonl")
    lone.say("hold 60")
    for worker in workers:
        worker.say("grow 40")
    wait_until(lambda: len(daemon.events("action_ran")) >= 12 and len(daemon.events("action_failed")) >= 3, 60)
    os.kill(workers[1].pid, signal.SIGKILL)
    wait_until(lambda: daemon.metric("brimwatch_target_processes", target="workers") == 2, 10)
    more = len(daemon.events("action_ran"))
    wait_until(lambda: len(daemon.events("action_ran")) > more, 20)
    assert ended(process) == 0
    events, summary = explained(tmp_path / "run.jsonl")

    told = decisions(daemon.events())
    assert len(told) > 20
    assert decisions(events) == told[: len(events)]
    assert len(events) >= summary["agrees"]["same"] > 20
    assert summary["agrees"]["different"] == 0
    assert {"condition", "budget"} & {event["facts"].get("reason") for event in events}
    assert brimwatch("explain", "--replay", str(tmp_path / "run.jsonl")).stdout.count("the daemon told the same") == 1


def test_a_recording_that_begins_in_the_middle_of_a_climb(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    worker, lone = grower(spawn, *mark_of(3).split()), grower(spawn)
    daemon = start(config(mark_of(3), lone.pid))
    worker.say("hold 100")
    wait_until(lambda: daemon.events("action_failed"), 10)
    before = len(decisions(daemon.events()))
    process = recording(spawn, wait_until, daemon, tmp_path / "run.jsonl")
    worker.say("hold 150")
    wait_until(lambda: [e for e in daemon.events("action_ran") if e["facts"]["tier"] == "emergency"], 30)
    assert ended(process, signal.SIGTERM) == 0
    events, summary = explained(tmp_path / "run.jsonl")
    mine, told = decisions(events), decisions(daemon.events())
    assert mine
    start_at = next(at for at in range(before, len(told)) if told[at : at + len(mine)] == mine)
    assert start_at - before <= 6
    assert summary["agrees"]["different"] == 0


def test_a_dry_run_and_a_reload_are_replayed_as_they_were(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    worker, lone = grower(spawn, *mark_of(4).split()), grower(spawn)
    daemon = start(config(mark_of(4), lone.pid, more=", dry_run: true"))
    process = recording(spawn, wait_until, daemon, tmp_path / "run.jsonl")
    worker.say("hold 100")
    wait_until(lambda: daemon.events("action_suppressed"), 10)
    file = tmp_path / "brimwatch.yaml"
    first = file.read_text()
    second = config(mark_of(4), lone.pid, warning="note").replace("rss: 80MB", "rss: 110MB")
    file.write_text(second)
    wait_until(lambda: daemon.events("config_reloaded"), 10)
    wait_until(lambda: daemon.events("tier_left"), 10)
    worker.say("hold 160")
    wait_until(lambda: daemon.events("action_ran"), 20)
    assert ended(process) == 0
    path = tmp_path / "run.jsonl"
    events, summary = explained(path)
    assert decisions(events) == decisions(daemon.events())[: len(events)]
    assert "dry_run" in summary["summary"]["workers"]["refused"]
    assert summary["agrees"]["different"] == 0

    for name, text in (
        ("first.yaml", first),
        ("other.yaml", first.replace("rss: 80MB", "rss: 98GB").replace("rss: 120MB", "rss: 99GB")),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    done = brimwatch("explain", "--config.file", str(tmp_path / "other.yaml"), "--replay", str(path))
    assert done.returncode == 0
    assert "critical was never entered: closest rss 1" in done.stdout


def test_the_configuration_that_was_in_force_gives_the_decisions_that_were_taken(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    worker, lone = grower(spawn, *mark_of(5).split()), grower(spawn)
    daemon = start(config(mark_of(5), lone.pid), "--interval", "100ms")
    path = tmp_path / "run.jsonl"
    process = recording(spawn, wait_until, daemon, path, "--target", "workers")
    worker.say("hold 100")
    lone.say("hold 90")
    wait_until(lambda: any(e["facts"]["action"] == "ask" for e in daemon.events("action_ran")), 15)
    assert ended(process) == 0
    events, summary = explained(path, "--config.file", str(tmp_path / "brimwatch.yaml"))
    told = [one for one in decisions(daemon.events()) if one[1] == "workers"]
    assert decisions(events) == told[: len(events)]
    assert list(summary["summary"]) == ["workers"]
    assert summary["agrees"]["same"] >= 3
    assert summary["agrees"]["different"] == 0


def test_no_daemon_is_needed_to_record_a_process(spawn: Any, wait_until: Any, tmp_path: Path) -> None:
    target, path = grower(spawn), tmp_path / "run.jsonl"
    process = spawn(
        [sys.executable, "-m", "brimwatch", "record", "-o", str(path), "--pid", str(target.pid)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: path.exists() and path.read_bytes().count(b'"row":"look"') > 2, 20)
    assert path.stat().st_mode & 0o777 == 0o600
    target.process.stdin.close()
    assert process.wait(20) == 0
    assert "rows" in process.stderr.read()
    assert json.loads(path.read_bytes().splitlines()[-1]) == {"row": "end", "reason": f"process {target.pid} is gone"}
    assert explained(path)[1]["looks"] > 2


def test_a_daemon_that_vanishes_is_said_and_what_was_written_stays_good(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    worker, lone = grower(spawn, *mark_of(6).split()), grower(spawn)
    daemon = start(config(mark_of(6), lone.pid))
    path = tmp_path / "run.jsonl"
    process = recording(spawn, wait_until, daemon, path)
    worker.say("hold 60")
    wait_until(lambda: path.read_bytes().count(b'"row":"look"') > 2, 20)
    os.kill(daemon.process.pid, signal.SIGKILL)
    assert process.wait(20) == 1
    assert "the daemon is gone" in process.stderr.read()
    assert path.read_bytes().endswith(b"}\n")
    assert explained(path)[1]["looks"] > 2


def test_a_daemon_that_stops_in_order_ends_the_recording_in_order(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    lone = grower(spawn)
    daemon = start(config(mark_of(7), lone.pid))
    path = tmp_path / "run.jsonl"
    process = recording(spawn, wait_until, daemon, path)
    daemon.process.terminate()
    assert daemon.process.wait(10) == 0
    assert process.wait(20) == 1
    assert "the daemon stopped" in process.stderr.read()
    assert json.loads(path.read_bytes().splitlines()[-1]) == {"row": "end", "reason": "the daemon stopped"}


def test_suggestions_from_a_daemon_that_has_seen_too_little_are_refused(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    lone = grower(spawn)
    daemon = start(config(mark_of(8), lone.pid))
    wait_until(lambda: len(daemon.json("/api/v1/targets/tree/history")["history"][0]["rows"]) > 2, 10)
    done = brimwatch("suggest", "--url", daemon.url, "--target", "tree")
    assert done.returncode == 1
    assert "tree: too little history" in done.stderr
    assert "at least 2m 0s and 30 looks are needed" in done.stderr


def test_a_daemon_says_what_its_targets_match(spawn: Any, start: Any) -> None:
    lone = grower(spawn)
    daemon = start(config(mark_of(9), lone.pid))
    asked = argparse.Namespace(url=daemon.url, token_file=None, user=None, password_file=None, ca_file=None)
    observed, client = Observations(["tree"]), DaemonClient(asked)
    observed.daemon(client)
    observed.matches(client)
    assert observed.targets["tree"].match == {"pid": lone.pid, "children": True}


def test_a_target_that_the_daemon_does_not_know_is_refused_by_all_who_ask_it(
    spawn: Any, start: Any, tmp_path: Path
) -> None:
    lone = grower(spawn)
    daemon = start(config(mark_of(6), lone.pid))
    output = tmp_path / "run.jsonl"
    for words in (["record", "-o", str(output), "--duration", "5s"], ["explain"]):
        done = brimwatch(*words, "--url", daemon.url, "--target", "typo")
        assert done.returncode == 2
        assert "--target: found typo; the daemon knows" in done.stderr
    assert not output.exists()
