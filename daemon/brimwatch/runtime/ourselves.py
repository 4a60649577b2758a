"""Who are we on this machine, what may we hold open, and who must never be ended for our own sake?"""

from __future__ import annotations

import os
import pwd
import resource
from functools import lru_cache

from brimwatch.procfs.stat import read_stat


@lru_cache(maxsize=256)
def user_name(uid: int) -> str:
    """The name of a uid, or its number where it has none here."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def raise_descriptor_limit() -> int:
    """Use as many descriptors as we may; each process under watch holds two. Returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 1 << 20)
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            return soft
    return wanted


def ancestors(procfs: str) -> frozenset[int]:
    """PID 1, ourselves, and everyone above us: ending any of them would end us or the machine."""
    found = {1, os.getpid()}
    pid = os.getppid()
    while pid > 1 and pid not in found:
        found.add(pid)
        try:
            pid = read_stat(procfs, pid).ppid
        except (ProcessLookupError, PermissionError):
            break
    return frozenset(found)
