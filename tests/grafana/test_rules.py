"""Are the rules as they were written down, do they fire and stay silent where they should, and name what exists?"""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.grafana.alerting import GRAFANA, ROOT, write_rules

from grafana import build_rules

RULES = GRAFANA / "rules" / "brimwatch.yaml"
CASES = GRAFANA / "rules" / "brimwatch-tests.yaml"
GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
ALERTS: dict[str, dict[str, Any]] = {one["alert"]: one for group in GROUPS for one in group["rules"] if "alert" in one}
RECORDED: dict[str, str] = {one["record"]: one["expr"] for group in GROUPS for one in group["rules"] if "record" in one}
EXPRESSIONS = RECORDED | {name: alert["expr"] for name, alert in ALERTS.items()}
WANTED = [
    "TargetEmergency",
    "TargetCritical",
    "TargetLimitExhaustionPredicted",
    "TargetLeakSuspected",
    "TargetOOMKilled",
    "TargetMemoryPressure",
    "TargetWarning",
    "TargetFragmented",
    "TargetThreads",
    "TargetObjects",
    "TargetMissing",
    "TargetNoLimit",
    "ActionFailing",
    "ActionIneffective",
    "ActionFlapping",
    "SamplingStalled",
    "CollectorBlind",
    "ConfigReloadFailed",
    "WebhookUndelivered",
    "Down",
]


