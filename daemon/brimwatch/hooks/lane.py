"""Where does the work of strangers run, so that the agent can go on answering? On a thread of its own.

The agent's own thread only speaks. A hook may take seconds, or never return: it runs beside, on a thread that is made
for one round and ends with it, so that a process at rest has one thread of ours.
"""

from __future__ import annotations

import signal
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Raised by the thread itself, not sent to the process; blocking them would turn a crash into a hang.
_OWN_FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT}


class Lane:
    """At most one piece of work at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._since: float | None = None

    @property
    def busy(self) -> bool:
        """Whether work is under way, or never came back."""
        return self._since is not None

    def age(self, now: float) -> float:
        """Seconds that the work has taken by now; 0 where none is under way."""
        since = self._since
        return 0.0 if since is None else now - since

    def start(self, work: Callable[[], object]) -> bool:
        """Begin; False where something is under way."""
        if self.busy:
            return False
        self._since = time.monotonic()
        run_beside(work, self._name, self._over)
        return True

    def _over(self) -> None:
        self._since = None


def run_beside(work: Callable[[], object], name: str, over: Callable[[], None] | None = None) -> None:
    """Do work on a thread of its own, then `over`; without memory for a thread, here and now."""

    def run() -> None:
        try:
            work()
        except BaseException:  # noqa: BLE001, S110 - work has its own boundary: what is left may not be printed
            pass
        finally:
            if over is not None:
                over()

    if not start_thread(run, name):
        run()


def start_thread(work: Callable[[], object], name: str) -> bool:
    """A daemon thread that gets no signal; False where no more thread can be had.

    A program may block signals on its own threads and wait for them with sigwait(3): a thread of ours that does not
    block them would take them instead, and die of them.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - _OWN_FAULTS)
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except (RuntimeError, MemoryError):
        return False
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return True
