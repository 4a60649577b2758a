"""Does a daemon that was killed go on where it was? Tiers, cooldowns, budgets, open alerts and what it says of them."""

import json
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Daemon, grower, start_daemon
from tests.live.sinks import sink

pytestmark = pytest.mark.live

POLICY = """
global: {{interval: 100ms}}
targets:
  - {{name: cache, match: {{{match}}}, policy: ladder}}
policies:
  ladder:
    cooldown: {cooldown}
    tiers:
      critical: {{when: {{rss: 60MB}}, tell: [{tell}], do: [{do}]}}
actions:
  pager: {{webhook: {{url: '{url}', tells: true, timeout: 1s}}}}
  dead: {{webhook: {{url: 'http://127.0.0.1:9/', tells: true, timeout: 1s}}}}
  alert: {{webhook: {{url: '{url}', format: alertmanager, timeout: 1s}}}}
  note: {{exec: [/bin/sh, -c, 'echo ran >> {folder}/note'], at_most: 1/10m}}
  again: {{exec: [/bin/sh, -c, 'echo ran >> {folder}/note'], settle: 100ms}}
  restart: {{signal: SIGTERM, grace: 5s, then: SIGKILL, at_most: 1/10m}}
"""
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Callable[..., Daemon]:
    """`start(match=..., tell=..., do=...)` is a daemon whose journal outlives it; each start is on a new port."""

    def run(
        match: str, tell: str = "", do: str = "", cooldown: str = "60s", url: str = NOWHERE, **options: Any
    ) -> Daemon:
        config = POLICY.format(match=match, tell=tell, do=do, cooldown=cooldown, url=url, folder=tmp_path)
        return start_daemon(spawn, wait_until, free_port(), tmp_path, config, **options)

    return run


def kill(daemon: Daemon) -> None:
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait(5)


def notes(folder: Path) -> int:
    path = folder / "note"
    return len(path.read_text().splitlines()) if path.exists() else 0


def looks(daemon: Daemon) -> float:
    return daemon.metric("brimwatch_sample_duration_seconds_count") or 0.0


def test_a_tier_that_still_holds_is_not_entered_again_and_its_ladder_stays_cool(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    target = grower(spawn)
    target.say("hold 80")
    daemon = start(f"pid: {target.pid}", do="again")
    wait_until(lambda: daemon.events("action_ran"), 15)
    since = daemon.json("/api/v1/targets/cache")["subjects"][0]["since"]
    wait_until(lambda: _cooldowns(tmp_path), 5)
    kill(daemon)

    daemon = start(f"pid: {target.pid}", do="again")
    wait_until(lambda: daemon.events("state_restored"), 10)
    before = looks(daemon)
    wait_until(lambda: looks(daemon) > before + 10, 10)

    restored = daemon.events("state_restored")[0]["facts"]
    assert (restored["restored"], restored["after_crash"]) == (1, True)
    assert daemon.events("daemon_started")[-1]["facts"]["last_run"] == "crashed"
    assert len(daemon.events("tier_entered")) == 1, "of the first run, read back from the journal"
    assert notes(tmp_path) == 1
    assert daemon.metric("brimwatch_target_tier", target="cache") == 2
    assert daemon.json("/api/v1/targets/cache")["subjects"][0]["since"] == since
    ids = [event["id"] for event in daemon.json("/api/v1/events?limit=1000")["events"]]
    assert ids == sorted(set(ids))

    target.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: daemon.events("tier_left"), 10)


