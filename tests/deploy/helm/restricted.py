"""Does a pod fit the Pod Security Standard Restricted? Its list, control by control.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/, the profiles Baseline and Restricted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.deploy.helm.chart import Manifest

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
APPARMOR = {"RuntimeDefault", "Localhost"}
SECCOMP = {"RuntimeDefault", "Localhost"}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
LISTS = ("containers", "initContainers", "ephemeralContainers")
HANDLERS = ("livenessProbe", "readinessProbe", "startupProbe")


def containers(pod: Manifest) -> Iterator[Manifest]:
    for name in LISTS:
        yield from pod.get(name, [])


def contexts(pod: Manifest) -> Iterator[Manifest]:
    """The security contexts of the pod and of each of its containers."""
    yield pod.get("securityContext", {})
    yield from (one.get("securityContext", {}) for one in containers(pod))


def each(pod: Manifest, key: str) -> Iterator[object]:
    """What holds for each container: its own word, else the pod's."""
    usual = pod.get("securityContext", {}).get(key)
    yield from (one.get("securityContext", {}).get(key, usual) for one in containers(pod))


def _capabilities(pod: Manifest, key: str) -> Iterator[set[str]]:
    yield from (set(one.get("securityContext", {}).get("capabilities", {}).get(key, [])) for one in containers(pod))


def _handlers(pod: Manifest) -> Iterator[Manifest]:
    for one in containers(pod):
        yield from (one[name] for name in HANDLERS if name in one)
        yield from one.get("lifecycle", {}).values()


def _no_host_in_probes(pod: Manifest) -> bool:
    return not any(probe.get(kind, {}).get("host") for probe in _handlers(pod) for kind in ("httpGet", "tcpSocket"))


def _selinux(pod: Manifest) -> bool:
    options = [one.get("seLinuxOptions", {}) for one in contexts(pod)]
    return all(one.get("type", "") in SELINUX_TYPES and not {"user", "role"} & set(one) for one in options)


def _seccomp(pod: Manifest) -> bool:
    said = [one["seccompProfile"]["type"] for one in contexts(pod) if "seccompProfile" in one]
    return set(said) <= SECCOMP and all(each(pod, "seccompProfile"))


CONTROLS: dict[str, Callable[[Manifest], bool]] = {
    "HostProcess": lambda pod: not any(one.get("windowsOptions", {}).get("hostProcess") for one in contexts(pod)),
    "Host Namespaces": lambda pod: not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")),
    "Privileged Containers": lambda pod: not any(one.get("privileged") for one in contexts(pod)),
    "Capabilities": lambda pod: (
        all("ALL" in dropped for dropped in _capabilities(pod, "drop"))
        and all(added <= {"NET_BIND_SERVICE"} for added in _capabilities(pod, "add"))
    ),
    "HostPath Volumes": lambda pod: not any("hostPath" in one for one in pod.get("volumes", [])),
    "Host Ports": lambda pod: not any(port.get("hostPort") for one in containers(pod) for port in one.get("ports", [])),
    "Host Probes / Lifecycle Hooks": _no_host_in_probes,
    "AppArmor": lambda pod: all(
        one.get("appArmorProfile", {}).get("type", "RuntimeDefault") in APPARMOR for one in contexts(pod)
    ),
    "SELinux": _selinux,
    "/proc Mount Type": lambda pod: all(one.get("procMount", "Default") == "Default" for one in contexts(pod)),
    "Seccomp": _seccomp,
    "Sysctls": lambda pod: all(one["name"] in SYSCTLS for one in pod.get("securityContext", {}).get("sysctls", [])),
    "Volume Types": lambda pod: all(set(one) - {"name"} <= VOLUMES for one in pod.get("volumes", [])),
    "Privilege Escalation": lambda pod: all(
        one.get("securityContext", {}).get("allowPrivilegeEscalation") is False for one in containers(pod)
    ),
    "Running as Non-root": lambda pod: all(each(pod, "runAsNonRoot")),
    "Running as Non-root user": lambda pod: not any(one.get("runAsUser") == 0 for one in contexts(pod)),
}


def violated(pod: Manifest) -> list[str]:
    """The controls that a pod spec does not fit."""
    return [name for name, holds in CONTROLS.items() if not holds(pod)]
