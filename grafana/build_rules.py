"""What are the rules, in each form people take them in? `python grafana/build_rules.py` writes them all from one table.

The table is rules.yaml, the settings are config.yaml. With `--output F` nothing but F is written: a rule file for
Prometheus, or with `--operator` a PrometheusRule; there `--config mine.yaml` has the settings that differ.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "daemon" / "docs" / "alerts.md"
TABLES = re.compile(r"(?<=<!-- rules -->\n).*(?=<!-- end of rules -->)", re.DOTALL)
HEAD = "# Written by grafana/build_rules.py from grafana/rules.yaml and grafana/config.yaml: change those.\n"
IDENTITY = "var-job={{ $labels.job | urlquery }}&var-instance={{ $labels.instance | urlquery }}"
DASHBOARDS = {
    "fleet": f"%(dashboard_url)s/d/brimwatch-fleet?{IDENTITY}",
    "target": f"%(dashboard_url)s/d/brimwatch-target?{IDENTITY}&var-target={{{{ $labels.target | urlquery }}}}",
}

Rules = dict[str, Any]  # a rule file as YAML has it


class Plain(yaml.SafeDumper):
    """YAML as people write it: text of several lines as a block."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Plain.add_representer(str, _text)


def settings(mine: Path | None = None) -> dict[str, str]:
    """What config.yaml says, and a file of one's own before it, as text.

    Raises KeyError for a setting that does not exist, TypeError for a file that is no mapping, and what YAML raises.
    """
    found: dict[str, object] = yaml.safe_load((FOLDER / "config.yaml").read_text("utf-8"))
    if mine is not None:
        more = yaml.safe_load(mine.read_text("utf-8")) or {}
        if not isinstance(more, dict):
            raise TypeError(f"{mine}: wanted settings and their values")
        unknown = sorted(set(more) - set(found))
        if unknown:
            raise KeyError(f"{mine}: no such setting: {', '.join(map(str, unknown))}")
        found |= more
    return {name: str(value) for name, value in found.items()}


def table() -> Rules:
    """The rules with their links, settings still as %(name)s."""
    rules: Rules = yaml.safe_load((FOLDER / "rules.yaml").read_text("utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["annotations"] |= {
                    "runbook_url": f"%(runbook_url)s#{rule['alert'].lower()}",
                    "dashboard_url": DASHBOARDS[rule.pop("dashboard")],
                }
    return rules


def filled(value: Any, with_settings: Mapping[str, str]) -> Any:
    """The same with every %(name)s replaced. Raises KeyError for a setting that is none."""
    if isinstance(value, str):
        return value % with_settings
    if isinstance(value, list):
        return [filled(one, with_settings) for one in value]
    if isinstance(value, dict):
        return {key: filled(one, with_settings) for key, one in value.items()}
    return value


def operator(rules: Rules) -> Rules:
    """The object that the Prometheus operator takes the rules from."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "brimwatch", "labels": {"app.kubernetes.io/name": "brimwatch"}},
        "spec": rules,
    }


def as_yaml(value: Rules) -> str:
    """A YAML file of ours."""
    return HEAD + yaml.dump(value, Dumper=Plain, sort_keys=False, width=1000, allow_unicode=True)


def _cell(rule: Mapping[str, str], selector: str) -> str:
    """An expression on one line of a table, without the selector that every query has."""
    text = " ".join(rule["expr"].split())
    text = text.replace("{" + selector + "}", "").replace("{" + selector + ", ", "{")
    return "`" + text.replace("( ", "(").replace(" )", ")").replace("|", "\\|") + "`"


def page(text: str) -> str:
    """The page of the documentation with its two tables as the rules are."""
    known = settings()
    groups = filled(table(), known)["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    recorded = [f"| `{one['record']}` | {_cell(one, known['selector'])} |" for one in rules if "record" in one]
    alerts = [
        f"| [{one['alert']}](runbook.md#{one['alert'].lower()}) | {one['labels']['severity']} | {one['for']} "
        f"| {one.get('keep_firing_for', '')} | {_cell(one, known['selector'])} |"
        for one in rules
        if "alert" in one
    ]
    heads = [
        "| alert | severity | for | stays | expression |\n|---|---|---|---|---|",
        "| series | expression |\n|---|---|",
    ]
    blocks = [[heads[0], *alerts, ""], [heads[1], *recorded]]
    return TABLES.sub(lambda _: "\n" + "\n".join(line for block in blocks for line in block) + "\n\n", text)


def files() -> dict[str, str]:
    """The text of every file that is written, by its path below grafana/."""
    rules = filled(table(), settings())
    return {
        "rules/brimwatch.yaml": as_yaml(rules),
        "mixin/prometheusrule.yaml": as_yaml(operator(rules)),
        "mixin/rules.json": json.dumps(table(), indent=2) + "\n",
        "mixin/config.json": json.dumps(settings(), indent=2) + "\n",
    }


def main(words: list[str]) -> int:
    """Write the files. Exit codes: 0, or 2 for a bad configuration."""
    parser = argparse.ArgumentParser(description="Writes the recording and alerting rules of Brimwatch.")
    parser.add_argument("--config", type=Path, metavar="F", help="settings that differ from grafana/config.yaml")
    parser.add_argument("--output", type=Path, metavar="F", help="write the rules to this file, and no other")
    parser.add_argument("--operator", action="store_true", help="to --output as a PrometheusRule")
    options = parser.parse_args(words)
    if options.output is None and (options.config or options.operator):
        parser.error("--config and --operator need --output: the files of the repository are of its own settings")
    if options.output is None:
        for path, text in files().items():
            (FOLDER / path).write_text(text, encoding="utf-8")
        PAGE.write_text(page(PAGE.read_text("utf-8")), encoding="utf-8")
        return 0
    try:
        rules = filled(table(), settings(options.config))
    except (KeyError, TypeError, OSError, yaml.YAMLError) as error:
        sys.stderr.write(f"build_rules: {error.args[0] if isinstance(error, KeyError) else error}\n")
        return 2
    options.output.write_text(as_yaml(operator(rules) if options.operator else rules), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
