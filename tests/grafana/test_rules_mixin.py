"""Does a jsonnet make of the mixin what we make of the table, and take settings of one's own?"""

import json
import re
from typing import Any

import _jsonnet
import pytest
from tests.grafana.alerting import DOCS, GRAFANA

from grafana import build_rules


def evaluate(text: str) -> Any:
    """What a jsonnet that lies beside the mixin comes to."""
    return json.loads(_jsonnet.evaluate_snippet(str(GRAFANA / "mixin" / "ours.jsonnet"), text))


def test_the_mixin_is_the_rule_file() -> None:
    made = evaluate("local m = import 'mixin.libsonnet'; { r: m.prometheusRules.groups, a: m.prometheusAlerts.groups }")
    assert {"groups": made["r"] + made["a"]} == build_rules.filled(build_rules.table(), build_rules.settings())


def test_its_settings_are_changed_in_one_place() -> None:
    mine = "(import 'mixin.libsonnet') + { _config+:: { threads: 7, selector: 'cluster=\"north\"' } }"
    groups = evaluate(f"({mine}).prometheusAlerts.groups")
    rules = {one["alert"]: one["expr"] for group in groups for one in group["rules"]}
    assert rules["BrimwatchTargetThreads"] == 'brimwatch_target_threads{cluster="north"} > 7'


def test_the_documented_example_can_be_copied() -> None:
    (example,) = re.findall(r"```jsonnet\n(.*?)```", (DOCS / "alerts.md").read_text(), re.DOTALL)
    ours = example.replace("brimwatch/grafana/mixin/mixin.libsonnet", "mixin.libsonnet")
    made = evaluate(f"local made = ({ours}); [std.objectFields(made), made['rules.yaml']]")  # YAML takes it 3 s for all
    assert made[0] == ["alerts.yaml", "rules.yaml"]
    assert 'brimwatch_target_headroom_bytes{cluster=\\"north\\"}' in made[1]


def test_it_brings_the_dashboards() -> None:
    boards = {path.name: json.loads(path.read_text()) for path in (GRAFANA / "dashboards").glob("*.json")}
    if not boards:
        pytest.skip("grafana/dashboards has no dashboards: nothing that the mixin could bring")
    made = evaluate("(import 'mixin.libsonnet').grafanaDashboards")
    assert made == {f"brimwatch-{name}": board for name, board in boards.items()}
