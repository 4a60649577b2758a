"""In which cgroups is a process? The lines of /proc/PID/cgroup, one for each hierarchy.

Does *not* cover what the paths mean (`cgroup_names`) nor where they are mounted (`cgroup_memory`).
"""

from __future__ import annotations

from typing import NamedTuple

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.descriptor import read_process_file

_DELETED = " (deleted)"  # the kernel says so where the cgroup of a dead process was removed


class CgroupPaths(NamedTuple):
    """Where a process is. None: there is no such hierarchy.

    `unified` is the cgroup v2 path (on a hybrid machine it carries no controllers), `memory_v1` that of the v1 memory
    controller, `systemd_v1` that of `name=systemd`; `paths` holds every distinct path in the order of the file.
    """

    unified: str | None = None
    memory_v1: str | None = None
    systemd_v1: str | None = None
    paths: tuple[str, ...] = ()


def parse_cgroup(text: bytes) -> CgroupPaths:
    """Read /proc/PID/cgroup: lines `hierarchy-ID:controllers:path`.

    A path may hold colons; it cannot hold a newline, which the kernel refuses in a cgroup's name. Bytes that are no
    UTF-8 are shown as `\\xNN`. Source: cgroups(7). Raises MalformedProcFile.
    """
    unified = memory_v1 = systemd_v1 = None
    paths: dict[str, None] = {}
    for line in text.decode("utf-8", "backslashreplace").split("\n"):
        if not line:
            continue
        number, separator, rest = line.partition(":")
        controllers, second, path = rest.partition(":")
        if not separator or not second or not number.isdecimal():
            raise MalformedProcFile(f"cgroup: found {line[:200]!r}, wanted hierarchy-ID:controllers:path")
        path = path.removesuffix(_DELETED)
        paths[path] = None
        if not controllers:
            unified = path
        elif controllers == "name=systemd":
            systemd_v1 = path
        elif "memory" in controllers.split(","):
            memory_v1 = path
    return CgroupPaths(unified, memory_v1, systemd_v1, tuple(paths))


def read_cgroup(procfs: str, pid: int) -> CgroupPaths:
    """Read `procfs`/`pid`/cgroup.

    Raises ProcessLookupError, PermissionError, MalformedProcFile, FileNotFoundError on a kernel without cgroups.
    """
    return parse_cgroup(read_process_file(procfs, pid, "cgroup"))
