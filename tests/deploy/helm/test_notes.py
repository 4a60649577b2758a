"""Do the notes after an installation say what one has to know: user, capabilities, handlers, and what was left out?"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.deploy.helm.chart import CHART, HELMS, only, render

# `helm install` alone shows notes, and Helm 3 does that with a cluster only: so they are rendered as an object.
NOTES = """apiVersion: v1
kind: Notes
metadata: {name: notes}
text: |
  {{- tpl (.Files.Get "NOTES.txt") . | nindent 2 }}
"""


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("notes") / "brimwatch"
    shutil.copytree(CHART, copy)
    shutil.rmtree(copy / "files")
    (copy / "templates" / "NOTES.txt").rename(copy / "NOTES.txt")
    (copy / "templates" / "notes.yaml").write_text(NOTES)
    return copy


def notes(chart: Path, *settings: str, **options: str) -> str:
    return str(only(render(*settings, chart=chart, **options), "Notes")["text"])


@pytest.mark.parametrize("version", HELMS)
def test_the_default_says_whose_user_it_needs(version: str, chart: Path) -> None:
    said = notes(chart, version=version)

    assert "has to run as the application's uid and gid" in said
    assert "Capabilities: none" in said
    assert "reaches only a program that catches it" in said
    assert "deployment/shop-brimwatch 9847" in said
    assert "helm --namespace front test shop" in said
    assert "DaemonSet" not in said


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        pytest.param(["sidecar.runAsUser=7"], "It runs as uid 7.", id="a user that is written"),
        pytest.param(["sidecar.native=false"], "Sidecar (classic)", id="which form"),
        pytest.param(["hooks.enabled=true"], "which PYTHONPATH brings to Python", id="the hooks"),
        pytest.param(["daemonset.enabled=true"], "acts on nothing", id="a dry run"),
        pytest.param(["daemonset.enabled=true"], "65532, without capabilities", id="no capability"),
        pytest.param(["daemonset.enabled=true"], "enforce=privileged", id="the namespace that it needs"),
        pytest.param(
            ["daemonset.enabled=true", "daemonset.privilege=inspect"],
            "root, with [SYS_PTRACE, DAC_READ_SEARCH]",
            id="two capabilities",
        ),
        pytest.param(
            ["daemonset.enabled=true", "daemonset.podWatch.enabled=true"], "names none", id="pods that nobody names"
        ),
        pytest.param(["injection.enabled=true", "@1.33"], "NO INJECTION", id="a cluster that cannot inject"),
        pytest.param(["injection.enabled=true"], "pods with the label brimwatch/inject=true", id="one that can"),
        pytest.param(["prometheusRule.enabled=true"], "NO RULES", id="a chart without rules"),
        pytest.param(["dashboards.enabled=true"], "NO DASHBOARDS", id="a chart without dashboards"),
    ],
)
def test_what_is_said(settings: list[str], part: str, chart: Path) -> None:
    words, kubernetes = [word for word in settings if word[0] != "@"], "1.33" if "@1.33" in settings else "1.36"

    assert part in notes(chart, *words, kubernetes=kubernetes)
    assert part not in notes(chart, "workload.enabled=false")


def test_no_test_is_offered_where_there_is_none(chart: Path) -> None:
    assert "helm --namespace front test" not in notes(chart, "tests.enabled=false")


def test_without_a_workload_none_is_spoken_of(chart: Path) -> None:
    said = notes(chart, "workload.enabled=false")
    assert "helm --namespace front test" not in said
    assert "ConfigMap shop-brimwatch-sidecar" in said
    assert "Nothing runs" in said

    said = notes(chart, "workload.enabled=false", "daemonset.enabled=true")
    assert "Nothing runs" not in said
    assert "helm --namespace front test shop" in said


def test_who_names_pods_is_not_told_to(chart: Path) -> None:
    config = "daemonset.config=targets: [{name: '\\{namespace\\}/\\{pod\\}'}]"
    assert "names none" not in notes(chart, "daemonset.enabled=true", "daemonset.podWatch.enabled=true", config)
