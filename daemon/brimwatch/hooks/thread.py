"""How does a thread of ours begin where memory may have run out? Its work is done once, and nobody waits for ever.

`threading.Thread.start` waits until the new thread has said that it lives. Where no memory is left, the thread is made
all the same, on a stack that another has left behind, and dies of a MemoryError before it has said anything: who
started it waits for ever. So here nobody waits for that word, but for the work to be taken: by the thread, or, once the
thread has ended without it or has not come in time, by who started it. Source: Lib/threading.py of CPython 3.9 to 3.13.
"""

from __future__ import annotations

import _thread
import mmap
import signal
import threading
import time
from weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# What a new thread takes before its first line has run: 8 MB of stack, and 1 MB for an arena of Python's allocator.
# Where that is not to be had, none is made: one that dies before its first line is printed by the interpreter.
ROOM = 10_000_000
PATIENCE = 5.0  # seconds for a thread that lives to come to its work; another one may keep the interpreter
SOONEST, LATEST = 0.001, 0.05  # seconds between two looks whether it still lives

# Raised by the thread itself, not sent to the process; blocking them would turn a crash into a hang.
_OWN_FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT}
_NOT_FOR_US = signal.valid_signals() - _OWN_FAULTS - {signal.SIGKILL, signal.SIGSTOP}  # nobody can block those two


def start_thread(work: Callable[[], object], name: str) -> bool:
    """A daemon thread that gets no signal; False where no more thread can be had, and then nothing of the work is done.

    A program may block signals on its own threads and wait for them with sigwait(3): a thread of ours that does not
    block them would take them instead, and die of them. What the work raises is lost with its thread.
    """
    try:
        mmap.mmap(-1, ROOM, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        thread = _Thread(work, name)
    except (OSError, MemoryError):
        return False
    try:
        if not blocked >= _NOT_FOR_US:
            signal.pthread_sigmask(signal.SIG_BLOCK, _NOT_FOR_US)
        thread.start()
    except (RuntimeError, MemoryError):  # of start, which may have made the thread before, or of the mask
        pass
    finally:
        if not blocked >= _NOT_FOR_US:
            _restore(blocked)
    return thread.begins()


def _restore(blocked: set[Any]) -> None:
    """Tried more than once: a program that hears no signal any more is worse than 0.1 s."""
    for _ in range(100):
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        except MemoryError:
            time.sleep(SOONEST)
        else:
            return


class _Thread(threading.Thread):
    """A thread, and the work until somebody takes it."""

    def __init__(self, work: Callable[[], object], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._due = {"work": work}  # dict.pop is atomic, and needs no memory
        self._taken = _thread.allocate_lock()
        self._taken.acquire()
        boot = _Boot(self)
        self._lives = ref(boot)  # held by the operating system's thread alone, from the end of start() to its own end
        self._bootstrap = boot  # what start() has the new thread call
        started = getattr(self, "_started", None)
        if started is not None:
            started.wait = _at_once  # which start() calls, and nobody else

    def start(self) -> None:
        """Make the thread, and wait for nothing. Raises RuntimeError and MemoryError; it may have been made then."""
        try:
            super().start()
        finally:
            del self._bootstrap

    def run(self) -> None:
        """The work, on this thread, if it is not taken."""
        work = self._due.pop("work", None)
        if work is None:
            return
        self._taken.release()
        try:
            work()
        except BaseException:  # noqa: BLE001 - the interpreter would print it on the program's standard error
            return

    def begins(self) -> bool:
        """Wait until the thread has taken the work; False, and the work is taken from it, where it will not."""
        self._wait()
        if self._due.pop("work", None) is None:
            return True
        self._forget()
        return False

    def _wait(self) -> None:
        try:
            end, step = time.monotonic() + PATIENCE, SOONEST
            while not self._taken.acquire(timeout=step):
                if self._lives() is None or time.monotonic() >= end:
                    return
                step = min(2 * step, LATEST)
        except MemoryError:  # not even to wait: it has come by now, or is not waited for
            return

    def _forget(self) -> None:
        """`threading` would count a thread that came to nothing for ever, as one that is about to start."""
        try:
            vars(threading).get("_limbo", {}).pop(self, None)
        except MemoryError:  # it is counted, then
            return


class _Boot:
    """The first thing that a new thread calls. What fails in it is nothing that the program should read of."""

    __slots__ = ("__weakref__", "_thread")

    def __init__(self, thread: _Thread) -> None:
        self._thread = thread

    def __call__(self) -> None:
        try:
            threading.Thread._bootstrap(self._thread)  # type: ignore[attr-defined]
        except BaseException:  # noqa: BLE001 - who waits for the work sees that this is gone
            return


def _at_once(timeout: float | None = None) -> bool:  # noqa: ARG001 - the signature is Event.wait's
    return False
