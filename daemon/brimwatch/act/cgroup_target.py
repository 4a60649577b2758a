"""Which cgroup may be written to for a process: the one that is charged for it, if it holds nobody else?

A limit of a cgroup holds for everything in it. What is not the target's own must not be slowed down for it, and
Brimwatch must never slow itself down.
"""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

from brimwatch.act.exits import exited
from brimwatch.act.refused import Refused
from brimwatch.act.request import Recipient
from brimwatch.errors import MalformedProcFile
from brimwatch.model import Reason, Verdict
from brimwatch.procfs.cgroup import read_cgroup
from brimwatch.procfs.cgroup_memory import CgroupMemory, read_cgroup_memory
from brimwatch.procfs.cgroup_place import Directory, Place, locate_memory, own_mounts
from brimwatch.procfs.descriptor import LISTS, read_descriptor
from brimwatch.procfs.root import CGROUPFS
from brimwatch.procfs.stat import read_stat

_MOST_CGROUPS = 1024  # below the one that is written to
_MOST_PROCESSES = 16384
_LONGEST_LINE = 64  # generations between a process and the member that it descends from
_V1 = (
    "cgroup v1 cannot do that: its memory.soft_limit_in_bytes is a hint for the time when the whole machine is short, "
    "and slows nothing"
)
NO_RECLAIM_ON_V1 = "cgroup v1 cannot do that: memory.reclaim, which takes so much and no more, is of version 2"


def find_memory(recipient: Recipient, procfs: str, kinds: frozenset[int] = CGROUPFS, v1: str = _V1) -> CgroupMemory:
    """The cgroup that is charged for a process, with its figures of now; version 2 only, never the root.

    `v1` is what is said of one of version 1.

    Raises Refused, ProcessLookupError, PermissionError, OSError, MalformedProcFile.
    """
    process = recipient.process
    paths = read_cgroup(procfs, process.pid)
    if exited(recipient.pidfd) or read_stat(procfs, process.pid).start_ticks != process.start_ticks:
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH), f"{procfs}/{process.pid}")
    place = locate_memory(paths, own_mounts(procfs), procfs, process, kinds)
    if place is None:
        raise Refused(Reason.UNSUPPORTED, "no memory controller holds the process")
    if place.version == 1:
        raise Refused(Reason.UNSUPPORTED, v1)
    memory = read_cgroup_memory(place)
    if memory is None:
        raise Refused(Reason.PROTECTED, "the process is charged to the root cgroup alone, which is never written to")
    return memory


class Found(NamedTuple):
    """The cgroup of a process, and whose it has to be: `family` are the PIDs of all processes of the target."""

    memory: CgroupMemory
    pid: int
    family: frozenset[int]
    procfs: str

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.memory.place


def refuse_shared(found: Found, directory: Directory, force: bool) -> None:
    """Raise Refused where the cgroup holds Brimwatch, or (unless `force`) a process that is not the target's.

    Whatever descends from one of the family counts as the target's too. Raises OSError, MalformedProcFile.
    """
    place, family, procfs = found.place, found.family, found.procfs
    present = _processes(place, directory)
    if found.pid not in present:  # a target owns its root, and can mount another cgroup where its own should be
        raise Refused(Reason.PROTECTED, f"process {found.pid} is not in {place.path}, which is shown as its cgroup")
    if _own_pid(procfs) in present:
        raise Refused(Reason.PROTECTED, f"Brimwatch itself lives in the cgroup {place.path}")
    if force:
        return
    for pid in sorted(present - family):
        if pid == 0 or not _descends(pid, family, procfs):
            who = "a process of another PID namespace" if pid == 0 else f"process {pid}"
            raise Refused(
                Reason.PROTECTED,
                f"the cgroup {place.path} also holds {who}, which is not the target's; `force: true` does it anyway",
            )


def _processes(place: Place, directory: Directory) -> set[int]:
    """Everything in a cgroup and below it. A PID of 0 stands for processes that have none here."""
    found: set[int] = set()
    walked = os.fwalk(".", dir_fd=directory.descriptor, onerror=_raise, follow_symlinks=False)
    for count, (_, _, _, level) in enumerate(walked):
        if count >= _MOST_CGROUPS or len(found) > _MOST_PROCESSES:
            raise Refused(Reason.UNSUPPORTED, f"the cgroup {place.path} holds more than can be looked through")
        try:
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open("cgroup.procs", flags, dir_fd=level)
            try:
                found.update(int(line) for line in read_descriptor(descriptor, LISTS).split())
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            continue  # a cgroup that was removed just now
        except ValueError:
            raise MalformedProcFile("cgroup.procs: found no list of PIDs") from None
        except OSError as error:
            if error.errno == errno.ENODEV:
                continue
            if error.errno == errno.EOPNOTSUPP:  # a threaded cgroup lists its processes further up
                raise Refused(Reason.UNSUPPORTED, f"the cgroup {place.path} is threaded", Verdict.SUPPRESSED) from None
            raise
    return found


def _raise(error: OSError) -> None:
    if error.errno not in (errno.ENOENT, errno.ENODEV):
        raise error


def _descends(pid: int, family: frozenset[int], procfs: str) -> bool:
    """Whether a process was started by one of the family, or has ended meanwhile."""
    for _ in range(_LONGEST_LINE):
        if pid in family:
            return True
        if pid <= 1:
            return False
        try:
            pid = read_stat(procfs, pid).ppid
        except ProcessLookupError:
            return True
        except (OSError, MalformedProcFile):
            return False
    return False


def _own_pid(procfs: str) -> int:
    try:
        return int(os.readlink(f"{procfs}/self"))
    except (OSError, ValueError):
        return os.getpid()
