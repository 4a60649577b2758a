"""Does every expression of the rules find something, in a real Prometheus that scrapes a real daemon?"""

import re
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.grafana.alerting import Server, start_prometheus, write_rules
from tests.inspect.pythons import start_python
from tests.live.daemon_run import start_daemon
from tests.live.hooked import start_hooked

pytestmark = pytest.mark.live

# `app` holds objects and holes of malloc, and is critical from the start: one rung of it works, one fails.
SERVICE = """
class Order:
    def __init__(self, number): self.number = number
kept = [Order(i) for i in range(20000)]
gone = [bytes(3000) for i in range(20000)]
gone = gone[::10]
"""
CONFIG = """
global: {{interval: 100ms, run_dir: {run_dir}}}
targets:
  - {{name: app, match: {{pid: {app}}}, policy: asked}}
  - {{name: grows, match: {{pid: {grows}}}, policy: observe}}
  - {{name: absent, match: {{pidfile: {run_dir}/never.pid}}, policy: observe}}
  - {{name: host, match: {{host: true}}, policy: observe}}
policies:
  asked:
    cooldown: 200ms
    tiers:
      warning: {{when: {{python_objects: 50}}, do: []}}
      critical: {{when: {{rss: 1MB}}, do: [works, fails]}}
actions:
  works: {{exec: [/bin/true], settle: 100ms}}
  fails: {{exec: [/bin/false], settle: 100ms}}
"""
SETTINGS = {"leak_window": "1s", "leak_twice": "2s", "leak_thrice": "3s"}  # instead of three hours


def without_threshold(expression: str) -> str:
    """Comparisons answer 0 or 1 instead of leaving out, and whose limit is the machine's does not matter."""
    loose = re.sub(r" (==|>=|<=|>|<) ", r" \1 bool ", expression)
    return loose.replace('source="machine"', 'source=~"machine|cgroup"')


def missing(prometheus: Server, expressions: dict[str, str]) -> list[str]:
    """The names of those that find nothing."""
    return sorted(name for name, expression in expressions.items() if not prometheus.query(expression))


def test_every_rule_is_evaluated_and_finds_series(
    spawn: Any, wait_until: Any, free_port: Any, component: Any, tmp_path: Path
) -> None:
    program = component("prometheus")
    app, grows = start_python(spawn, sys.executable, SERVICE), start_hooked(spawn, tmp_path / "run")
    config = CONFIG.format(run_dir=tmp_path / "run", app=app.pid, grows=grows.pid)
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
    rules = write_rules(tmp_path, SETTINGS)
    prometheus = start_prometheus(
        spawn, wait_until, tmp_path, program, free_port(), rules, daemon.url.removeprefix("http://")
    )
    every = [rule for group in yaml.safe_load(rules.read_text())["groups"] for rule in group["rules"]]
    expressions = {rule["record"]: rule["record"] for rule in every if "record" in rule}
    expressions |= {rule["alert"]: without_threshold(rule["expr"]) for rule in every if "alert" in rule}
    if not Path("/proc/pressure/memory").exists():
        warnings.warn("BrimwatchTargetMemoryPressure is not tried: this kernel tells no pressure", stacklevel=1)
        del expressions["BrimwatchTargetMemoryPressure"]

    def found_all() -> bool:
        grows.take(2)
        return not missing(prometheus, expressions)

    try:
        wait_until(found_all, 40.0, 0.2)
    except TimeoutError:
        assert missing(prometheus, expressions) == []
    evaluated = [one for group in prometheus.ask("/api/v1/rules")["data"]["groups"] for one in group["rules"]]
    assert {one["name"]: one.get("lastError", "") for one in evaluated if one["health"] != "ok"} == {}
    assert len(evaluated) == len(every)
    named = {one["metric"]["target"] for one in prometheus.query("brimwatch_target_up == 0")}
    firing = {one["labels"]["alertname"] for one in prometheus.ask("/api/v1/alerts")["data"]["alerts"]}
    assert named == {"absent"}
    assert {"BrimwatchTargetMissing", "BrimwatchTargetCritical"} <= firing
    assert not {"BrimwatchDown", "BrimwatchSamplingStalled", "BrimwatchTargetEmergency"} & firing
