"""`single_instance`: does this program run already? A locked file says so, and the kernel unlocks it with the process.

flock(2) belongs to the open file: a crash releases it, a stale file is harmless, and a forked child, which closes its
copy, holds nothing. The file names its holder, so that the second one can say whom it met. Where no file can be locked,
an abstract socket address does the same for a network namespace, unix(7).
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import sys
import threading

from brimwatch.hooks.block import enrol, leave
from brimwatch.hooks.forking import FORKING
from brimwatch.hooks.place import prepare
from brimwatch.hooks.process import read, start_ticks
from brimwatch.hooks.wire import BACKLOG, is_name, run_dirs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST_NAME = 50  # characters: the hook is called instance:NAME
_ENDING = ".instance"  # of the file's name in a run directory
_TRIES = 20  # a file that is removed and made anew under our hands
_IN_USE = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class AlreadyRunning(RuntimeError):  # noqa: N818 - what it says is the news, not that it is an error
    """Another process holds the name. `pid` is that process, None where it cannot be told; `where` is what it holds."""

    def __init__(self, name: str, pid: int | None, where: str) -> None:
        who = "another process" if pid is None else f"PID {pid}"
        super().__init__(f"{name} runs already: {who} holds {where}")
        self.name, self.pid, self.where = name, pid, where


class Instance:
    """A name, and whether this process holds it; true as long as it does."""

    def __init__(self, name: str, where: str, descriptors: list[int], pid: int | None) -> None:
        self.name, self.where = name, where
        self.pid = pid  # who holds it, this process or another one; None where it cannot be told
        self._descriptors = {descriptor: _identity(descriptor) for descriptor in descriptors}
        self._hook = _Shown(self)

    @property
    def held(self) -> bool:
        """Whether this process holds it. One that closes all its descriptors, to become a daemon, lets go of it."""
        return any(_identity(descriptor) == known for descriptor, known in self._descriptors.items())

    def __bool__(self) -> bool:
        return self.held

    def __enter__(self) -> Instance:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let another one have it. Not needed at the end of a process: the kernel does it."""
        with _ours.lock:
            if _ours.held.get(self.name) is self:
                del _ours.held[self.name]
            leave(self._hook)
            self.let_go()

    def size_bytes(self) -> int:
        """Bytes of its own: one descriptor, and this."""
        return self.__sizeof__() + self.__dict__.__sizeof__()

    def info(self) -> dict[str, int]:
        """Whether it is still held."""
        return {"held": int(self.held)}

    def show(self) -> None:
        """Have the hook, which a metric shows, and give up the name in a forked child."""
        enrol(self._hook, f"instance:{self.name}")
        FORKING.mind(self)

    def after_fork(self, _intact: bool) -> None:
        """In the child: the parent holds it. Closing a copy leaves the lock as it is; unlocking would not."""
        _ours.held.pop(self.name, None)
        leave(self._hook)
        self.let_go()

    def adopt(self, other: Instance) -> None:
        """Hold what another one held as well."""
        self._descriptors.update(other._descriptors)

    def let_go(self) -> None:
        """Close what is held; no unlocking, which would reach through the copies of a fork."""
        descriptors, self._descriptors = self._descriptors, {}
        for descriptor, known in descriptors.items():
            if _identity(descriptor) == known:  # else it is a file of the program's by now
                os.close(descriptor)


class _Shown:
    """The block: its name has `instance:` in front of the instance's."""

    def __init__(self, instance: Instance) -> None:
        self.name = ""
        self._instance = instance

    def size_bytes(self) -> int:
        return self._instance.size_bytes()

    def info(self) -> dict[str, int]:
        return self._instance.info()


class _Ours:
    """The names that this process holds: what nobody keeps a reference to is held all the same."""

    def __init__(self) -> None:
        self.held: dict[str, Instance] = {}
        # A fork waits while a file is open that is not yet known to be ours: the child would hold it.
        self.lock = threading.RLock()

    def after_fork(self, _intact: bool) -> None:
        """In the child: each instance lets go of its own."""


_ours = _Ours()


