"""Are counters counted whose series begin with their first use, and are quantiles and tiers asked for as meant?"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from grafana.parts.queries import first_too, transitions

# Samples are 15 s apart, `_` is none; the windows are 1m.
CASES = {
    "a series that has just begun counts its first use": ('f{r="a"}', "_x4 1x8", "first", "90s", 1),
    "a first use is counted once: a window later it is over": ('f{r="a"}', "_x4 1x20", "first", "3m", 0),
    "a series that was always there at its value counts nothing": ('f{r="a"}', "7x20", "first", "4m", 0),
    "a second first use beside an old series counts alone": ('f{r="b"}', "_x12 1x8", "first", "4m", 1),
    "a change from calm is there at 0 and counts nothing yet": (
        't{from="calm",to="warning"}',
        "0x20",
        "tiers",
        "1m",
        0,
    ),
    "a change to calm is there at 0 and counts nothing yet": ('t{from="critical",to="calm"}', "0x20", "tiers", "1m", 0),
    "the first change between two tiers counts": ('t{from="warning",to="critical"}', "_x4 1x8", "tiers", "90s", 1),
}


@pytest.mark.parametrize("case", CASES)
def test_first_uses_are_counted(component: Any, tmp_path: Path, case: str) -> None:
    series, values, kind, at, expected = CASES[case]
    of_tiers = transitions('job="j"').replace("$__rate_interval", "1m")
    asked = {"first": first_too("f", 'job="j"', "1m"), "tiers": of_tiers}[kind]
    name = series.replace("t{", "brimwatch_target_tier_transitions_total{").replace("}", ',job="j"}')
    old = {"series": 'f{r="old",job="j"}', "values": "3x30"}
    test = {
        "interval": "15s",
        "input_series": [{"series": name, "values": values}, *([old] if kind == "first" else [])],
        "promql_expr_test": [
            {"expr": f"sum({asked})", "eval_time": at, "exp_samples": [{"labels": "{}", "value": expected}]}
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(json.dumps({"evaluation_interval": "15s", "tests": [test]}))

    result = subprocess.run([component("promtool"), "test", "rules", str(file)], capture_output=True, text=True)

    assert result.returncode == 0, result.stdout + result.stderr
