"""How is a file below a target's own root read without being led back into ours?

A target owns its root: a link there resolves in our tree if we follow it, and a FIFO or a file system of its own making
in the place of a kernel file would make us wait.
"""

from __future__ import annotations

import errno
import os

from brimwatch.model import ProcessId
from brimwatch.procfs.openat2 import (
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
    filesystem_type,
    openat2,
)
from brimwatch.procfs.stat import read_stat

CGROUPFS = frozenset({0x27E0EB, 0x63677270})  # CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC

_DIRECTORY = os.O_PATH | os.O_DIRECTORY
_NO_LINKS = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS


def open_root(procfs: str, process: ProcessId) -> int:
    """A descriptor of the process's root directory; the caller closes it.

    Raises ProcessLookupError where the process is gone or its PID belongs to another one by now, PermissionError where
    it may not be entered: that takes the same uid and no more capabilities on the target's side, or CAP_SYS_PTRACE.
    """
    try:
        descriptor = os.open(f"{procfs}/{process.pid}/root", _DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH), f"{procfs}/{process.pid}") from None
    try:
        # After opening, not before: a process that is still the one meant has been so all along.
        if read_stat(procfs, process.pid).start_ticks != process.start_ticks:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH), f"{procfs}/{process.pid}")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_directory(root: int, path: str, kinds: frozenset[int]) -> int:
    """A directory below a root, reached over no link; the caller closes it.

    `kinds` are the file systems allowed, by magic number, any if empty. Raises OSError: PermissionError for others.
    """
    descriptor = openat2(root, path, _DIRECTORY, RESOLVE_IN_ROOT | _NO_LINKS)
    try:
        found = filesystem_type(descriptor) if kinds else 0
    except BaseException:
        os.close(descriptor)
        raise
    if kinds and found not in kinds:
        os.close(descriptor)
        raise PermissionError(errno.EPERM, f"is on a file system of type {found:#x} and is not trusted", path)
    return descriptor


def open_file(directory: int, name: str, flags: int = os.O_RDONLY) -> int:
    """A file of that very directory and file system, to read if not told else; never waits, follows nothing.

    Raises OSError.
    """
    return openat2(
        directory,
        name,
        flags | os.O_NONBLOCK | os.O_NOCTTY,
        RESOLVE_BENEATH | RESOLVE_NO_XDEV | _NO_LINKS,
    )