def single_instance(name: str, path: str | None = None, *, raises: bool = True) -> Instance:
    """Hold `name` until the process ends, or find that another process of this user does.

    `path`: a file to lock; without it one in every run directory that this user has. Another one that runs is an
    AlreadyRunning with its PID; with `raises=False` the result is false, and its `pid` tells. Called again in the same
    process the answer is the same. A program that becomes a daemon calls it afterwards. Raises ValueError for a name or
    path that cannot be, OSError where a given path cannot be locked or nothing else can.
    """
    if not is_name(name) or len(name) > LONGEST_NAME or name.startswith("."):
        wanted = f"1 to {LONGEST_NAME} letters, digits and _.-: of ASCII, no dot in front"
        raise ValueError(f"hooks.single_instance: found the name {name!r:.80}, wanted {wanted}")
    if path is not None and (not isinstance(path, str) or not path.startswith("/") or "\0" in path):
        raise ValueError(f"hooks.single_instance: found the path {path!r:.80}, wanted an absolute one")
    FORKING.mind(_ours)
    with _ours.lock:
        instance = _ours.held.get(name)
        if instance is not None and instance.held:
            return instance
        instance = _take(name, path)
        if instance.held:
            _ours.held[name] = instance
            instance.show()
    if raises and not instance.held:
        raise AlreadyRunning(name, instance.pid, instance.where)
    return instance


def _take(name: str, path: str | None) -> Instance:
    """Lock it wherever it can be locked: not every process of a user sees the same run directories.

    A login shell has an `XDG_RUNTIME_DIR` and cron has none; /run/brimwatch may be made later. All try in one order,
    and who is refused at one of them lets go of the others.
    """
    if path is not None:
        return _lock(name, path)
    taken: list[Instance] = []
    for directory in run_dirs(os.geteuid()):
        try:
            prepare(directory, os.geteuid())
            found = _lock(name, f"{directory}/{name}{_ENDING}")
        except OSError:  # cannot be written, or its file system knows no locks
            continue
        if not found.held:
            for instance in taken:
                instance.let_go()
            return found
        taken.append(found)
    if not taken:
        return _bind(name)
    for other in taken[1:]:
        taken[0].adopt(other)
    return taken[0]


def _lock(name: str, path: str) -> Instance:
    """Lock the file that has this path when it is locked. Raises OSError."""
    for _ in range(_TRIES):
        # Not to be led elsewhere by a link, nor held up by a pipe.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        descriptor = os.open(path, flags, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "is no regular file", path)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno not in _IN_USE:
                raise
            return Instance(name, path, [], _holder(path))
        if _is_at(descriptor, path):
            _sign(descriptor)
            return Instance(name, path, [descriptor], os.getpid())
        os.close(descriptor)  # somebody has removed it since we opened it
    raise OSError(errno.EAGAIN, "is removed again and again", path)


def _sign(descriptor: int) -> None:
    """Write who holds it. A full disk does not matter: the lock counts, the text is for people."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {start_ticks()}\n".encode("ascii"), 0)
    except OSError:
        return


def _holder(path: str) -> int | None:
    """The PID in the file, if a process of that PID and start time is to be seen; the text may be any text."""
    words = (read(path, 64) or b"").split()
    if len(words) != 2 or not all(word.isdigit() for word in words):
        return None
    pid, ticks = int(words[0]), int(words[1])
    return pid if ticks > 0 and start_ticks(pid) == ticks else None


def _bind(name: str) -> Instance:
    """The same by an abstract address. Raises OSError where there are no Unix sockets either."""
    where = f"brimwatch-{os.geteuid()}-instance-{name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        try:
            bound.bind(b"\0" + where.encode("ascii"))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return Instance(name, f"@{where}", [], _listener(where))
        bound.listen(BACKLOG)  # who connects is told our PID by the kernel, SO_PEERCRED
        return Instance(name, f"@{where}", [bound.detach()], os.getpid())


def _listener(where: str) -> int | None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(b"\0" + where.encode("ascii"))
            pid = int.from_bytes(probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)
        except OSError:
            return None
    return pid if pid > 0 else None


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_at(descriptor: int, path: str) -> bool:
    try:
        found: Any = os.lstat(path)
    except OSError:
        return False
    return _identity(descriptor) == (found.st_dev, found.st_ino)
