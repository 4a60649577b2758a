"""How is a command started as if nobody stood in between?

By a fork of ourselves, made before anything large is imported and while there is one thread, which waits for the word
and then executes the command: directly, with no shell, in our process group, with our standard input, output and error
and every descriptor that we were given, and with the signal mask that we were started with. What the kernel calls the
peak of a process includes what it was before exec: 10 MB for this fork; our imports alone come to 31 MB (measured).

Nothing ends the command when we are killed: PR_SET_PDEATHSIG is not set, a watcher's death is no reason to lose a job.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from brimwatch.errors import BrimwatchError

NOT_FOUND, NOT_EXECUTABLE = 127, 126  # what shells say: POSIX, Shell Command Language, 2.8.2
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h
_GO = b"g"
_FIRST_OWN = 3


class CannotStart(BrimwatchError):  # noqa: N818 - says what happened
    """The command could not be executed; `exit_code` is what a shell would have returned."""

    def __init__(self, program: str, error: int) -> None:
        missing = error == errno.ENOENT
        self.exit_code = NOT_FOUND if missing else NOT_EXECUTABLE
        shown = ascii(program[:200]) if not program.isprintable() else f"'{program[:200]}'"
        where = "" if "/" in program else " on PATH"
        why = f"no such program{where}" if missing else os.strerror(error).lower()
        super().__init__(f"guard: cannot start {shown}: {why}; nothing was started")


class Launched(NamedTuple):
    """A running command. `floor`: bytes that the kernel counts as its peak even if it holds less."""

    pid: int
    floor: int


class Launcher:
    """A fork of ours that waits to become the command `words`. `mask` are the signals that it shall block."""

    def __init__(self, words: Sequence[str], mask: frozenset[int]) -> None:
        self._program = words[0]
        self._waiting = True
        wait, self._go = os.pipe()
        self._answer, answer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._go)
            _become(words, mask, wait, answer)
        os.close(wait)
        os.close(answer)

    def launch(self, peak: Callable[[int], int]) -> Launched:
        """Let it become the command. `peak` reads the peak of a process in bytes. Raises CannotStart."""
        floor = peak(self.pid)
        with contextlib.suppress(BrokenPipeError):  # ended by somebody meanwhile: that is how it ended, then
            os.write(self._go, _GO)
        os.close(self._go)
        with open(self._answer, "rb") as answer:
            failed = answer.read(16)  # nothing once exec has closed the other end
        self._waiting = False
        if failed:
            os.waitpid(self.pid, 0)
            raise CannotStart(self._program, int(failed))
        return Launched(self.pid, floor)

    def abandon(self) -> None:
        """Start nothing: the fork ends. Nothing happens where it has become the command."""
        if not self._waiting:
            return
        self._waiting = False
        os.close(self._go)
        os.close(self._answer)
        os.waitpid(self.pid, 0)


def _become(words: Sequence[str], mask: frozenset[int], wait: int, answer: int) -> NoReturn:
    try:
        if os.read(wait, 1) == _GO:
            for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, the command must not
                signal.signal(number, signal.SIG_DFL)
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.execvp(words[0], list(words))  # noqa: S606 - to run what the user typed is what we are for
    except OSError as error:
        os.write(answer, str(error.errno or errno.ENOEXEC).encode())
    except ValueError:  # an empty name
        os.write(answer, str(errno.ENOENT).encode())
    finally:
        os._exit(NOT_FOUND)


def fill_standard() -> None:
    """Put /dev/null where standard input, output or error is closed, so that no file of ours gets its number.

    It is closed again at exec: the command finds what we found.
    """
    for number in range(_FIRST_OWN):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)  # the lowest free number


def let_go() -> None:
    """Keep nothing of what belongs to the command but standard error: its pipes close when it closes them."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for number in (0, 1):
        os.dup2(null, number, inheritable=False)
    os.close(null)
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        with contextlib.suppress(OSError):  # the one that listed the folder is closed by now
            if number >= _FIRST_OWN and os.get_inheritable(number):
                os.close(number)


def adopt_orphans() -> bool:
    """Become the parent of descendants that lose theirs, so that they stay seen; False where the kernel refuses.

    Source: PR_SET_CHILD_SUBREAPER(2const).
    """
    try:
        return bool(ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False
