"""Is somebody told of a real target that is critical, with all that they need, and told again when it is over?"""

import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.grafana.alerting import receiver, start_alertmanager, start_prometheus, write_rules
from tests.live.daemon_run import start_daemon
from tests.live.hooked import start_hooked

pytestmark = pytest.mark.live

CONFIG = """
global: {{interval: 100ms, run_dir: {run_dir}}}
targets: [{{name: check out, match: {{pid: {pid}}}, policy: p}}]
policies:
  p:
    cooldown: 200ms
    tiers:
      warning: {{when: {{rss: 100MB}}, do: []}}
      critical: {{when: {{rss: 150MB}}, do: [purge]}}
actions:
  purge: {{hook: {{names: [piles], timeout: 5s}}}}
"""
# Nothing is waited for but what critical has to silence, and the links lead to places of our own.
SETTINGS = {
    "selector": 'job="brimwatch"', "runbook_url": "https://docs.example/runbook", "dashboard_url": "https://grafana.example",
    "critical_for": "0s", "critical_keep": "0s", "warning_for": "3s", "ineffective_for": "0s",
}  # fmt: skip


def test_an_alert_fires_and_resolves_from_the_target_to_the_receiver(
    spawn: Any, wait_until: Any, free_port: Any, component: Any, tmp_path: Path
) -> None:
    programs = [component(name) for name in ("prometheus", "prometheus-alertmanager", "amtool")]
    program = start_hooked(spawn, tmp_path / "run")
    daemon = start_daemon(
        spawn, wait_until, free_port(), tmp_path, CONFIG.format(run_dir=tmp_path / "run", pid=program.pid)
    )
    rules = write_rules(tmp_path, SETTINGS)
    with receiver() as told:
        alertmanager, config = start_alertmanager(spawn, wait_until, tmp_path, programs[1], free_port(), told.url)
        checked = subprocess.run([programs[2], "check-config", str(config)], capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        scraped = daemon.url.removeprefix("http://")
        prometheus = start_prometheus(
            spawn, wait_until, tmp_path, programs[0], free_port(), rules, scraped, alertmanager.address
        )
        wait_until(lambda: prometheus.query("brimwatch_target_tier == 0"), 30.0)

        program.run("kept = piles; piles = []")  # what the hook empties is not what grows
        program.run("kept.extend(bytearray(b'x' * 1_000_000) for _ in range(200))")
        critical, *_ = wait_until(lambda: told.of("BrimwatchTargetCritical", "firing"), 30.0)
        wait_until(lambda: told.of("BrimwatchActionIneffective", "firing"), 30.0)
        states = {
            one["labels"]["alertname"]: one["status"]["state"]
            for one in wait_until(lambda: seen(alertmanager.url), 30.0)
        }
        warned = told.of("BrimwatchTargetWarning", "firing")
        program.run("kept.clear()")
        over, *_ = wait_until(lambda: told.of("BrimwatchTargetCritical", "resolved"), 30.0)
        wait_until(lambda: told.of("BrimwatchActionIneffective", "resolved"), 30.0)

    where = f"var-job=brimwatch&var-instance={scraped.replace(':', '%3A')}&var-target=check+out"
    assert critical["labels"] == {
        "alertname": "BrimwatchTargetCritical", "severity": "critical",
        "job": "brimwatch", "instance": scraped, "target": "check out",
    }  # fmt: skip
    assert critical["annotations"] == {
        "summary": f"check out on {scraped} stays critical.",
        "description": (
            f"check out on {scraped} (job brimwatch) has been critical or worse for 0s: it was asked to give memory"
            " back, and that was not enough."
        ),
        "runbook_url": "https://docs.example/runbook#brimwatchtargetcritical",
        "dashboard_url": f"https://grafana.example/d/brimwatch-target?{where}",
    }
    assert states["BrimwatchTargetWarning"] == "suppressed"
    assert states["BrimwatchTargetCritical"] == "active"
    assert warned == []
    assert over["labels"] == critical["labels"]
    assert over["endsAt"] > critical["startsAt"]


def seen(alertmanager: str) -> list[dict[str, Any]]:
    """All alerts that Alertmanager has, once the warning is among them and suppressed."""
    found: list[dict[str, Any]] = httpx.get(f"{alertmanager}/api/v2/alerts", timeout=10).json()
    warnings = [one for one in found if one["labels"]["alertname"] == "BrimwatchTargetWarning"]
    return found if any(one["status"]["state"] == "suppressed" for one in warnings) else []


def test_the_daemons_own_alert_silences_the_rule_of_the_same_target_on_the_same_machine(
    spawn: Any, wait_until: Any, free_port: Any, component: Any, tmp_path: Path
) -> None:
    nobody = "http://127.0.0.1:9/"
    alertmanager, _ = start_alertmanager(
        spawn, wait_until, tmp_path, component("prometheus-alertmanager"), free_port(), nobody
    )
    own = {"alertname": "BrimwatchTier", "severity": "critical", "target": "checkout", "host": "web-7"}
    rule = {"alertname": "BrimwatchTargetCritical", "severity": "critical", "target": "checkout", "instance": "w:9847"}
    alerts = [own, rule | {"host": "web-7"}, rule | {"host": "web-8"}, rule]
    sent = httpx.post(f"{alertmanager.url}/api/v2/alerts", json=[{"labels": one} for one in alerts], timeout=10)
    assert sent.status_code == 200, sent.text

    def states() -> dict[tuple[str, str | None], str]:
        known = httpx.get(f"{alertmanager.url}/api/v2/alerts", timeout=10).json()
        found = {(one["labels"]["alertname"], one["labels"].get("host")): one["status"]["state"] for one in known}
        return found if len(found) == 4 and "unprocessed" not in found.values() else {}

    assert wait_until(states, 30.0) == {
        ("BrimwatchTier", "web-7"): "active",
        ("BrimwatchTargetCritical", "web-7"): "suppressed",
        ("BrimwatchTargetCritical", "web-8"): "active",
        ("BrimwatchTargetCritical", None): "active",
    }
