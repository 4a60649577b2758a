"""How is a file of a cgroup written? One write, to a file of that very directory, over no link."""

from __future__ import annotations

import errno
import os
from os import write

from brimwatch.act.refused import Refused
from brimwatch.model import Reason, Verdict
from brimwatch.procfs.cgroup_place import Directory
from brimwatch.procfs.memory_files import parse_limit
from brimwatch.procfs.root import open_file
from brimwatch.units import Bytes

HIGH = "memory.high"
RECLAIM = "memory.reclaim"
CURRENT = "memory.current"


def write_limit(directory: Directory, value: Bytes | None) -> None:
    """Write memory.high; None is `max`. Raises OSError.

    Opened without waiting: since Linux 6.16 such a write reclaims nothing itself, and leaves that to the cgroup's own
    processes. Source: cgroup-v2.rst.
    """
    _write(directory, HIGH, "max" if value is None else str(value), os.O_NONBLOCK)


def write_reclaim(directory: Directory, amount: Bytes) -> bool:
    """Have the kernel take `amount` bytes from a cgroup; False where it could take less.

    Waits until that is done. Raises Refused before Linux 5.19, OSError. Source: cgroup-v2.rst.
    """
    try:
        _write(directory, RECLAIM, str(amount), 0)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        raise Refused(Reason.UNSUPPORTED, "this kernel has no memory.reclaim, which came with Linux 5.19") from None
    return True


def read_limit(directory: Directory) -> Bytes | None:
    """What memory.high is now; None is `max`. Raises OSError, MalformedProcFile."""
    return parse_limit(directory.read(HIGH), HIGH)


def _write(directory: Directory, name: str, text: str, more: int) -> None:
    flags = os.O_WRONLY | os.O_TRUNC | more
    try:
        if directory.is_foreign:
            descriptor = open_file(directory.descriptor, name, flags)
        else:
            descriptor = os.open(name, flags | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=directory.descriptor)
    except OSError as error:
        raise _explained(error, name) from None
    try:
        write(descriptor, text.encode())
    except OSError as error:
        raise _explained(error, name) from None
    finally:
        os.close(descriptor)


def _explained(error: OSError, name: str) -> Exception:
    """A refusal by the system, with what usually is behind it."""
    if error.errno == errno.EROFS:
        why = f"{name} is read-only here: systemd's ProtectControlGroups, or a container's own mount of its cgroup"
        return Refused(Reason.DENIED, why, Verdict.FAILED)
    if error.errno in (errno.EACCES, errno.EPERM):
        why = f"{name} is not ours to write: that takes root, or a cgroup that was delegated to this user"
        return Refused(Reason.DENIED, why, Verdict.FAILED)
    return error
