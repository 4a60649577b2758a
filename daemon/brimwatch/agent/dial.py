"""How is a process's agent reached, and nobody else in its place?

Every step is one that a target cannot turn against us: a directory is held before anything in it is opened, the socket
is opened as a file that follows no link, and it is that very file that is connected to. Then the kernel says who
listens (SO_PEERCRED, unix(7)). Below the root of a container paths are resolved as if that were ours (openat2(2)).

Does *not* wait for anybody: whoever calls does so on a thread where a path may hang.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from brimwatch.agent.fault import AgentFault
from brimwatch.agent.peer import Peer, confirm
from brimwatch.agent.places import directories, doubt_directory
from brimwatch.hooks.wire import private_dir
from brimwatch.model import Reason
from brimwatch.procfs.root import open_directory, open_root

_HELD = os.O_PATH | os.O_CLOEXEC
_CREDENTIALS = struct.Struct("=iII")  # struct ucred: pid, uid, gid. Source: unix(7)
_AWAY = (errno.ENOENT, errno.ENOTDIR, errno.ECONNREFUSED)


class Ground(NamedTuple):
    """From where agents are looked for."""

    procfs: str
    run_dir: str


def dial(ground: Ground, peer: Peer, inside: bool) -> socket.socket:
    """A connected, non-blocking socket to the agent of this process; the caller closes it.

    `inside`: look below the process's own root as well, where it is not ours. Raises AgentFault: `no_agent` where
    nobody listens, `denied` with what stands in the agent's place, `busy` where it takes no connection now.
    """
    faults: list[AgentFault] = []
    for reach in _ways(ground, peer, inside):
        try:
            return _checked(reach(), ground, peer)
        except AgentFault as fault:
            faults.append(fault)
        except OSError as error:
            if error.errno not in _AWAY:
                faults.append(_fault(error))
    confirm(ground.procfs, peer.process)
    faults.append(AgentFault(Reason.NO_AGENT, f"nobody listens for process {peer.process.pid}"))
    raise faults[0]


def view_of(directory: str) -> tuple[str, str]:
    """What tells apart which files a process sees; `directory` is its own below procfs. Raises OSError.

    Links are read and not followed: a file system that the target itself answers for could hold up a stat(2).
    """
    return os.readlink(f"{directory}/root"), os.readlink(f"{directory}/ns/mnt")


def _ways(ground: Ground, peer: Peer, inside: bool) -> Iterator[Callable[[], socket.socket]]:
    """Every way to try, in order."""
    if inside:
        for directory in directories(ground.run_dir, peer.own_uid):
            yield partial(_below_root, ground, peer, directory)
    for directory in directories(ground.run_dir, peer.uid):
        yield partial(_among_ours, directory, peer)
    yield partial(_connect, peer.abstract)


def _below_root(ground: Ground, peer: Peer, directory: str) -> socket.socket:
    root = open_root(ground.procfs, peer.process)
    try:
        held = open_directory(root, directory, frozenset())
    finally:
        os.close(root)
    return _in_directory(held, f"/proc/{peer.process.pid}/root{directory}", peer, None)


def _among_ours(directory: str, peer: Peer) -> socket.socket:
    # Anybody may make a link in /tmp; where else the directory is one, somebody who may has made it.
    no_link = os.O_NOFOLLOW if directory == private_dir(peer.uid) else 0
    held = os.open(directory, _HELD | os.O_DIRECTORY | no_link)
    return _in_directory(held, directory, peer, peer.uid)


def _in_directory(held: int, shown: str, peer: Peer, uid: int | None) -> socket.socket:
    """Connect to the socket of the process in a directory, which is closed. `uid`: whose directory it has to be."""
    try:
        refused: OSError = FileNotFoundError(errno.ENOENT, "no socket", shown)
        for name in peer.names:
            try:
                found = os.open(name, _HELD | os.O_NOFOLLOW, dir_fd=held)
            except FileNotFoundError:
                continue
            try:
                doubt = None if uid is None else doubt_directory(os.fstat(held), uid)
                if doubt is not None:
                    raise AgentFault(Reason.DENIED, f"{shown} {doubt}")
                return _by_file(found, f"{shown}/{name}")
            except ConnectionRefusedError as error:
                refused = error  # a killed process left it
            finally:
                os.close(found)
        raise refused
    finally:
        os.close(held)


def _by_file(found: int, shown: str) -> socket.socket:
    mode = os.fstat(found).st_mode
    if stat.S_ISLNK(mode):
        raise AgentFault(Reason.DENIED, f"{shown} is a symbolic link, and no agent's")
    if not stat.S_ISSOCK(mode):
        raise AgentFault(Reason.DENIED, f"{shown} is no socket")
    try:
        return _connect(f"/proc/self/fd/{found}")  # the very file that was looked at, whatever its name leads to by now
    except PermissionError as error:
        error.filename = shown
        raise


def _connect(address: str | bytes) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        client.setblocking(False)
        client.connect(address)
    except BlockingIOError:
        client.close()
        raise AgentFault(Reason.BUSY, "its agent takes no connection now: too many wait already") from None
    except BaseException:
        client.close()
        raise
    return client


def _checked(client: socket.socket, ground: Ground, peer: Peer) -> socket.socket:
    """Believe the kernel alone about who listens."""
    try:
        pid, uid, _ = _CREDENTIALS.unpack(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        if pid != peer.process.pid:
            who = f"process {pid}" if pid else "a process that cannot be seen from here"
            raise AgentFault(Reason.DENIED, f"{who} listens in the place of process {peer.process.pid}")
        if uid not in (0, peer.uid):
            raise AgentFault(Reason.DENIED, f"process {pid} began to listen as uid {uid} and is uid {peer.uid} now")
        confirm(ground.procfs, peer.process)
    except BaseException:
        client.close()
        raise
    return client


def _fault(error: OSError) -> AgentFault:
    where = f"{error.filename}: " if isinstance(error.filename, str) else ""
    if error.errno == errno.ELOOP:
        return AgentFault(Reason.DENIED, f"{where}a symbolic link stands in the way")
    if isinstance(error, ProcessLookupError):
        return AgentFault(Reason.VANISHED, "the process has exited")
    if isinstance(error, PermissionError):
        return AgentFault(Reason.DENIED, f"{where}{error.strerror}; Brimwatch needs the target's user, or root")
    return AgentFault(Reason.ERROR, f"{where}{error.strerror or error}")
