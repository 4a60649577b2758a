"""Do the pods of the chart fit the Pod Security Standard Restricted, and does our list of it see what does not?"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.deploy.helm.chart import CHART, Manifest, pod_of, render
from tests.deploy.helm.restricted import CONTROLS, violated

FIT = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "app",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
        }
    ],
    "volumes": [{"name": "tmp", "emptyDir": {}}],
}
SIDECARS = ["default", "classic", "monitoring"]


def changed(path: str, value: Any) -> Manifest:
    """A pod that fits, but for one field."""
    pod: Any = copy.deepcopy(FIT)
    *way, last = path.split(".")
    place = pod
    for step in way:
        place = place[int(step)] if step.isdigit() else place.setdefault(step, {})
    place[last] = value
    return dict(pod)


@pytest.mark.parametrize(
    ("control", "path", "value"),
    [
        ("HostProcess", "securityContext.windowsOptions", {"hostProcess": True}),
        ("Host Namespaces", "hostPID", True),
        ("Host Namespaces", "hostNetwork", True),
        ("Privileged Containers", "containers.0.securityContext.privileged", True),
        ("Capabilities", "containers.0.securityContext.capabilities", {"drop": ["ALL"], "add": ["SYS_PTRACE"]}),
        ("Capabilities", "containers.0.securityContext.capabilities", {"drop": ["KILL"]}),
        ("HostPath Volumes", "volumes", [{"name": "run", "hostPath": {"path": "/run"}}]),
        ("Host Ports", "containers.0.ports", [{"containerPort": 80, "hostPort": 80}]),
        ("Host Probes / Lifecycle Hooks", "containers.0.livenessProbe.httpGet.host", "10.0.0.1"),
        ("AppArmor", "containers.0.securityContext.appArmorProfile", {"type": "Unconfined"}),
        ("SELinux", "containers.0.securityContext.seLinuxOptions", {"type": "spc_t"}),
        ("/proc Mount Type", "containers.0.securityContext.procMount", "Unmasked"),
        ("Seccomp", "securityContext.seccompProfile", {"type": "Unconfined"}),
        ("Seccomp", "securityContext", {"runAsNonRoot": True}),
        ("Sysctls", "securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
        ("Volume Types", "volumes", [{"name": "data", "nfs": {"server": "a", "path": "/"}}]),
        ("Privilege Escalation", "containers.0.securityContext.allowPrivilegeEscalation", True),
        ("Running as Non-root", "securityContext.runAsNonRoot", False),
        ("Running as Non-root user", "containers.0.securityContext.runAsUser", 0),
    ],
)
def test_the_list_sees_what_does_not_fit(control: str, path: str, value: Any) -> None:
    assert violated(FIT) == []
    assert control in violated(changed(path, value))


def test_what_an_init_container_may_not_is_seen_as_well() -> None:
    pod = {**FIT, "initContainers": [{"name": "init"}]}

    assert {"Capabilities", "Privilege Escalation"} <= set(violated(pod))


def test_every_control_was_seen_to_fail() -> None:
    (mark,) = (one for one in test_the_list_sees_what_does_not_fit.pytestmark if one.name == "parametrize")

    assert {row[0] for row in mark.args[1]} == set(CONTROLS)


def test_every_pod_of_the_default_fits() -> None:
    pods = {one["kind"]: violated(pod) for one in render() if (pod := pod_of(one)) is not None}

    assert pods == {"Deployment": [], "Pod": []}


@pytest.mark.parametrize("case", SIDECARS)
@pytest.mark.parametrize("native", ["true", "false"])
def test_what_a_sidecar_brings_fits(case: str, native: str) -> None:
    """Beside an application that fits: a pod is as tight as the loosest of its containers."""
    values = CHART / "ci" / f"{case}-values.yaml"
    objects = render(f"sidecar.native={native}", "hooks.enabled=true", values=values)
    (pod,) = (pod_of(one) for one in objects if one["kind"] == "Deployment")
    assert pod is not None
    ours = [
        one for name in ("initContainers", "containers") for one in pod[name] if one["name"].startswith("brimwatch")
    ]
    fields = {key: value for key, value in pod.items() if key not in {"initContainers", "containers"}}

    assert {one["name"] for one in ours} == {"brimwatch", "brimwatch-hooks"}
    assert violated({**fields, "containers": ours}) == []


def test_the_daemonset_asks_for_the_node_and_for_nothing_else() -> None:
    (pod,) = (pod_of(one) for one in render("daemonset.enabled=true") if one["kind"] == "DaemonSet")
    assert pod is not None

    assert violated(pod) == ["Host Namespaces", "HostPath Volumes", "Volume Types"]