def test_what_was_taken_up_is_told_before_the_rungs_that_run_then(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    target = grower(spawn)
    target.say("hold 80")
    daemon = start(f"pid: {target.pid}", do="again", cooldown="100ms")
    wait_until(lambda: daemon.events("action_ran"), 15)
    kill(daemon)

    daemon = start(f"pid: {target.pid}", do="again", cooldown="100ms")
    started = wait_until(lambda: daemon.events("daemon_started")[1:], 10)[0]["id"]
    wait_until(lambda: [one for one in daemon.events("action_ran") if one["id"] > started], 10)
    told = [one["event"] for one in daemon.json("/api/v1/events?limit=1000")["events"] if one["id"] > started]
    assert "state_restored" in told
    assert told.index("state_restored") < told.index("action_ran")


def test_a_daemon_that_was_killed_knows_how_long_it_was_away(spawn: Any, start: Any, wait_until: Any) -> None:
    target = grower(spawn)
    target.say("hold 80")
    daemon = start(f"pid: {target.pid}", do="again")
    wait_until(lambda: daemon.events("action_ran"), 15)
    before = looks(daemon)
    wait_until(lambda: looks(daemon) > before + 50, 20)  # five seconds in which nothing changes
    kill(daemon)
    killed = time.time()

    daemon = start(f"pid: {target.pid}", do="again")
    (restored,) = wait_until(lambda: daemon.events("state_restored"), 10)
    told = datetime.fromisoformat(restored["time"]).timestamp()
    assert restored["facts"]["down_seconds"] < told - killed + 2.5


def test_a_changed_tier_is_judged_afresh(spawn: Any, start: Any, wait_until: Any) -> None:
    target = grower(spawn)
    target.say("hold 80")
    daemon = start(f"pid: {target.pid}", do="again")
    wait_until(lambda: daemon.events("action_ran"), 15)
    kill(daemon)

    daemon = start(f"pid: {target.pid}", do="note")
    wait_until(lambda: len(daemon.events("tier_entered")) == 2, 10)


def test_a_restart_that_ran_does_not_run_again_for_a_new_process_of_the_same_name_after_a_crash(
    spawn: Any, start: Any, wait_until: Any, tmp_path: Path
) -> None:
    first = grower(spawn)
    pidfile = tmp_path / "target.pid"
    pidfile.write_text(f"{first.pid}\n")
    first.say("hold 80")
    daemon = start(f"pidfile: {pidfile}", do="restart", cooldown="200ms")
    first.process.wait(10)
    wait_until(lambda: daemon.events("action_ran"), 10)
    kill(daemon)

    second = grower(spawn)
    pidfile.write_text(f"{second.pid}\n")
    second.say("hold 80")
    daemon = start(f"pidfile: {pidfile}", do="restart", cooldown="200ms")
    refused = wait_until(lambda: daemon.events("action_suppressed"), 15)
    assert refused[0]["facts"]["reason"] == "budget"
    before = looks(daemon)
    wait_until(lambda: looks(daemon) > before + 10, 10)
    assert second.process.poll() is None


def test_what_a_dead_sink_did_not_take_goes_out_after_a_stop_with_the_same_id(
    spawn: Any, start: Any, wait_until: Any
) -> None:
    target = grower(spawn)
    target.say("hold 80")
    with sink() as pager:
        pager.status = 503
        daemon = start(f"pid: {target.pid}", tell="pager", url=pager.url)
        delayed = wait_until(lambda: daemon.events("webhook_delayed"), 10)
        assert daemon.metric("brimwatch_webhook_queue_length") == 1
        daemon.process.terminate()
        assert daemon.process.wait(10) == 0
        pager.status = 204

        daemon = start(f"pid: {target.pid}", tell="pager", url=pager.url)
        wait_until(lambda: pager.messages, 10)
        wait_until(lambda: daemon.metric("brimwatch_webhook_queue_length") == 0, 10)
        assert list(pager.messages) == [delayed[0]["facts"]["id"]]
        assert daemon.events("daemon_started")[-1]["facts"]["last_run"] == "ended in order"


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_what_waits_is_counted_over_a_restart_and_so_are_its_tries(
    spawn: Any, start: Any, wait_until: Any, by: signal.Signals
) -> None:
    target = grower(spawn)
    target.say("hold 80")
    with sink() as pager:
        pager.status = 503
        daemon = start(f"pid: {target.pid}", tell="pager", url=pager.url)
        wait_until(lambda: daemon.events("webhook_delayed"), 10)
        wait_until(lambda: pager.posts >= 2, 10)
        before = looks(daemon)
        wait_until(lambda: looks(daemon) > before + 2, 10)  # by then the try is in the journal
        daemon.process.send_signal(by)
        daemon.process.wait(10)

        daemon = start(f"pid: {target.pid}", tell="pager", url=pager.url)
        assert daemon.metric("brimwatch_webhook_queue_length") == 1
        posts = pager.posts
        wait_until(lambda: pager.posts > posts, 20)
        assert daemon.metric("brimwatch_webhook_queue_length") == 1
        pager.status = 204
        wait_until(lambda: daemon.events("webhook_recovered"), 30)
        assert daemon.metric("brimwatch_webhook_queue_length") == 0
        (delivered,) = [line for line in daemon.log() if line["event"] == "webhook_delivered"]
        # A try that a SIGKILL cuts short may have arrived, and is in no journal.
        assert pager.posts - delivered["tries"] in ((0, 1) if by is signal.SIGKILL else (0,))
        assert len(daemon.events("webhook_delayed")) == 1


def test_a_dead_sink_holds_up_no_other(spawn: Any, start: Any, wait_until: Any) -> None:
    target = grower(spawn)
    target.say("hold 80")
    with sink() as pager:
        daemon = start(f"pid: {target.pid}", tell="dead, pager", url=pager.url)
        wait_until(lambda: pager.of("tier_entered"), 10)
        wait_until(lambda: daemon.events("webhook_delayed"), 10)
        ran = wait_until(lambda: daemon.events("action_ran"), 10)
        assert [event["facts"]["action"] for event in ran] == ["pager"]
        assert daemon.metric("brimwatch_webhook_queue_length") == 1


def test_alertmanager_sees_the_alert_go_on_after_a_crash_and_its_end(
    spawn: Any, start: Any, wait_until: Any, component: Any, free_port: Any, tmp_path: Path
) -> None:
    url = _alertmanager(spawn, wait_until, component, free_port(), tmp_path)
    target = grower(spawn)
    target.say("hold 80")
    daemon = start(f"pid: {target.pid}", tell="alert", url=f"{url}/api/v2/alerts")
    (alert,) = wait_until(lambda: _alerts(url), 10)
    assert alert["labels"]["target"] == "cache"
    assert alert["labels"]["severity"] == "critical"
    kill(daemon)

    daemon = start(f"pid: {target.pid}", tell="alert", url=f"{url}/api/v2/alerts")
    repeated = wait_until(lambda: [one for one in _alerts(url) if one["endsAt"] > alert["endsAt"]], 10)
    assert (repeated[0]["startsAt"], repeated[0]["fingerprint"]) == (alert["startsAt"], alert["fingerprint"])
    kill(daemon)
    target.process.send_signal(signal.SIGUSR1)
    target.expect("caught SIGUSR1")

    start(f"pid: {target.pid}", tell="alert", url=f"{url}/api/v2/alerts")
    wait_until(lambda: not _alerts(url), 10)


def _alertmanager(spawn: Any, wait_until: Any, component: Any, port: int, folder: Path) -> str:
    program = component("prometheus-alertmanager")
    config = folder / "alertmanager.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    spawn(
        [
            program, f"--config.file={config}", f"--storage.path={folder / 'am'}", "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: _is_up(url), 20)
    return url


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _alerts(url: str) -> list[Any]:
    with urllib.request.urlopen(f"{url}/api/v2/alerts?active=true", timeout=5) as answer:
        found: list[Any] = json.loads(answer.read())
    return found


def _cooldowns(folder: Path) -> bool:
    """Has the end of the ladder reached the write-ahead log? The journal itself belongs to the daemon alone."""
    log = (folder / "state" / "journal.sqlite3-wal").read_bytes()
    return re.search(rb'"cooldowns": \[null, null, \d', log) is not None
