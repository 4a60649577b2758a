"""Which container and which systemd unit does a cgroup path name?

Container runtimes and the kubelet write the container's ID into the path; systemd names each unit's cgroup after the
unit. Nothing is asked of any runtime. Does *not* cover names of containers and pods, which stand in no path, nor LXC
and systemd-nspawn, which have no IDs.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from brimwatch.procfs.cgroup import CgroupPaths

SHORT_ID = 12  # characters of an ID that `docker ps` and `podman ps` show

_UNIT_SUFFIXES = (".service", ".scope", ".socket", ".mount", ".swap")
_UUID = r"[0-9a-f]{8}([-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}"
POD_UID = rf"{_UUID}|[0-9a-f]{{32}}"  # of a static pod it is a hash
_POD = re.compile(rf"(?:.*-)?pod(?P<uid>{POD_UID})(?:\.slice)?", re.ASCII)
# The prefix that each runtime writes; conmon (the monitor beside a container) has a prefix of its own and is none.
_PREFIXED = re.compile(
    r"(?P<runtime>docker|cri-containerd|nerdctl|crio|libpod|libpod-payload)-(?P<id>[0-9a-f]{12,64})(?P<scope>\.scope)?",
    re.ASCII,
)
# What runc writes as one component where containerd hands `slice:prefix:id` to a cgroupfs driver.
_COLONS = re.compile(r"(?P<slice>[^:]*):(?P<runtime>docker|cri-containerd|crio):(?P<id>[0-9a-f]{12,64})", re.ASCII)
_BARE = re.compile(r"[0-9a-f]{12,64}", re.ASCII)
_FULL_ID = 64
_FARGATE = re.compile(r"[0-9a-f]{32}-[0-9]{1,20}", re.ASCII)
_RUNTIMES = {
    "docker": "docker",
    "cri-containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "cri-o",
    "libpod": "podman",
    "libpod-payload": "podman",
}


class ContainerName(NamedTuple):
    """A container by its ID. `runtime`: docker, containerd, cri-o, podman, or unknown where the path does not tell.

    `pod_uid` is the UID of the Kubernetes pod around it, with dashes, or None.
    """

    id: str
    runtime: str
    pod_uid: str | None = None


def container_of(path: str) -> ContainerName | None:
    """The innermost container that a cgroup path names: in a kind node that is the pod's container, not the node."""
    parts = path.split("/")
    for place in range(len(parts) - 1, 0, -1):
        found = container_part(parts[place], parts[place - 1])
        if found is not None:
            identity, runtime = found
            return ContainerName(identity, runtime, _pod_above(parts[: place + 1]))
    return None


def unit_of(path: str) -> str | None:
    """The innermost systemd unit of a cgroup path, written as systemd writes it (`\\x2d` stays).

    Slices are no units here, and neither is a container's own scope: that process has a container instead.
    """
    for part in reversed(path.split("/")):
        if part.endswith(_UNIT_SUFFIXES) and not part.startswith("."):
            return None if _PREFIXED.fullmatch(part) else part
    return None


def container_in(paths: CgroupPaths) -> ContainerName | None:
    """The container of a process. On hybrid machines Docker is in the v1 hierarchies and not in the unified one."""
    if not paths.paths and paths.unified is None and paths.memory_v1 is None:
        return None
    for path in dict.fromkeys((paths.memory_v1, paths.systemd_v1, paths.unified, *paths.paths)):
        found = None if path is None else container_of(path)
        if found is not None:
            return found
    return None


def unit_in(paths: CgroupPaths) -> str | None:
    """The systemd unit of a process: from `name=systemd` where that hierarchy exists and is used, else from v2."""
    path = paths.systemd_v1 if paths.systemd_v1 not in (None, "/") else paths.unified
    return None if path is None else unit_of(path)


def container_part(part: str, parent: str) -> tuple[str, str] | None:
    """ID and runtime, where this component of a path, below `parent`, is a container's."""
    if len(part) < SHORT_ID:
        return None
    found = _PREFIXED.fullmatch(part) or _COLONS.fullmatch(part)
    if found is not None:
        return found["id"], _RUNTIMES[found["runtime"]]
    if _BARE.fullmatch(part):
        if parent == "docker":
            return part, "docker"
        if len(part) == _FULL_ID or _POD.fullmatch(parent):
            return part, "unknown"
    elif parent != "" and _FARGATE.fullmatch(part):
        return part, "unknown"
    return None


def _pod_above(parts: list[str]) -> str | None:
    for part in reversed(parts):
        found = _POD.fullmatch(part.partition(":")[0])
        if found is not None:
            return found["uid"].replace("_", "-")
    return None
