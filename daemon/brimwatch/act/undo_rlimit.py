"""How is a ceiling taken back? From the process, and from whatever it has started since: limits are inherited."""

from __future__ import annotations

import errno
import os
import resource

from brimwatch.act.undo import LimitChange, State
from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.stat import read_stat
from brimwatch.units import Bytes, format_bytes

UNLIMITED = resource.RLIM_INFINITY


def limit_of(pid: int) -> tuple[Bytes | None, Bytes | None]:
    """The soft and hard RLIMIT_DATA of a process; None is unlimited. Raises OSError. Source: prlimit(2)."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
    return _bytes(soft), _bytes(hard)


def set_limit(pid: int, soft: Bytes | None, hard: Bytes | None) -> None:
    """Set both; the hard one as it was read. Raises OSError: PermissionError for another user's process."""
    try:
        resource.prlimit(pid, resource.RLIMIT_DATA, (_raw(soft), _raw(hard)))
    except ValueError as error:  # the hard limit was lowered meanwhile
        raise OSError(errno.EINVAL, str(error)) from None


def restore_data(change: LimitChange, procfs: str) -> State:
    """Take back a ceiling wherever it is found. Raises OSError where the process itself keeps it."""
    pid, told, gone = change.process.pid, "the process is gone", True
    if _lives(change, procfs):
        soft, hard = limit_of(pid)
        gone = False
        told = f"RLIMIT_DATA is {_shown(soft)}, set by somebody else meanwhile, and is left alone"
        if soft == change.before:
            told = f"RLIMIT_DATA is {_shown(soft)} as before"
        elif soft == change.ours:
            set_limit(pid, _within(change.before, hard), hard)
            told = f"RLIMIT_DATA is {_shown(_within(change.before, hard))} again"
    heirs = sum(_restore_heir(change, int(name)) for name in os.listdir(procfs) if name.isdecimal())
    if heirs:
        told += f"; the same for {heirs} process{'' if heirs == 1 else 'es'} that it started"
    return State(told, gone and not heirs)


def _lives(change: LimitChange, procfs: str) -> bool:
    try:
        return read_stat(procfs, change.process.pid).start_ticks == change.process.start_ticks
    except (ProcessLookupError, MalformedProcFile):
        return False


def _restore_heir(change: LimitChange, pid: int) -> bool:
    """A value that only we have set is ours wherever it is found: a process can have it from its parent alone."""
    if pid == change.process.pid:
        return False
    try:
        soft, hard = limit_of(pid)
        if soft != change.ours:
            return False
        set_limit(pid, _within(change.before, hard), hard)
    except OSError:
        return False  # gone, or another user's: that one has no limit from us
    return True


def _within(soft: Bytes | None, hard: Bytes | None) -> Bytes | None:
    return soft if hard is None or (soft is not None and soft <= hard) else hard


def _bytes(raw: int) -> Bytes | None:
    return None if raw == UNLIMITED else Bytes(raw)


def _raw(value: Bytes | None) -> int:
    return UNLIMITED if value is None else value


def _shown(value: Bytes | None) -> str:
    return "unlimited" if value is None else format_bytes(value)
