"""Which processes have an agent inside? Each answers on a socket `<pid>-<start>.sock` in one of the run directories.

`start` is the start time of the process in clock ticks; a name without it, `<pid>.sock`, is that of an answerer that
does not know its own. Does *not* connect. Agents whose socket lies in a container's own file system, or is abstract,
are found by `elsewhere`.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterable

from brimwatch.discover.births import Births
from brimwatch.discover.elsewhere import Elsewhere
from brimwatch.model import ProcessId

MOST = 1 << 16  # entries of one directory that are looked at
_TICK = 100_000_000  # nanoseconds: more than one tick of the clock that stamps files
_SOCKET = re.compile(r"([1-9][0-9]{0,9})(?:-([1-9][0-9]{0,19}))?\.sock", re.ASCII)


class Agents:
    """The sockets of all run directories, listed once each pass; a directory that has not changed is not read again.

    `run_dirs`: the configured one first, then those of a fixed list; with `elsewhere`, other places as well.
    """

    def __init__(
        self,
        run_dirs: tuple[str, ...],
        births: Births | None = None,
        procfs: str = "/proc",
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._run_dirs = run_dirs
        self._procfs = procfs
        self._sockets: dict[int, list[tuple[str, int]]] = {}  # PID to (path, inode number)
        self._births = births or Births()
        self._elsewhere = elsewhere
        self._status: dict[tuple[str, int], tuple[int, float] | None] = {}  # owner and time of a socket
        self._listings: dict[str, tuple[int, dict[str, int]]] = {}  # when a directory changed, and its sockets
        self._spoken: frozenset[ProcessId] = frozenset()
        self.unchanged = False  # whether the last listing was the same as the one before
        self.denied = 0  # directories that we may not list

    def among(
        self, find: Callable[[int], ProcessId | None], everyone: Callable[[], Iterable[ProcessId]]
    ) -> frozenset[ProcessId]:
        """Which processes have an agent. `find` gives the one with a PID, `everyone` all that are asked about."""
        spoken = set()
        for pid in self.list():
            process = find(pid)
            if process is None:
                continue
            if process in self._spoken and self.unchanged:
                spoken.add(process)
                continue
            uid = self._uid(pid)
            if uid is not None and self.speaks_for(process, uid):
                spoken.add(process)
        if self._elsewhere is not None:
            spoken |= {one for one in self._elsewhere.look(everyone) if find(one.pid) == one}
        self._spoken = frozenset(spoken)
        return self._spoken

    def list(self) -> frozenset[int]:
        """The PIDs for which there is a socket; whose it is has yet to be asked of `speaks_for`."""
        sockets: dict[int, list[tuple[str, int]]] = {}
        self.denied = 0
        directories = self._run_dirs if self._elsewhere is None else (*self._run_dirs, *self._elsewhere.directories)
        for directory in dict.fromkeys(directories):
            try:
                listed = self._listed(directory)
            except PermissionError:
                self.denied += directory in self._run_dirs  # another user's is none of our business
            except OSError:  # not there: no agent has started yet
                continue
            else:
                for name, inode in listed.items():
                    found = _SOCKET.fullmatch(name)
                    if found is not None:
                        sockets.setdefault(int(found[1]), []).append((f"{directory}/{name}", inode))
        self.unchanged = sockets == self._sockets
        if not self.unchanged:
            self._sockets = sockets
            self._status.clear()
        return frozenset(sockets)

    def _listed(self, directory: str) -> dict[str, int]:
        changed = os.stat(directory).st_mtime_ns
        known = self._listings.get(directory)
        if known is not None and known[0] == changed:
            return known[1]
        with os.scandir(directory) as entries:
            listed = {entry.name: entry.inode() for _, entry in zip(range(MOST), entries, strict=False)}
        if time.time_ns() - changed > _TICK:  # else it may change again without a later time
            self._listings[directory] = (changed, listed)
        return listed

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

    def _uid(self, pid: int) -> int | None:
        try:
            return os.stat(f"{self._procfs}/{pid}").st_uid
        except OSError:
            return None


def _start(path: str) -> int | None:
    found = _SOCKET.fullmatch(os.path.basename(path))
    return None if found is None or found[2] is None else int(found[2])


def _status(path: str) -> tuple[int, float] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return (status.st_uid, status.st_mtime) if stat.S_ISSOCK(status.st_mode) else None
