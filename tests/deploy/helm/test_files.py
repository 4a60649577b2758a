"""Are the rules and dashboards in the chart those of the project? Helm reads nothing outside of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.deploy.helm.chart import CHART, ROOT

FILES = {"dashboards/*.json": ROOT / "grafana" / "dashboards", "rules/*.yaml": ROOT / "grafana" / "rules"}
LARGEST = 1_000_000  # bytes of a ConfigMap's data, of which Kubernetes takes 1 MiB


def contents(folder: Path, pattern: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.glob(pattern)}


@pytest.mark.parametrize("pattern", FILES)
def test_the_charts_copies_are_the_projects_files(pattern: str) -> None:
    kind, name = pattern.split("/")

    assert contents(CHART / "files" / kind, name) == contents(FILES[pattern], name), "`make chart-files` copies them"


def test_a_dashboard_fits_into_a_configmap() -> None:
    assert {path.name for path in (CHART / "files").rglob("*.json") if path.stat().st_size > LARGEST} == set()
