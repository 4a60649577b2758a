"""Does the whole of it work? A real daemon on real processes that grow, are asked, and give back."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import grower, start_daemon

pytestmark = pytest.mark.live

LADDER = """
global: {{interval: 200ms{more}}}
targets:
  - {{name: cache, match: {{pid: {pid}}}, policy: ladder}}
policies:
  ladder:
    cooldown: 1s
    tiers:
      warning:   {{when: {{rss: 60MB}}}}
      critical:  {{when: {{rss: 100MB}}, do: [{critical}]}}
      emergency: {{when: {{rss: 140MB}}, do: [{emergency}]}}
actions:
  ask: {{signal: SIGUSR1, settle: 500ms}}
  restart: {{signal: SIGTERM, grace: 500ms, then: SIGKILL}}
  note: {{exec: [/bin/sh, -c, 'echo $BRIMWATCH_TARGET $BRIMWATCH_TIER {{pid}} "$BRIMWATCH_REASON" > {folder}/note']}}
"""


def ladder(pid: int, folder: Path = Path("/tmp"), critical: str = "", emergency: str = "", more: str = "") -> str:
    return LADDER.format(pid=pid, folder=folder, critical=critical, emergency=emergency, more=more)


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Any:
    """`start(config, *arguments, **options)` is a running daemon."""

    def run(config: str | None, *arguments: str, **options: Any) -> Any:
        return start_daemon(spawn, wait_until, free_port(), tmp_path, config, arguments, **options)

    return run


def test_a_process_grows_through_all_tiers_is_signalled_and_gives_back_measured_bytes(
    spawn: Any, start: Any, wait_until: Any
) -> None:
    target = grower(spawn)
    daemon = start(ladder(target.pid, emergency="ask"))
    target.say("grow 100")
    target.expect("caught SIGUSR1")
    target.say("stop")
    wait_until(lambda: daemon.events("action_ran"), 10)
    wait_until(lambda: daemon.metric("brimwatch_target_tier", target="cache") == 0, 10)

    ran = daemon.events("action_ran")[0]
    entered = [event["facts"]["after"] for event in daemon.events("tier_entered")]
    assert entered[:3] == ["warning", "critical", "emergency"]  # it may have grown again before it heard `stop`
    assert ran["facts"]["action"] == "ask"
    assert 100_000_000 < ran["facts"]["reclaimed_bytes"] < 250_000_000
    labels = {"target": "cache", "tier": "emergency", "action": "ask"}
    assert daemon.metric("brimwatch_actions_total", **labels) == 1
    assert daemon.metric("brimwatch_action_reclaimed_bytes_total", **labels) == ran["facts"]["reclaimed_bytes"]
    assert daemon.metric("brimwatch_target_peak_resident_memory_bytes", target="cache") > 140e6
    assert daemon.metric("brimwatch_target_up", target="cache") == 1
    assert daemon.metric("brimwatch_reaction_seconds_count") == 1


def test_a_process_without_a_handler_is_not_signalled_and_lives(spawn: Any, start: Any, wait_until: Any) -> None:
    target = grower(spawn, "--deaf")
    daemon = start(ladder(target.pid, emergency="ask"))
    target.say("hold 150")
    wait_until(lambda: daemon.events("action_suppressed"), 10)
    assert daemon.events("action_suppressed")[0]["facts"]["reason"] == "no_handler"
    assert target.process.poll() is None
    labels = {"target": "cache", "action": "ask", "reason": "no_handler"}
    assert daemon.metric("brimwatch_actions_suppressed_total", **labels) >= 1


def test_a_dry_run_decides_and_sends_nothing(spawn: Any, start: Any, wait_until: Any) -> None:
    target = grower(spawn)
    daemon = start(ladder(target.pid, critical="ask", emergency="restart", more=", dry_run: true"))
    target.say("hold 150")
    wait_until(lambda: daemon.events("action_suppressed"), 10)
    assert {event["facts"]["reason"] for event in daemon.events("action_suppressed")} == {"dry_run"}
    assert daemon.events("action_ran") == []
    assert target.process.poll() is None


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace_and_its_memory_counted(
    spawn: Any, start: Any, wait_until: Any
) -> None:
    target = grower(spawn, "--stubborn")
    daemon = start(ladder(target.pid, emergency="restart"))
    target.say("hold 150")
    assert target.process.wait(10) == -signal.SIGKILL
    wait_until(lambda: daemon.events("action_ran"), 10)
    assert daemon.events("action_ran")[0]["facts"]["reclaimed_bytes"] > 140_000_000
    assert daemon.metric("brimwatch_target_up", target="cache") == 0


def test_a_command_finds_its_facts_in_the_environment(spawn: Any, start: Any, wait_until: Any, tmp_path: Path) -> None:
    target = grower(spawn)
    start(ladder(target.pid, tmp_path, emergency="note"))
    target.say("hold 150")
    note = tmp_path / "note"
    wait_until(lambda: note.exists() and note.read_text(), 10)
    assert re.fullmatch(rf"cache emergency {target.pid} rss 1[4-9]\d\.\d MB >= 140\.0 MB\n", note.read_text())


@pytest.mark.parametrize("moment", ["before the first look", "in a tier", "while a rung runs"])
def test_a_target_that_dies_at_any_moment_does_not_disturb_the_daemon(
    spawn: Any, start: Any, wait_until: Any, moment: str, tmp_path: Path
) -> None:
    target = grower(spawn)
    text = ladder(target.pid, emergency="slow") + "  slow: {exec: [/bin/sleep, '30'], timeout: 60s}\n"
    if moment == "before the first look":
        os.kill(target.pid, signal.SIGKILL)
        target.process.wait()
    daemon = start(text)
    if moment != "before the first look":
        target.say("hold 110" if moment == "in a tier" else "hold 150")
        reached = 2 if moment == "in a tier" else 3
        wait_until(lambda: daemon.metric("brimwatch_target_tier", target="cache") == reached, 10)
        os.kill(target.pid, signal.SIGKILL)
        target.process.wait()
    wait_until(lambda: daemon.metric("brimwatch_target_up", target="cache") == 0, 10)
    assert daemon.metric("brimwatch_target_resident_memory_bytes", target="cache") is None
    assert daemon.status_of("/-/healthy") == 200
    assert daemon.events("internal_fault") == []
    if moment == "while a rung runs":
        assert daemon.events("action_failed")[0]["facts"]["reason"] == "vanished"


def test_a_bad_reload_keeps_the_last_good_configuration(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    target = grower(spawn)
    daemon = start(ladder(target.pid))
    path = tmp_path / "brimwatch.yaml"
    path.write_text("targets: [{name: x, match: {}, policy: nowhere}]\n")
    os.kill(daemon.process.pid, signal.SIGHUP)
    wait_until(lambda: daemon.metric("brimwatch_config_last_reload_successful") == 0, 10)
    assert daemon.metric("brimwatch_target_up", target="cache") == 1
    assert daemon.status_of("/-/reload", "POST") == 422

    path.write_text(ladder(target.pid).replace("name: cache", "name: renamed"))
    wait_until(lambda: daemon.metric("brimwatch_target_up", target="renamed") == 1, 10)  # seen by itself
    assert daemon.metric("brimwatch_config_last_reload_successful") == 1
    assert daemon.metric("brimwatch_target_up", target="cache") is None


def test_a_reload_by_post_keeps_what_is_known_of_an_unchanged_target(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    target = grower(spawn)
    daemon = start(ladder(target.pid))
    target.say("hold 110")
    wait_until(lambda: daemon.metric("brimwatch_target_tier", target="cache") == 2, 10)
    path = tmp_path / "brimwatch.yaml"
    path.write_text(path.read_text() + "# another comment\n")
    assert daemon.status_of("/-/reload", "POST") == 200
    assert daemon.metric("brimwatch_target_tier", target="cache") == 2
    assert len(daemon.events("tier_entered")) == len({e["facts"]["after"] for e in daemon.events("tier_entered")})


def test_the_daemon_ends_at_sigterm_even_while_a_rung_runs(spawn: Any, start: Any, wait_until: Any) -> None:
    target = grower(spawn)
    text = ladder(target.pid, emergency="slow") + "  slow: {exec: [/bin/sleep, '77'], timeout: 90s}\n"
    daemon = start(text)
    target.say("hold 150")
    wait_until(lambda: daemon.json("/api/v1/status")["rungs_running"] == 1, 10)
    daemon.process.terminate()
    assert daemon.process.wait(10) == 0
    assert daemon.log()[-1]["event"] == "daemon_stopped"


def test_systemd_is_told_that_it_is_ready_alive_and_stopping(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.settimeout(10)
        daemon = start(None, env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"})
        assert server.recv(1000).startswith(b"READY=1\nSTATUS=watching")
        assert server.recv(1000) == b"WATCHDOG=1"
        daemon.process.terminate()
        states = [server.recv(1000)]
        while states[-1] != b"STOPPING=1":
            states.append(server.recv(1000))
    assert set(states[:-1]) <= {b"WATCHDOG=1"}


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "brimwatch", *words], capture_output=True, text=True, timeout=60)


def test_a_port_that_is_taken_is_said_in_one_line(spawn: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run("run", "--web.listen-address", address)
    assert ended.returncode in (1, 2)
    assert address in ended.stderr
    assert "Traceback" not in ended.stderr


def test_once_prints_the_metrics_of_one_process_with_slow_figures_too(spawn: Any) -> None:
    target = grower(spawn)
    target.say("hold 50")
    ended = run("run", "--once", "--pid", str(target.pid))
    assert ended.returncode == 0, ended.stderr
    assert "brimwatch_target_up{" in ended.stdout
    values = dict(line.rsplit(" ", 1) for line in ended.stdout.splitlines() if not line.startswith("#"))
    resident = next(
        float(value) for key, value in values.items() if "_resident_memory_bytes{" in key and "peak" not in key
    )
    proportional = next(float(value) for key, value in values.items() if "_proportional_memory_bytes{" in key)
    assert 50e6 < proportional <= resident < 120e6

    assert values["brimwatch_config_last_reload_successful"] == "1"


@pytest.mark.parametrize("once", [(), ("--once",)])
def test_a_pid_that_does_not_exist_is_said(once: tuple[str, ...]) -> None:
    ended = run("run", *once, "--pid", "4194304")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "brimwatch: --pid 4194304: there is no such process\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--pid", "1", "--config.file", "x"), "--pid"),
        (("run", "--interval", "5"), "--interval"),
        (("run", "--interval", "1ms"), "--interval"),
        (("run", "--config.file", "/nowhere/at/all.yaml"), "/nowhere/at/all.yaml"),
        (("run", "--no-such-flag"), "--no-such-flag"),
        (("no-such-command",), "no-such-command"),
        (("demo", "--rate", "fast"), "--rate"),
        (("demo", "--limit", "1MB"), "--limit"),
    ],
)
def test_bad_usage_is_exit_code_2_and_one_sentence(words: tuple[str, ...], said: str) -> None:
    ended = run(*words)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_pidfile_that_means_nobody_is_said_once(spawn: Any, start: Any, wait_until: Any, tmp_path: Path) -> None:
    (tmp_path / "a.pid").write_text("nonsense\n")
    text = (
        f"targets: [{{name: x, match: {{pidfile: {tmp_path}/a.pid}}, policy: observe}}]\nglobal: {{interval: 100ms}}\n"
    )
    daemon = start(text)
    wait_until(lambda: daemon.events("collector_blind"), 10)
    wait_until(lambda: daemon.metric("brimwatch_sample_duration_seconds_count") is not None, 10)
    (told,) = daemon.events("collector_blind")
    assert told["facts"]["collector"] == f"pidfile {tmp_path}/a.pid"
    assert told["told"].startswith("discovery: pidfile")
