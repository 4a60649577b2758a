"""Where can a process's cgroup be read: on our own mounts, or only through the process's root?

Our own mounts are preferred: on the host they show every cgroup with all its ancestors. In a container of our own they
show nothing but ourselves; a neighbour's cgroup is then read where the neighbour sees it, at the top of its own mount,
and limits above it stay unseen (a v1 kernel names them all the same, see cgroup_memory).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

from brimwatch.model import ProcessId
from brimwatch.procfs.cgroup import CgroupPaths, read_cgroup
from brimwatch.procfs.descriptor import LISTS, STAT_LIKE, read_descriptor, read_file, read_process_file
from brimwatch.procfs.mountinfo import CgroupMount, parse_mountinfo, steps_up
from brimwatch.procfs.root import CGROUPFS, open_directory, open_file, open_root

_DEPTH = 64  # levels: no sane tree is deeper


class Place(NamedTuple):
    """One cgroup directory: the path `below` a mount `point`; through the root of `through` where it is set.

    `path` is its name as /proc/PID/cgroup has it (as the host has it, where we see the host's mount from a namespace of
    our own), `kinds` the file systems that are believed on the way through a root.
    """

    version: int
    point: str
    below: str
    path: str
    procfs: str = "/proc"
    through: ProcessId | None = None
    kinds: frozenset[int] = CGROUPFS

    def ancestors(self) -> list[Place]:
        """This place and all above it that can be seen, the nearest first."""
        steps = self.below.count("/")
        below, path = self.below, self.path
        chain = [self]
        for _ in range(min(steps, _DEPTH)):
            below, path = below.rpartition("/")[0], path.rpartition("/")[0]
            chain.append(self._replace(below=below, path=path or "/"))
        return chain


class Directory:
    """An open cgroup directory. Raises OSError: FileNotFoundError or ENODEV for a cgroup that was removed."""

    __slots__ = ("_descriptor", "_strict")

    def __init__(self, place: Place) -> None:
        self._strict = place.through is not None
        if place.through is None:
            self._descriptor = os.open(place.point + place.below, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            return
        root = open_root(place.procfs, place.through)
        try:
            self._descriptor = open_directory(root, place.point + place.below, place.kinds)
        finally:
            os.close(root)

    @property
    def descriptor(self) -> int:
        """Of the directory itself (O_PATH); it stays this object's."""
        return self._descriptor

    @property
    def is_foreign(self) -> bool:
        """Whether it was reached through a target's root, where nothing but a file of this very mount is believed."""
        return self._strict

    def open(self, name: str) -> int:
        """A descriptor of one of its files, for reading."""
        if self._strict:
            return open_file(self._descriptor, name)
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self._descriptor)

    def read(self, name: str, bound: int = STAT_LIKE) -> bytes:
        """The whole text of one of its files. Raises MalformedProcFile above `bound` bytes."""
        descriptor = self.open(name)
        try:
            return read_descriptor(descriptor, bound)
        finally:
            os.close(descriptor)

    def has(self, name: str) -> bool:
        """Whether it has such a file."""
        try:
            os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_at(place: Place, name: str) -> int:
    """A descriptor of one file of a cgroup; the caller closes it. Raises OSError."""
    with Directory(place) as directory:
        return directory.open(name)


def own_mounts(procfs: str) -> tuple[CgroupMount, ...]:
    """The cgroup mounts that we see ourselves. Raises OSError, MalformedProcFile."""
    mounts = parse_mountinfo(read_file(f"{procfs}/self/mountinfo", LISTS))
    return tuple(_named_above(mount, procfs) if steps_up(mount.root) else mount for mount in mounts)


def _named_above(mount: CgroupMount, procfs: str) -> CgroupMount:
    """A mount that begins above our cgroup namespace, with the names in between. Raises OSError, MalformedProcFile."""
    from brimwatch.procfs.cgroup_namespace import names_above  # most daemons live in no namespace of their own

    paths = read_cgroup(procfs, os.getpid())
    own = paths.memory_v1 if mount.version == 1 else paths.unified
    height = steps_up(mount.root)
    if own is None or steps_up(own) or mount.root != "/.." * height:
        return mount
    return mount._replace(above=names_above(mount.point, height, own))


def locate_memory(
    paths: CgroupPaths, mounts: Sequence[CgroupMount], procfs: str, process: ProcessId, kinds: frozenset[int] = CGROUPFS
) -> Place | None:
    """Where the process's memory cgroup can be read; None where no memory controller holds it.

    Raises ProcessLookupError, PermissionError, FileNotFoundError where the process does not see its own cgroup either.
    """
    if paths.memory_v1 is not None:
        return _locate(1, paths.memory_v1, mounts, procfs, process, kinds)
    if paths.unified is not None:
        return _locate(2, paths.unified, mounts, procfs, process, kinds)
    return None


def locate_unified(
    paths: CgroupPaths, mounts: Sequence[CgroupMount], procfs: str, process: ProcessId, kinds: frozenset[int] = CGROUPFS
) -> Place | None:
    """Where the process's place in the unified hierarchy can be read; only that has pressure files. Raises as above."""
    return None if paths.unified is None else _locate(2, paths.unified, mounts, procfs, process, kinds)


def _locate(
    version: int,
    path: str,
    mounts: Sequence[CgroupMount],
    procfs: str,
    process: ProcessId,
    kinds: frozenset[int],
) -> Place:
    mount, below = _nearest(version, path, mounts)
    if mount is not None and os.path.isdir(mount.point + below):
        return Place(version, mount.point, below, (below or "/") if mount.above else path, procfs)
    theirs = parse_mountinfo(read_process_file(procfs, process.pid, "mountinfo", LISTS))
    mount, below = _nearest(version, path, theirs)
    if mount is None:
        raise FileNotFoundError(errno.ENOENT, "is on no mount that we or the process see", path)
    return Place(version, mount.point, below, path, procfs, process, kinds)


def _nearest(version: int, path: str, mounts: Sequence[CgroupMount]) -> tuple[CgroupMount | None, str]:
    """The mount that shows the path with most of its ancestors, and where below it."""
    found: tuple[CgroupMount | None, str] = (None, "")
    for mount in mounts:
        below = mount.below(path) if mount.version == version else None
        if below is not None and (found[0] is None or len(below) > len(found[1])):
            found = mount, below
    return found
