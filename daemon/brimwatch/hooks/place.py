"""Where does this process listen? In the first run directory that is safe and can be written, else at an abstract name.

A socket is bound under another name, listens, and is then renamed: who finds it can connect, and whatever stood there
(what a killed process left, a link that somebody planted) is replaced and never followed. Source: unix(7).
"""

from __future__ import annotations

import os
import socket
import stat
import time

from brimwatch.hooks.held import HeldSocket
from brimwatch.hooks.process import start_ticks
from brimwatch.hooks.wire import (
    BACKLOG,
    LONGEST_PATH,
    RUN_DIR,
    abstract_name,
    parse_socket_name,
    private_dir,
    run_dirs,
    socket_name,
)

MOST_SWEPT = 256  # entries of a run directory looked at in one pass
_SETTLED = 60.0  # seconds after which a socket under its first name was given up
_NOBODY = 65534  # what a group that is not mapped into our user namespace looks like: user_namespaces(7)


class Place(HeldSocket):
    """A listening socket, and where it is. `path` is None for an abstract one; `uid` is who made it.

    `group` may ask as well as root and `uid`: None, or the gid to which root has given the run directory.
    """

    __slots__ = ("group", "identity", "name", "path", "uid")

    def __init__(
        self, listener: socket.socket, name: str, path: str | None, uid: int, group: int | None = None
    ) -> None:
        super().__init__(listener)
        self.name, self.path, self.uid, self.group = name, path, uid, group
        self.identity = _identity(path)

    def stands(self) -> bool:
        """Whether a daemon would still find us here."""
        if not self.is_ours or os.geteuid() != self.uid:
            return False
        return self.path is None or (self.identity is not None and _identity(self.path) == self.identity)

    def leave(self) -> None:
        """Take the name away, if it is still ours, and stop listening."""
        self.unlink()
        self.wake()
        self.close()

    def knock(self) -> None:
        """Let a poll on it return, and go on listening: who connects and hangs up at once wants nothing."""
        address = "\0" + self.name[1:] if self.path is None else self.path
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
            knocking.setblocking(False)
            try:
                knocking.connect(address)
            except OSError:  # nobody is there, or so many that it wakes without us
                return

    def unlink(self) -> None:
        """Take the name away, if it is still ours."""
        if self.path is not None and self.identity is not None and _identity(self.path) == self.identity:
            _unlink(self.path)


def listen(chosen: str | None, ticks: int, missing: list[str]) -> Place | None:
    """Begin to listen; `missing` is told why each place was passed over. `chosen` is a run directory to use alone."""
    uid = os.geteuid()
    for directory in (chosen,) if chosen is not None else run_dirs(uid):
        try:
            group = group_that_may_ask(prepare(directory, uid))
            return _bind(directory, ticks, uid, group)
        except OSError as error:
            missing.append(f"{directory}: {error.strerror or error}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    name = abstract_name(uid, os.getpid(), ticks)
    try:
        listener.bind(name)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        missing.append(f"{_shown(name)}: {error.strerror or error}")
        return None
    return Place(listener, _shown(name), None, uid, None)


def prepare(directory: str, uid: int) -> os.stat_result:
    """Make the directory if it is not there, and refuse one in which others could replace our socket."""
    try:
        os.makedirs(os.path.dirname(directory), exist_ok=True)
        os.mkdir(directory, 0o755 if directory == RUN_DIR else 0o700)
    except FileExistsError:
        pass
    private = directory == private_dir(uid)
    status = os.lstat(directory) if private else os.stat(directory)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(20, "is no directory")
    if status.st_uid != uid and (private or status.st_uid != 0):
        raise PermissionError(1, f"belongs to uid {status.st_uid}")
    open_to_all = status.st_mode & 0o002 and not status.st_mode & stat.S_ISVTX
    if open_to_all or (private and status.st_mode & 0o077):
        raise PermissionError(1, f"has mode {stat.S_IMODE(status.st_mode):04o}: others could take our place")
    return status


def group_that_may_ask(directory: os.stat_result) -> int | None:
    """The group of a run directory of root's with the set-group-ID bit: so root lets a daemon ask that is not root."""
    given = directory.st_uid == 0 and directory.st_mode & stat.S_ISGID and directory.st_gid not in (0, _NOBODY)
    return directory.st_gid if given else None


def _bind(directory: str, ticks: int, uid: int, group: int | None) -> Place:
    path = f"{directory}/{socket_name(os.getpid(), ticks)}"
    first = f"{directory}/.{os.getpid()}-{time.monotonic_ns():x}"
    if len(os.fsencode(first)) > LONGEST_PATH or len(os.fsencode(path)) > LONGEST_PATH:
        raise OSError(36, "is too long for a socket")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), 0o600)  # before it has a name: Linux gives it to the file, unlike the umask's race
        listener.bind(first)
        try:
            if group is not None and os.lstat(first).st_gid == group:  # inherited from the directory: inode(7)
                os.chmod(first, 0o660)
            listener.listen(BACKLOG)
            listener.setblocking(False)
            os.rename(first, path)
        except BaseException:
            _unlink(first)
            raise
        return Place(listener, path, path, uid, group)
    except BaseException:
        listener.close()
        raise


def sweep(directory: str) -> int:
    """Remove what killed processes of our user left here; how many. Nobody listens on such a socket any more."""
    uid, removed = os.geteuid(), 0
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for _, entry in zip(range(MOST_SWEPT), entries)]
    except OSError:
        return 0
    for name in names:
        meaning = parse_socket_name(name)
        if meaning is None and not name.startswith("."):
            continue
        if meaning is not None and start_ticks(meaning[0]) == (meaning[1] or start_ticks(meaning[0])) > 0:
            continue  # alive, and the process that is meant
        removed += _remove_stale(f"{directory}/{name}", uid, meaning is None)
    return removed


def _remove_stale(path: str, uid: int, unfinished: bool) -> bool:
    try:
        status = os.lstat(path)
        if not stat.S_ISSOCK(status.st_mode) or status.st_uid != uid:
            return False
        if unfinished and time.time() - status.st_mtime < _SETTLED:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            probe.connect(path)
    except ConnectionRefusedError:
        # A process of another PID namespace may listen here: refused means that nobody does.
        return _identity(path) == (status.st_dev, status.st_ino) and _unlink(path)
    except OSError:
        return False
    return False


def _identity(path: str | None) -> tuple[int, int] | None:
    if path is None:
        return None
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def _shown(name: bytes) -> str:
    return "@" + name[1:].decode("ascii")
