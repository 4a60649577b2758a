"""Is the chart sound to Helm 3 and 4, and are its objects what each version of Kubernetes takes?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.deploy.helm.chart import CASES, CHART, HELMS, VERSIONS, helm, manifests, render, template
from tests.deploy.helm.schemas import faults

from brimwatch import __version__


def test_there_are_six_cases_or_more() -> None:
    assert len(CASES) >= 6


@pytest.mark.parametrize("version", HELMS)
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_case_passes_the_linter(case: Path, version: str) -> None:
    result = helm(version, "lint", "--strict", str(CHART), "--values", str(case))

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_helm_4_renders_what_helm_3_renders(case: Path) -> None:
    old, new = (template(values=case, version=version) for version in HELMS)

    assert (old.returncode, new.returncode) == (0, 0), old.stderr + new.stderr
    assert manifests(new.stdout) == manifests(old.stdout)
    assert manifests(old.stdout) != []


@pytest.mark.parametrize("kubernetes", VERSIONS)
def test_kubernetes_takes_every_object_of_every_case(kubernetes: str) -> None:
    for case in CASES:
        for one in render(values=case, kubernetes=kubernetes):
            assert faults(one, kubernetes) == [], case.name


def test_the_schemas_see_a_misspelt_field() -> None:
    (one,) = (one for one in render() if one["kind"] == "Deployment")
    one["spec"]["template"]["spec"]["shareProcessNamespaces"] = True

    assert ["shareProcessNamespaces" in fault for fault in faults(one, "1.36")] == [True]


def test_no_cluster_older_than_native_sidecars_is_served() -> None:
    result = helm("helm-3", "template", "shop", str(CHART), "--kube-version", "1.28")

    assert "kubeVersion: >=1.29.0-0" in result.stderr


@pytest.mark.parametrize("version", HELMS)
def test_the_chart_can_be_packed(version: str, tmp_path: Path) -> None:
    result = helm(version, "package", str(CHART), "--destination", str(tmp_path))

    assert result.returncode == 0, result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [f"brimwatch-{__version__}.tgz"]


def test_chart_and_daemon_have_one_version() -> None:
    text = (CHART / "Chart.yaml").read_text()

    assert f"\nversion: {__version__}\n" in text
    assert f'\nappVersion: "{__version__}"\n' in text


def test_every_value_has_its_place_in_the_schema() -> None:
    """`additionalProperties: false` wherever names are ours; what is Kubernetes' own says so."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    loose = []

    def walk(node: object, path: str) -> None:
        if not isinstance(node, dict):
            return
        if node.get("type") == "object" and node.get("additionalProperties") is not False:
            loose.append((path, node))
        for name, below in {**node.get("properties", {}), **node.get("definitions", {})}.items():
            walk(below, f"{path}.{name}")

    walk(schema, "")
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["additionalProperties"] is False
    assert [
        path
        for path, node in loose
        if "as Kubernetes has it" not in node.get("description", "") and path not in {".global", ".strings"}
    ] == []


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        pytest.param("sidecars.native=true", "sidecars", id="a section that there is not"),
        pytest.param("sidecar.nativ=true", "nativ", id="a misspelt key"),
        pytest.param("daemonset.privilege=root", "privilege", id="a level that there is not"),
        pytest.param("web.port=80", "port", id="a port that takes a capability"),
        pytest.param("workload.pod.hostPID=true", "hostPID", id="the node's processes and the pod's at once"),
        pytest.param('workload.pod.containers=[{"name":"brimwatch"}]', "name", id="a container of our name"),
        pytest.param("extraArgs={interval}", "extraArgs", id="an argument that is no flag"),
    ],
)
@pytest.mark.parametrize("version", HELMS)
def test_values_that_the_schema_refuses(setting: str, said: str, version: str) -> None:
    flag = "--set-json" if "[{" in setting else "--set"
    result = helm(version, "template", "shop", str(CHART), flag, setting)

    assert result.returncode != 0
    assert said in result.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param(
            ["daemonset.enabled=true", "daemonset.storage.hostPath=/var/lib/brimwatch"],
            "daemonset.privilege observe is not root",
            id="a folder of root's for who is not root",
        ),
        pytest.param(
            ["serviceMonitor.enabled=true", "service.enabled=false"],
            "needs service.enabled",
            id="a ServiceMonitor without a Service",
        ),
        pytest.param(
            [
                "hooks.enabled=true",
                'workload.pod.containers=[{"name":"a","env":[{"name":"PYTHONPATH","valueFrom":{"fieldRef":{}}}]}]',
            ],
            "PYTHONPATH with valueFrom cannot be extended",
            id="a search path that nobody knows yet",
        ),
    ],
)
def test_values_that_contradict_each_other(settings: list[str], said: str) -> None:
    result = template(*settings)

    assert result.returncode != 0
    assert said in result.stderr
