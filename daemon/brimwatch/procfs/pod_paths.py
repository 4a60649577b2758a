"""In which Kubernetes pods is a cgroup path, from the outermost in, in which of their containers, of which QoS class?

The kubelet makes one cgroup for each pod, below one for its QoS class; the container runtime makes the container's in
it. With the cgroupfs driver that is `kubepods/burstable/pod<uid>/<id>`, with systemd's
`kubepods-burstable-pod<uid>.slice/cri-containerd-<id>.scope`, in either case below whatever the kubelet was given as
its root. Source: kubernetes/kubernetes, pkg/kubelet/cm (`qos_container_manager_linux.go`,
`pod_container_manager_linux.go`, `cgroup_manager_linux.go`). Does *not* cover what pods are called, which stands in no
path.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from brimwatch.procfs.cgroup import CgroupPaths
from brimwatch.procfs.cgroup_names import POD_UID, container_part

GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"
_POD = re.compile(rf"(?:(?P<before>.*)-)?pod(?P<uid>{POD_UID})(?:\.slice)?", re.ASCII)
_CLASSES = {"kubepods": GUARANTEED, "burstable": BURSTABLE, "besteffort": BEST_EFFORT}


class PodPlace(NamedTuple):
    """A container of a pod. `qos` is None where the path begins below the cgroup of the class."""

    uid: str
    container: str
    qos: str | None = None


def pods_of(path: str) -> tuple[PodPlace, ...]:
    """The pods that a cgroup path names, from the outermost in: more than one where a cluster runs inside a pod.

    A process of a pod that is in no container of it (the monitor of one) has none.
    """
    parts = path.split("/")
    found = []
    for place, part in enumerate(parts):
        pod = _POD.fullmatch(part.partition(":")[0])
        container = None if pod is None else _container(parts, place)
        if pod is not None and container is not None:
            above = pod["before"] if pod["before"] is not None else parts[place - 1]
            found.append(PodPlace(pod["uid"].replace("_", "-"), container, _CLASSES.get(above.rpartition("-")[2])))
    return tuple(found)


def pods_in(paths: CgroupPaths) -> tuple[PodPlace, ...]:
    """The pods around a process, from the first of its hierarchies that names one."""
    for path in dict.fromkeys((paths.memory_v1, paths.systemd_v1, paths.unified, *paths.paths)):
        found = () if path is None else pods_of(path)
        if found:
            return found
    return ()


def _container(parts: list[str], place: int) -> str | None:
    """The ID of the container right below a pod, or in the same component, as containerd writes it with colons."""
    found = container_part(parts[place], "") if ":" in parts[place] else None
    if found is None and place + 1 < len(parts):
        found = container_part(parts[place + 1], parts[place])
    return None if found is None else found[0]
