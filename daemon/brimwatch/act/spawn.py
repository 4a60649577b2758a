"""How is a command started so that it inherits nothing of the daemon?

No shell, a session of its own, `/` as its directory, /dev/null to read from, one pipe for all that it prints, every
signal at its default and none blocked, no other descriptor, and the kernel's usual mercy: an `oom_score_adj` that
protects the daemon does not protect what it starts.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence

_FIRST_OWN = 3  # standard input, output and error are set; what lies above is not for the command
_started: deque[int] = deque(maxlen=256)  # PIDs; more than can run at a time, and too few for one to come round again
_DEFAULTS = tuple(number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP))


def spawn(
    arguments: Sequence[str], environment: Mapping[str, str], output: int, procfs: str, errors: int | None = None
) -> int:
    """Start `arguments[0]`, an absolute path, and return its PID; it is ours to reap.

    What it prints goes to the descriptor `output`, its errors to `errors` where that is given, else there as well.

    posix_spawn, not fork: nothing of the daemon's memory is copied, and no Python runs in the child. Returns once the
    program is executed. Raises OSError with the error of execve(2), ValueError for a NUL byte.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, output, 1),
        (os.POSIX_SPAWN_DUP2, output if errors is None else errors, 2),
        *((os.POSIX_SPAWN_CLOSE, number) for number in _inheritable(procfs)),
    ]
    with _AtRoot():
        pid = os.posix_spawn(
            arguments[0],
            list(arguments),
            dict(environment),
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULTS,
        )
    note_child(pid)
    _unprotect(pid, procfs)
    return pid


def note_child(pid: int) -> None:
    """Say that we started this child: whoever takes in orphans leaves it alone."""
    _started.append(pid)


def is_ours(pid: int) -> bool:
    """Was this one of the last children that we started ourselves? Whoever reaps orphans leaves it to its starter."""
    return pid in _started


class _AtRoot:
    """The daemon itself at `/` for the moment of the spawn: posix_spawn has no directory of its own to give.

    No other thread of the daemon uses a relative path.
    """

    def __enter__(self) -> None:
        self._before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        os.chdir("/")

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # no way back into a directory that is closed to us: `/` is as good
            os.fchdir(self._before)
        os.close(self._before)


def _inheritable(procfs: str) -> list[int]:
    """Descriptors that would survive exec: none that Python opened, but what the daemon itself inherited."""
    found = []
    for name in os.listdir(f"{procfs}/self/fd"):
        try:
            if int(name) >= _FIRST_OWN and os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:
            continue  # closed by now: the one that listed the directory, or another thread's
    return found


def _unprotect(pid: int, procfs: str) -> None:
    """Raise the child's `oom_score_adj` to 0 where the daemon's is lower; to raise it needs no privilege."""
    try:
        with open(f"{procfs}/self/oom_score_adj", "rb") as own:
            if int(own.read(16)) >= 0:
                return
        with open(f"{procfs}/{pid}/oom_score_adj", "wb") as its:
            its.write(b"0")
    except (OSError, ValueError):
        return  # it has exited already, or /proc is read-only: nothing that the command's run depends on
