"""Is a webhook on a ladder run by a real daemon, and what it won back measured?"""

import base64
import hashlib
import hmac
import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.act.sinks import Sink, answer, silent, sink
from tests.live.daemon_run import grower, start_daemon

pytestmark = pytest.mark.live

LADDER = """
global: {{interval: 200ms}}
targets:
  - {{name: cache, match: {{pid: {pid}}}, policy: ladder}}
policies:
  ladder:
    cooldown: 1s
    tiers:
      critical: {{when: {{rss: 100MB}}, do: [drop, ask]}}
actions:
  drop: {{webhook: {{url: '{url}', secret_file: {secret}, deadline: {deadline}, timeout: {deadline}}}, settle: 500ms}}
  ask: {{signal: SIGUSR1, settle: 500ms}}
"""


@pytest.fixture
def started(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Any:
    """`started(url)` is a target and a daemon that watches it."""
    secret = tmp_path / "secret"
    secret.write_text("whsec_aHVzaA==\n")
    secret.chmod(0o600)

    def run(url: str, deadline: str = "5s") -> tuple[Any, Any]:
        target = grower(spawn)
        config = LADDER.format(pid=target.pid, url=url, secret=secret, deadline=deadline)
        daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
        return target, daemon

    return run


def test_a_target_that_is_asked_by_a_webhook_gives_back_measured_bytes(started: Any, wait_until: Any) -> None:
    targets: list[Any] = []
    grown = threading.Event()

    def gives_back(connection: Any, receiver: Sink) -> None:
        grown.wait(20)
        targets[0].process.send_signal(signal.SIGUSR1)  # what a server inside it would do by itself
        targets[0].expect("caught SIGUSR1")
        answer("200 OK", b'{"reclaimed_bytes": 119000000}')(connection, receiver)

    with sink(gives_back) as receiver:
        target, daemon = started(receiver.url)
        targets.append(target)
        target.say("hold 120")
        grown.set()
        wait_until(lambda: daemon.events("action_ran"), 15)
        wait_until(lambda: daemon.metric("brimwatch_target_tier", target="cache") == 0, 15)
    ran = daemon.events("action_ran")[0]["facts"]
    assert (ran["action"], ran["claimed_bytes"]) == ("drop", 119_000_000)
    assert ran["reclaimed_bytes"] > 60_000_000  # of the 100 MB or more that it had when it was asked
    labels = {"target": "cache", "tier": "critical", "action": "drop"}
    assert daemon.metric("brimwatch_actions_total", **labels) == 1
    assert daemon.metric("brimwatch_action_reclaimed_bytes_total", **labels) == ran["reclaimed_bytes"]

    heard = receiver.heard[0]
    said = json.loads(heard.body)
    assert (said["type"], said["data"]["target"], said["data"]["tier"]) == ("reclaim_requested", "cache", "critical")
    assert said["data"]["facts"]["needed_bytes"] > 10_000_000
    content = f"{heard.headers['webhook-id']}.{heard.headers['webhook-timestamp']}.".encode() + heard.body
    expected = base64.b64encode(hmac.new(b"hush", content, hashlib.sha256).digest()).decode()
    assert heard.headers["webhook-signature"] == f"v1,{expected}"


def test_a_target_that_does_not_answer_is_asked_another_way(started: Any, wait_until: Any, free_port: Any) -> None:
    target, daemon = started(f"http://127.0.0.1:{free_port()}/optimize?token=hidden")
    target.say("hold 120")
    wait_until(lambda: daemon.events("action_ran"), 20)
    failed = daemon.events("action_failed")[0]["facts"]
    assert (failed["action"], failed["reason"]) == ("drop", "error")
    assert "Connection refused" in failed["detail"]
    assert daemon.events("action_ran")[0]["facts"]["action"] == "ask"
    labels = {"target": "cache", "action": "drop", "reason": "error"}
    assert daemon.metric("brimwatch_action_failures_total", **labels) >= 1
    assert "hidden" not in daemon.log_file.read_text()


def test_a_daemon_that_is_stopped_while_a_receiver_is_silent_ends_at_once(started: Any, wait_until: Any) -> None:
    with sink(silent) as receiver:
        target, daemon = started(receiver.url, deadline="100s")
        target.say("hold 120")
        wait_until(lambda: receiver.heard, 15)
        daemon.process.terminate()
        assert daemon.process.wait(10) == 0
