"""Which process does a pidfile name, and is it still the one that was meant?

A daemon that crashed leaves its file behind, and its PID is given to someone else. A process that started after the
file was last written is such a stranger. Does *not* follow a symbolic link, nor believe a file of a user who is neither
root, nor ourselves, nor the owner of the process.
"""

from __future__ import annotations

import os
import re
import stat
from typing import NamedTuple

from brimwatch.discover.births import Births
from brimwatch.model import ProcessId

READ = 64  # bytes
_RACY = 2.0  # seconds in which a file may be written again without a visible change of its times
_NUMBER = re.compile(rb"\s*([0-9]{1,10})(?![0-9])")


class Pidfile(NamedTuple):
    """What a file says. Without a `pid`, `problem` says why: missing, denied, not_a_file, unsafe, malformed."""

    pid: int | None = None
    problem: str | None = None
    mtime: float = 0.0
    owner: int = 0


class Pidfiles:
    """Reads pidfiles, each anew only when it has changed."""

    def __init__(self, births: Births) -> None:
        self._births = births
        self._known: dict[str, tuple[tuple[int, ...], Pidfile]] = {}
        self._believed: dict[str, ProcessId] = {}

    def read(self, path: str) -> Pidfile:
        """What the file says now. It must begin with the number; one that anyone may write is `unsafe` to root."""
        try:
            status = os.lstat(path)
        except PermissionError:
            return Pidfile(problem="denied")
        except OSError:
            return Pidfile(problem="missing")
        stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known = self._known.get(path)
        if known is not None and known[0] == stamp and self._births.wall() - status.st_mtime > _RACY:
            return known[1]
        found = _read(path)
        self._known[path] = (stamp, found)
        return found

    def believe(self, path: str, found: Pidfile, process: ProcessId, uid: int) -> str | None:
        """None where the process is the one that the file means, else why not: `stale` or `unsafe`.

        What was believed once is believed while file and process stay the same, so that a step of the clock loses no
        target.
        """
        if found.owner not in (0, os.geteuid(), uid):
            return "unsafe"
        if self._believed.get(path) == process:
            return None
        if self._births.after(process, found.mtime):
            return "stale"
        self._believed[path] = process
        return None


def _read(path: str) -> Pidfile:
    try:
        # O_NONBLOCK: a FIFO in the file's place must not make us wait.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except PermissionError:
        return Pidfile(problem="denied")
    except FileNotFoundError:
        return Pidfile(problem="missing")
    except OSError:  # ELOOP: a symbolic link; ENXIO: a socket
        return Pidfile(problem="not_a_file")
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return Pidfile(problem="not_a_file")
        if os.geteuid() == 0 and status.st_mode & stat.S_IWOTH:
            return Pidfile(problem="unsafe")
        number = _NUMBER.match(os.read(descriptor, READ))
    finally:
        os.close(descriptor)
    if number is None or int(number[1]) == 0:
        return Pidfile(problem="malformed")
    return Pidfile(int(number[1]), None, status.st_mtime, status.st_uid)
