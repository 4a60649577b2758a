"""Which pods get a sidecar when they are created, and are they good pods afterwards?"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.deploy.helm.admission import admit
from tests.deploy.helm.chart import CHART, Manifest, daemon_in, only, pod_of, render
from tests.deploy.helm.restricted import violated
from tests.deploy.helm.schemas import faults

POD: Manifest = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "shop"},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "web",
                "image": "shop:1",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    },
}


def policy(name: str = "injection") -> Manifest:
    return only(render(values=CHART / "ci" / f"{name}-values.yaml"), "MutatingAdmissionPolicy")


def pod(**spec: Any) -> Manifest:
    changed = copy.deepcopy(POD)
    changed["spec"].update(spec)
    return changed


def web(**fields: Any) -> dict[str, Any]:
    return {**copy.deepcopy(POD["spec"]["containers"][0]), **fields}


def admitted(given: Manifest, name: str = "injection") -> Manifest:
    result = admit(policy(name), given)
    assert result is not None
    return result


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(POD, id="with nothing but a container"),
        pytest.param(pod(initContainers=[{"name": "migrate", "image": "shop:1"}]), id="with an init container"),
        pytest.param(pod(volumes=[{"name": "data", "emptyDir": {}}]), id="with a volume"),
        pytest.param(
            {**POD, "metadata": {"name": "shop", "labels": {"a": "b"}, "annotations": {"a": "b"}}}, id="labelled"
        ),
        pytest.param(pod(containers=[web(env=[{"name": "A", "value": "b"}])]), id="with variables"),
        pytest.param(pod(containers=[web(), {"name": "proxy", "image": "proxy:1"}]), id="with two containers"),
    ],
)
@pytest.mark.parametrize("name", ["injection", "injection-plain"])
def test_a_pod_with_a_sidecar_is_one_that_kubernetes_takes(given: Manifest, name: str) -> None:
    result = admitted(given, name)

    assert faults(result, "1.36") == []
    assert daemon_in(result["spec"])["restartPolicy"] == "Always"
    assert result["spec"]["shareProcessNamespace"] is True
    assert result["metadata"]["labels"]["brimwatch/scraped-by"] == "shop"
    mounted = {one["name"] for box in result["spec"]["initContainers"] for one in box.get("volumeMounts", [])}
    assert mounted <= {one["name"] for one in result["spec"]["volumes"]}
    for kind in ("containers", "initContainers", "volumes"):  # what was there is there
        assert {one["name"] for one in given["spec"].get(kind, [])} <= {one["name"] for one in result["spec"][kind]}


def test_a_restricted_pod_stays_restricted() -> None:
    assert violated(POD["spec"]) == []
    assert violated(admitted(POD)["spec"]) == []


def test_the_sidecar_is_the_one_that_the_workload_has() -> None:
    """But for its user, its variables and where its configuration comes from."""
    (deployment,) = (pod_of(one) for one in render() if one["kind"] == "Deployment")
    assert deployment is not None
    wanted, found = daemon_in(deployment), daemon_in(admitted(POD, "injection-plain")["spec"])
    user = {"runAsUser": 10001}

    assert {**found, "env": None} == {**wanted, "env": None, "securityContext": {**wanted["securityContext"], **user}}


def test_the_hooks_are_written_before_anything_else_starts() -> None:
    result = admitted(pod(initContainers=[{"name": "migrate", "image": "shop:1"}]))

    assert [one["name"] for one in result["spec"]["initContainers"]] == ["brimwatch-hooks", "brimwatch", "migrate"]
    assert result["spec"]["containers"][0]["env"] == [{"name": "PYTHONPATH", "value": "/brimwatch-hooks"}]


def test_a_search_path_of_its_own_is_left_alone() -> None:
    env = [{"name": "PYTHONPATH", "value": "/srv"}]
    result = admitted(pod(containers=[web(env=env)]))

    assert result["spec"]["containers"][0] == web(env=env)


def test_the_configuration_comes_along_as_an_annotation() -> None:
    """No ConfigMap of another namespace can be mounted, and a missing one would keep the pod from starting."""
    result = admitted(POD)
    (volume,) = (one for one in result["spec"]["volumes"] if one["name"] == "brimwatch-config")

    assert result["metadata"]["annotations"]["brimwatch/config"].startswith("# Every program of the pod")
    (item,) = volume["downwardAPI"]["items"]
    assert item["fieldRef"]["fieldPath"] == "metadata.annotations['brimwatch/config']"
    assert all("configMap" not in one and "secret" not in one for one in result["spec"]["volumes"])


def test_a_pod_may_bring_its_own_configuration() -> None:
    given = {**POD, "metadata": {"name": "shop", "annotations": {"brimwatch/config": "targets: []"}}}

    assert admitted(given)["metadata"]["annotations"] == {"brimwatch/config": "targets: []"}


@pytest.mark.parametrize(
    ("context", "wanted"),
    [
        pytest.param({}, {"runAsUser": 10001, "runAsNonRoot": True}, id="the pod's user"),
        pytest.param({"runAsUser": 7}, {"runAsUser": 7, "runAsNonRoot": True}, id="the container's before the pod's"),
        pytest.param({"runAsGroup": 8}, {"runAsUser": 10001, "runAsGroup": 8, "runAsNonRoot": True}, id="its group"),
        pytest.param({"runAsUser": 0}, {"runAsUser": 0, "runAsNonRoot": False}, id="root, who may be root"),
    ],
)
@pytest.mark.parametrize("name", ["injection", "injection-plain"])
def test_the_sidecar_is_the_applications_user(context: dict[str, Any], wanted: dict[str, Any], name: str) -> None:
    result = admitted(pod(containers=[web(securityContext=context)]), name)
    found = daemon_in(result["spec"])["securityContext"]

    assert {key: value for key, value in found.items() if key.startswith("runAs")} == wanted


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(pod(initContainers=[{"name": "brimwatch"}]), id="it has a sidecar"),
        pytest.param(pod(containers=[web(), web(name="brimwatch")]), id="it has a classic sidecar"),
        pytest.param(pod(securityContext={}), id="nobody says its user"),
        pytest.param(pod(hostPID=True), id="it sees the node's processes"),
        pytest.param(pod(os={"name": "windows"}), id="it is for Windows"),
    ],
)
def test_a_pod_that_is_left_alone(given: Manifest) -> None:
    assert admit(policy(), given) is None


def test_what_has_a_sidecar_is_not_given_another() -> None:
    assert admit(policy(), admitted(POD)) is None


def test_a_limit_is_handed_on_to_no_injected_sidecar() -> None:
    """It has the application's user, and a name from the values need not be one of that pod's."""
    settings = ("injection.enabled=true", 'sidecar.limitOf=["app"]')
    result = admit(only(render(*settings), "MutatingAdmissionPolicy"), POD)
    assert result is not None
    assert faults(result, "1.36") == []
    assert "brimwatch-limits" not in str(result)
    assert "brimwatch-limits" in str(only(render(*settings), "Deployment"))
