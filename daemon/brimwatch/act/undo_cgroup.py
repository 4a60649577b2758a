"""How is a brake taken back? What was there before is written, if what is there now is still ours."""

from __future__ import annotations

import errno
import os

from brimwatch.act.cgroup_write import HIGH, read_limit, write_limit
from brimwatch.act.refused import Refused
from brimwatch.act.undo import CgroupChange, State
from brimwatch.errors import MalformedProcFile
from brimwatch.model import ProcessId, Reason, Verdict
from brimwatch.procfs.cgroup import read_cgroup
from brimwatch.procfs.cgroup_place import Directory, Place, own_mounts
from brimwatch.procfs.root import CGROUPFS
from brimwatch.procfs.stat import read_stat
from brimwatch.units import format_bytes

_GONE = State("the cgroup is gone, and the brake with it", gone=True)


def restore_high(change: CgroupChange, held: Directory | None, procfs: str, kinds: frozenset[int] = CGROUPFS) -> State:
    """Take back a brake; `held` is the open directory, None after a restart. Raises Refused, OSError."""
    directory = held
    try:
        directory = _reach(change, procfs, kinds) if directory is None else directory
        return _restore(change, directory)
    except FileNotFoundError:
        return _GONE
    except OSError as error:
        if error.errno == errno.ENODEV:  # the directory outlived its cgroup
            return _GONE
        raise
    finally:
        if directory is not None and directory is not held:
            directory.close()


def _restore(change: CgroupChange, directory: Directory) -> State:
    found = os.fstat(directory.descriptor)
    if (found.st_dev, found.st_ino) != (change.device, change.inode):
        return State(f"another cgroup has the name {change.place.path} by now", gone=True)
    before = "max" if change.before is None else format_bytes(change.before)
    present = read_limit(directory)
    if present == change.before:
        return State(f"{HIGH} is {before} as before")
    if present != change.ours:
        told = "max" if present is None else format_bytes(present)
        return State(f"{HIGH} was set to {told} by somebody else meanwhile, and is left alone")
    write_limit(directory, change.before)
    return State(f"{HIGH} is {before} again")


def _reach(change: CgroupChange, procfs: str, kinds: frozenset[int]) -> Directory:
    """The directory that a record names, by a way that can be trusted."""
    place = change.place._replace(procfs=procfs, kinds=kinds)
    if place.through is None:
        if not any(mount.version == 2 and mount.point == place.point for mount in own_mounts(procfs)):
            raise Refused(Reason.ERROR, f"{place.point} is no mount of cgroup v2", Verdict.FAILED)
        return Directory(place)
    try:
        return Directory(place)
    except ProcessLookupError:
        other = _neighbour(place, procfs)
        if other is None:
            raise FileNotFoundError(place.path) from None
        return Directory(place._replace(through=other))


def _neighbour(place: Place, procfs: str) -> ProcessId | None:
    """Another process in the same cgroup, which sees what the one that is gone saw."""
    for name in os.listdir(procfs):
        if not name.isdecimal():
            continue
        try:
            path = read_cgroup(procfs, int(name)).unified
            if path is not None and (path + "/").startswith(place.path.rstrip("/") + "/"):
                return ProcessId(int(name), read_stat(procfs, int(name)).start_ticks)
        except (OSError, MalformedProcFile):
            continue  # gone, or not ours to see
    return None
