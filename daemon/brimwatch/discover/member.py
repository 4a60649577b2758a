"""What does discovery hand on? Targets with their members, and how the pass went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from brimwatch.config.settings import TargetSpec
from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup import CgroupPaths
from brimwatch.units import Seconds


@dataclass(frozen=True, slots=True)
class Member:
    """One process of a target; the same object as long as nothing of it changes.

    `is_root`: no other member of its target stands above it, so a signal to the group is meant for it.
    `parent_of_member`: a member of its target stands below it. None is what could not be read.
    """

    identity: ProcessId
    comm: str
    exe: str | None
    cmdline: str | None
    uid: int | None
    ppid: int
    cgroup: CgroupPaths | None
    unit: str | None
    container: str | None  # the whole ID
    is_root: bool
    parent_of_member: bool
    pod_uid: str | None = None


class FoundTarget(NamedTuple):
    """A target by its name, with its members in the order in which they started."""

    name: str
    spec: TargetSpec
    members: tuple[Member, ...] = ()
    template: bool = False


class ScanReport(NamedTuple):
    """How a pass went.

    `dropped`: processes without a target since a template had made as many as it may. `denied`: by key of `match`, the
    processes that it could not be compared with (`stat`: those not seen at all; `slow`: an expression was given up;
    `agent`: run directories). `pidfiles`: path to why it means nobody now. `duration`: seconds.
    """

    processes: int = 0
    dropped: int = 0
    denied: Mapping[str, int] = {}
    pidfiles: Mapping[str, str] = {}
    duration: Seconds = Seconds(0.0)