def exposed() -> dict[str, set[str]]:
    """The labels that each series of the exporter's golden file can have, by its name."""
    found: dict[str, set[str]] = {"up": {"job", "instance"}}
    for line in (ROOT / "tests" / "golden" / "metrics.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, labels = re.fullmatch(r"(\w+)(?:\{(.*)\})? \S+", line).groups()  # type: ignore[union-attr]
            found.setdefault(name, {"job", "instance"}).update(re.findall(r'(\w+)="', labels or ""))
    return found


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each series that an expression names, with the labels that it is chosen by."""
    for name, matchers in re.findall(r"\b(up|brimwatch[_:][\w:]+)(?:\{([^}]*)\})?", expression):
        yield name, set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', matchers))


@pytest.mark.parametrize("path", sorted(build_rules.files()))
def test_what_is_committed_is_what_is_built(path: str) -> None:
    assert (GRAFANA / path).read_text("utf-8") == build_rules.files()[path], "run: python grafana/build_rules.py"


def test_the_documented_tables_are_the_rules() -> None:
    text = build_rules.PAGE.read_text("utf-8")
    assert text == build_rules.page(text), "run: python grafana/build_rules.py"
    assert all(f"[{name}](runbook.md#{name.lower()})" in text for name in ALERTS)
    assert all(f"| `{name}` |" in text for name in RECORDED)


def test_no_alert_is_missing() -> None:
    assert sorted(ALERTS) == sorted(f"Brimwatch{name}" for name in WANTED)
    assert {
        "brimwatch:target_usage:ratio", "brimwatch:target_growth:deriv15m", "brimwatch:target_time_to_limit:seconds",
    } <= set(RECORDED)  # fmt: skip


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_every_alert_says_what_somebody_needs_who_is_woken(name: str) -> None:
    alert = ALERTS[name]
    told = alert["annotations"]
    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert sorted(told) == ["dashboard_url", "description", "runbook_url", "summary"]
    assert told["runbook_url"].endswith(f"/runbook.md#{name.lower()}")
    assert "$labels.instance" in told["summary"]
    assert "$labels.job" in told["description"]
    assert "for" in alert
    if "Target" in name:
        assert "$labels.target" in told["summary"]
        assert "var-target={{ $labels.target | urlquery }}" in told["dashboard_url"]


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_every_series_and_label_of_a_rule_exists(name: str) -> None:
    expression = EXPRESSIONS[name]
    known = exposed()
    known |= {record: {"job", "instance", "target", "member", "tier", "action"} for record in RECORDED}
    named = list(selectors(expression))
    assert named
    assert [
        (series, labels - known.get(series, set())) for series, labels in named if labels - known.get(series, set())
    ] == []
    assert [series for series, _ in named if series not in known] == []
    grouped = re.findall(r"\b(?:by|without|on|ignoring) \(([^)]*)\)", expression)
    every = set().union(*(known[series] for series, _ in named))
    assert {label.strip() for labels in grouped for label in labels.split(",")} <= every


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_counters_are_read_by_what_they_counted_of_late(name: str) -> None:
    bare = re.findall(r"(\w+)\((\w+_total)\{", EXPRESSIONS[name])
    assert [series for function, series in bare if function not in ("increase", "last_over_time")] == []


def test_every_query_has_the_selector_that_is_set(tmp_path: Path) -> None:
    rules = write_rules(tmp_path, {"selector": 'cluster="north"', "job": 'cluster="north", job="b"'})
    for group in yaml.safe_load(rules.read_text())["groups"]:
        for rule in group["rules"]:
            chosen = list(selectors(rule["expr"]))
            assert chosen
            assert [series for series, labels in chosen if "cluster" not in labels] == [], rule


def test_promtool_finds_nothing_wrong(component: Callable[[str], str]) -> None:
    words = [component("promtool"), "check", "rules", "--lint=all", "--lint-fatal", str(RULES)]
    checked = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(EXPRESSIONS)} rules found" in checked.stdout


def test_every_alert_fires_and_stays_silent_where_it_should(component: Callable[[str], str]) -> None:
    tests = yaml.safe_load(CASES.read_text())["tests"]
    tried = [(one["alertname"], bool(one["exp_alerts"])) for test in tests for one in test["alert_rule_test"]]
    assert {name for name, fires in tried if fires} == set(ALERTS)
    assert {name for name, fires in tried if not fires} == set(ALERTS)
    words = [component("promtool"), "test", "rules", CASES.name]
    run = subprocess.run(words, cwd=CASES.parent, capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_cases_notice_a_threshold_that_is_wrong(component: Callable[[str], str], tmp_path: Path) -> None:
    wrong = {"leak_share": -1, "leak_bytes": 0, "stalled_seconds": 20, "exhaustion_seconds": 60, "successes": 9}
    write_rules(tmp_path, {name: str(value) for name, value in wrong.items()}).rename(tmp_path / RULES.name)
    (tmp_path / CASES.name).write_text(CASES.read_text())
    words = [component("promtool"), "test", "rules", CASES.name]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert run.returncode == 1
    failed = set(re.findall(r"alertname: (\w+), time", run.stdout + run.stderr))
    assert failed == {
        "BrimwatchTargetLeakSuspected", "BrimwatchSamplingStalled",
        "BrimwatchTargetLimitExhaustionPredicted", "BrimwatchActionIneffective",
    }  # fmt: skip


@pytest.mark.parametrize("board", ["fleet", "target"])
def test_the_links_open_a_dashboard_that_exists_with_its_variables(board: str) -> None:
    path = GRAFANA / "dashboards" / f"{board}.json"
    if not path.exists():
        pytest.skip(f"{path.relative_to(ROOT)} is not there: nothing to compare the links with")
    model = json.loads(path.read_text())
    variables = {one["name"] for one in model["templating"]["list"]}
    base = build_rules.settings()["dashboard_url"]
    links = [one["annotations"]["dashboard_url"] for one in ALERTS.values()]
    ours = [link for link in links if link.startswith(f"{base}/d/{model['uid']}?")]
    assert ours
    assert {name for link in ours for name in re.findall(r"[?&]var-(\w+)=", link)} <= variables


def test_the_operator_is_given_the_same_rules() -> None:
    made = yaml.safe_load((GRAFANA / "mixin" / "prometheusrule.yaml").read_text())
    assert (made["apiVersion"], made["kind"], made["metadata"]["name"]) == (
        "monitoring.coreos.com/v1", "PrometheusRule", "brimwatch",
    )  # fmt: skip
    assert made["spec"] == {"groups": GROUPS}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("thread: 9", "mine.yaml: no such setting: thread", id="a setting that does not exist"),
        pytest.param("threads: [", "while parsing", id="a file that is no YAML"),
        pytest.param("- threads", "mine.yaml: wanted settings and their values", id="a file that is a list"),
    ],
)
def test_bad_settings_are_refused(text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine, output = tmp_path / "mine.yaml", tmp_path / "rules.yaml"
    mine.write_text(text)
    assert build_rules.main(["--config", str(mine), "--output", str(output)]) == 2
    assert said in capsys.readouterr().err
    assert not output.exists()


def test_settings_alone_do_not_write_over_the_repository(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("threads: 9")
    with pytest.raises(SystemExit) as ended:
        build_rules.main(["--config", str(mine)])
    assert ended.value.code == 2
