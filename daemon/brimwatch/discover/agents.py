"""Which processes have an agent inside? Each answers on a socket `<pid>-<start>.sock` in one of the run directories.

`start` is the start time of the process in clock ticks; a name without it, `<pid>.sock`, is that of an answerer that
does not know its own.

Does *not* connect, and does not see an agent whose socket lies in a container's own file system or is abstract.
"""

from __future__ import annotations

import os
import re
import stat

from brimwatch.discover.births import Births
from brimwatch.model import ProcessId

MOST = 1 << 16  # entries of one directory that are looked at
_SOCKET = re.compile(r"([1-9][0-9]{0,9})(?:-([1-9][0-9]{0,19}))?\.sock", re.ASCII)


class Agents:
    """The sockets of all run directories, listed once each pass."""

    def __init__(self, run_dirs: tuple[str, ...], births: Births) -> None:
        self._run_dirs = run_dirs
        self._sockets: dict[int, list[tuple[str, int]]] = {}  # PID to (path, inode number)
        self._births = births
        self._status: dict[tuple[str, int], tuple[int, float] | None] = {}  # owner and time of a socket
        self.unchanged = False  # whether the last listing was the same as the one before
        self.denied = 0  # directories that we may not list

    def list(self) -> frozenset[int]:
        """The PIDs for which there is a socket; whose it is has yet to be asked of `speaks_for`."""
        sockets: dict[int, list[tuple[str, int]]] = {}
        self.denied = 0
        for directory in self._run_dirs:
            try:
                with os.scandir(directory) as entries:
                    for _, entry in zip(range(MOST), entries, strict=False):
                        found = _SOCKET.fullmatch(entry.name)
                        if found is not None:
                            sockets.setdefault(int(found[1]), []).append((entry.path, entry.inode()))
            except PermissionError:
                self.denied += 1
            except OSError:  # not there: no agent has started yet
                continue
        self.unchanged = sockets == self._sockets
        if not self.unchanged:
            self._sockets = sockets
            self._status.clear()
        return frozenset(sockets)

    def speaks_for(self, process: ProcessId, uid: int) -> bool:
        """Whether one of the sockets of that PID is this process's.

        Anyone may make a file: it must belong to the process's user or to root. A killed process leaves its socket
        behind: one that is older than the process was of another one that had its PID.
        """
        for key in self._sockets.get(process.pid, ()):
            if _start(key[0]) not in (None, process.start_ticks):
                continue  # of another process that had this PID
            if key not in self._status:
                self._status[key] = _status(key[0])
            found = self._status[key]
            if found is not None and found[0] in (0, uid) and not self._births.after(process, found[1]):
                return True
        return False


def _start(path: str) -> int | None:
    found = _SOCKET.fullmatch(os.path.basename(path))
    return None if found is None or found[2] is None else int(found[2])


def _status(path: str) -> tuple[int, float] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return (status.st_uid, status.st_mtime) if stat.S_ISSOCK(status.st_mode) else None
