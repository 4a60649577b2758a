"""What does a process show of itself beyond its name: program, command line, user, cgroups?

Read only where some target asks for it, through one open descriptor of the process's directory, so that all of it is of
one and the same process. Everything read is hostile text: bounded, without control characters, always UTF-8.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from brimwatch.discover.table import UNTOLD, Process
from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.cgroup import CgroupPaths, parse_cgroup
from brimwatch.procfs.cgroup_names import ContainerName, container_in, unit_in

if TYPE_CHECKING:  # loaded where a target asks for pods, or a process is in one
    from brimwatch.discover.pods import PodBook, Resident
    from brimwatch.procfs.pod_paths import PodPlace

READ = 1 << 16  # bytes of a command line or a cgroup file that are read
KEPT = 4096  # bytes of a long command line that are kept from its beginning, and as many from its end
_PLACES = 4096  # cgroups remembered at most
_SPACED = bytes(32 if byte < 32 or byte == 127 else byte for byte in range(256))
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC

EXE, CMDLINE, USER, CGROUP = "exe", "cmdline", "user", "cgroup"
EVERYTHING = frozenset((EXE, CMDLINE, USER, CGROUP))
NOTHING: frozenset[str] = frozenset()


class Place:
    """A cgroup with its names. The same cgroup is the same object, so that a thousand processes of it share one."""

    __slots__ = ("container", "paths", "pods", "unit")

    def __init__(self, paths: CgroupPaths) -> None:
        self.paths = paths
        self.unit: str | None = unit_in(paths)
        self.container: ContainerName | None = container_in(paths)
        self.pods: tuple[PodPlace, ...] = _pods(paths, self.container)


class Facts(NamedTuple):
    """What was read of one process at one moment. None: not asked for, not there, or (in `denied`) refused to us."""

    comm: str
    exe: str | None = None
    cmdline: str | None = None
    uid: int | None = None
    place: Place | None = None
    denied: frozenset[str] = NOTHING
    pod: Resident | None = None  # None as well for a pod that is not known


class FactSource:
    """Reads facts below one procfs. `pods` are those that are known, None where no target asks for any."""

    def __init__(self, procfs: str) -> None:
        self.pods: PodBook | None = None
        self._procfs = procfs
        self._places: dict[bytes, Place] = {}

    def read(self, row: Process, wanted: frozenset[str]) -> Facts:
        """Read what is wanted of a process.

        `exe` is without the kernel's " (deleted)", `cmdline` has its arguments joined by spaces, `uid` is the effective
        one. Raises ProcessLookupError where the process is gone, or another has its PID.
        """
        if not wanted:
            return Facts(row.comm)
        denied: set[str] = set()
        try:
            directory = os.open(f"{self._procfs}/{row.identity.pid}", _DIRECTORY)
        except FileNotFoundError:
            raise ProcessLookupError(f"{self._procfs}/{row.identity.pid} is gone") from None
        except PermissionError:
            return Facts(row.comm, denied=wanted)
        try:
            status = os.fstat(directory)
            if row.inode not in (status.st_ino, UNTOLD):
                raise ProcessLookupError(f"{self._procfs}/{row.identity.pid} is another process")
            place = self._place(directory, denied) if CGROUP in wanted else None
            return Facts(
                row.comm,
                _exe(directory, denied) if EXE in wanted else None,
                _cmdline(directory, denied) if CMDLINE in wanted else None,
                # The owner of this directory is the effective uid whatever the process may hide: fs/proc/base.c.
                status.st_uid if USER in wanted else None,
                place,
                frozenset(denied) if denied else NOTHING,
                None if place is None or self.pods is None or not place.pods else self.pods.find(place.pods),
            )
        finally:
            os.close(directory)

    def _place(self, directory: int, denied: set[str]) -> Place | None:
        try:
            text = _read(directory, "cgroup")
        except PermissionError:
            denied.add(CGROUP)
            return None
        except FileNotFoundError:  # gone, or a kernel without cgroups: then there is none to match
            return None
        place = self._places.get(text)
        if place is None:
            try:
                place = Place(parse_cgroup(text))
            except MalformedProcFile:
                return None
            if len(self._places) >= _PLACES:
                self._places.clear()
            self._places[text] = place
        return place


def _pods(paths: CgroupPaths, container: ContainerName | None) -> tuple[PodPlace, ...]:
    if container is None or container.pod_uid is None:
        return ()
    from brimwatch.procfs.pod_paths import pods_in  # only where there are pods

    return pods_in(paths)


def shorten(raw: bytes) -> str:
    """A command line as it is compared and shown: arguments joined by spaces, control characters made spaces.

    Of a long one the beginning and the end are kept, where programs and their main arguments stand.
    """
    raw = raw.rstrip(b"\0")
    if len(raw) > 2 * KEPT:
        raw = raw[:KEPT] + b" ... " + raw[-KEPT:]
    return raw.translate(_SPACED).decode("utf-8", "replace")


def _cmdline(directory: int, denied: set[str]) -> str | None:
    try:
        return shorten(_read(directory, "cmdline"))
    except PermissionError:
        denied.add(CMDLINE)
    except FileNotFoundError:
        raise ProcessLookupError("gone while its command line was read") from None
    return None


def _exe(directory: int, denied: set[str]) -> str | None:
    """The path of the program; None for a process that has none, such as one that is just ending."""
    try:
        path = os.readlink("exe", dir_fd=directory)
    except PermissionError:
        denied.add(EXE)
        return None
    except FileNotFoundError:
        return None
    if not path.isascii():
        path = os.fsencode(path).decode("utf-8", "backslashreplace")
    return path.removesuffix(" (deleted)")


def _read(directory: int, name: str) -> bytes:
    descriptor = os.open(name, _FILE, dir_fd=directory)
    try:
        return os.read(descriptor, READ)
    finally:
        os.close(descriptor)
