"""Can a chart of one's own include the sidecar? The example does, as a user's would: by a dependency."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import pytest
from tests.deploy.helm.chart import CHART, EXAMPLE, HELMS, ROOT, VERSIONS, Manifest, daemon_in, helm, manifests, only
from tests.deploy.helm.restricted import violated
from tests.deploy.helm.schemas import faults


@pytest.fixture(params=HELMS)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> list[Manifest]:
    """What the example renders to, with the chart fetched from beside it: in a copy, as Helm writes into the chart."""
    return build(request.param, tmp_path)


def build(version: str, folder: Path, *words: str) -> list[Manifest]:
    helms = ROOT / "deploy" / "helm"
    for chart in (CHART, EXAMPLE):
        shutil.copytree(chart, folder / chart.relative_to(helms))
    copy = str(folder / EXAMPLE.relative_to(helms))
    run = functools.partial(helm, version)
    for command in (["dependency", "update", copy], ["lint", "--strict", copy], ["template", "shop", copy, *words]):
        result = run(*command)
        assert result.returncode == 0, result.stdout + result.stderr
    return manifests(result.stdout)


def test_the_pod_has_the_hooks_and_then_the_sidecar(objects: list[Manifest]) -> None:
    pod = only(objects, "Deployment")["spec"]["template"]["spec"]

    assert [one["name"] for one in pod["initContainers"]] == ["brimwatch-hooks", "brimwatch"]
    assert pod["shareProcessNamespace"] is True
    assert pod["containers"][0]["env"] == [{"name": "PYTHONPATH", "value": "/brimwatch-hooks"}]
    assert violated(pod) == []


def test_what_it_mounts_is_what_the_chart_makes(objects: list[Manifest]) -> None:
    pod = only(objects, "Deployment")["spec"]["template"]["spec"]
    mounted = {one["name"] for one in daemon_in(pod)["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}

    assert mounted <= set(volumes)
    assert volumes["brimwatch-config"]["configMap"]["name"] == only(objects, "ConfigMap")["metadata"]["name"]


def test_it_is_scraped(objects: list[Manifest]) -> None:
    labels = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        only(objects, "PodMonitor")["spec"]["selector"]["matchLabels"],
        only(objects, "Service")["spec"]["selector"],
    ]

    assert [{**labels, **selector} == labels for selector in selectors] == [True, True]


def test_only_the_pod_of_ones_own_runs(objects: list[Manifest]) -> None:
    assert [one["kind"] for one in objects if one["kind"] in {"Deployment", "DaemonSet"}] == ["Deployment"]
    assert [fault for version in VERSIONS for one in objects for fault in faults(one, version)] == []


def test_the_sidecar_can_be_a_container_as_well(tmp_path: Path) -> None:
    pod = only(build("helm-3", tmp_path, "--set", "brimwatch.sidecar.native=false"), "Deployment")["spec"]["template"][
        "spec"
    ]

    assert [one["name"] for one in pod["initContainers"]] == ["brimwatch-hooks"]
    assert [one["name"] for one in pod["containers"]] == ["web", "brimwatch"]
