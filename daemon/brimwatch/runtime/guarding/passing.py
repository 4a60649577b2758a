"""Which signals reach the command, and which have reached it already?

The command is in our process group, so what a terminal sends (Ctrl-C, Ctrl-Z, Ctrl-\\, a change of its size) the kernel
delivers to both; it says so in `si_code`. What was sent to us alone is passed on. Source: sigaction(2), tty_ioctl(4).

Does *not* know a signal that `kill(2)` sent to the whole group: that one the command gets twice.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import NamedTuple

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.stat import read_stat

PASSED = (
    signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH,
    signal.SIGTSTP, signal.SIGCONT,
)  # fmt: skip
ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
_SI_KERNEL = 0x80  # asm-generic/siginfo.h
_FAR = 256  # generations


class Taken(NamedTuple):
    """The signals that we wait for, and the mask from before: the command's."""

    numbers: frozenset[int]
    before: frozenset[int]


def take() -> Taken:
    """Block what is passed on, and SIGCHLD, in this thread and all that it starts, to be waited for.

    What we were started with as ignored (nohup, a background job of a script) stays ignored, for the command as well.
    """
    numbers = {number for number in PASSED if signal.getsignal(number) is not signal.SIG_IGN} | {signal.SIGCHLD}
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # else the kernel would throw exit codes away
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    return Taken(frozenset(numbers), frozenset(before))


def reached(info: signal.struct_siginfo, child: int, procfs: str = "/proc") -> bool:
    """True where the command has the signal already, or the job sent it: its own `kill 0` is not for us to repeat."""
    if info.si_code == _SI_KERNEL:
        try:
            return os.getpgid(child) == os.getpgrp()
        except ProcessLookupError:
            return True
    return descends(info.si_pid, procfs)


def pass_on(number: int, child: int) -> None:
    """Send the signal to the command, which is not reaped: nobody else can have its PID."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # a set-user-ID program: not ours to signal
        os.kill(child, number)


def stop_here() -> None:
    """Stop as the terminal's user asked; returns when we go on. An orphaned group is not stopped: signal(7)."""
    signal.raise_signal(signal.SIGTSTP)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})


def is_stopped(pid: int, procfs: str = "/proc") -> bool:
    """Is the process stopped by a signal?"""
    try:
        return read_stat(procfs, pid).state == "T"
    except (OSError, MalformedProcFile):
        return False


def is_exiting(pid: int, procfs: str = "/proc") -> bool:
    """Has the process begun to exit, or is it gone? What is measured of it then is on its way down."""
    try:
        return read_stat(procfs, pid).is_exiting
    except (OSError, MalformedProcFile):
        return True


def descends(pid: int, procfs: str = "/proc") -> bool:
    """Is the process one of our descendants?"""
    for _ in range(_FAR):
        if pid <= 1:
            return False
        try:
            pid = read_stat(procfs, pid).ppid
        except (OSError, MalformedProcFile):
            return False
        if pid == os.getpid():
            return True
    return False
