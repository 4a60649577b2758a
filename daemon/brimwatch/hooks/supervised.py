"""What is one background service doing, and what next? It runs on a thread of its own; after a crash it runs again.

One thread at a time: a service that does not stop when it is told to is not started a second time beside itself. When
it ends at last, it starts again if that was asked for in the meantime.
"""

from __future__ import annotations

import signal
import sys
import threading
import time

from brimwatch.hooks.attempt import describe
from brimwatch.hooks.thread import start_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CRITICALITIES = ("general", "important", "critical")  # in the order in which they are stopped
DISABLED, STOPPED, WAITING, RUNNING = "disabled", "stopped", "waiting", "running"
CRASHED, STOPPING, ENDED, FAILED = "crashed", "stopping", "ended", "failed"
STATES = (DISABLED, STOPPED, WAITING, RUNNING, CRASHED, STOPPING, ENDED, FAILED)
ALIVE_EVERY = 1.0  # seconds between two looks whether a service of its own threads lives


class Backoff:
    """How long to wait after a crash: twice as long each time, and at some point no more. Pure: time is an argument."""

    def __init__(self, first: float = 1.0, longest: float = 60.0, most: int = 10) -> None:
        self.first, self.longest, self.most = first, longest, most
        self.crashes = 0  # without a good run in between

    def after(self, ran: float) -> float | None:
        """Seconds to wait after a run of `ran` seconds that crashed; None: give up. A long run resets the count."""
        if ran >= self.longest:
            self.crashes = 0
        self.crashes += 1
        if self.crashes > self.most:
            return None
        return float(min(self.longest, self.first * 2.0 ** min(self.crashes - 1, 64)))


class Service:
    """One service: what runs, and in which of `STATES` it is."""

    def __init__(
        self, name: str, run: Callable[[Any], Any] | str, criticality: str, size: Callable[[], Any] | None
    ) -> None:
        self.name, self.criticality, self.size = name, criticality, size
        self.state = STOPPED
        self.crashes = self.restarts = 0
        self.fault = ""  # the last exception in one line
        self.began: float | None = None  # of the run under way, on time.monotonic()'s clock
        self.for_memory = False  # stopped for memory, and to be started again
        self.backoff = Backoff()
        self._run = run
        self._signals = signal.pthread_sigmask(signal.SIG_BLOCK, ())  # of who adds it: processes it starts inherit them
        self.after_fork()

    def after_fork(self) -> None:
        """In the child: the thread is not there."""
        self._lock = threading.RLock()  # a signal handler may stop what is being started
        self._stop = threading.Event()
        self._over = threading.Event()
        self._over.set()
        self._ident: int | None = None
        self._again: float | None = None  # start when the one that is stopping has ended, after so many seconds
        self.began = None
        self.for_memory = False
        self.state = self.state if self.state in (DISABLED, ENDED, FAILED) else STOPPED

    @property
    def stopped(self) -> bool:
        """Whether nothing of it runs."""
        return self._over.is_set()

    def start(self, delay: float = 0.0) -> bool:
        """Begin after `delay` seconds; False where it is disabled, runs already, or no thread can be had."""
        with self._lock:
            if self.state == DISABLED:
                return False
            if not self._over.is_set():
                if self._stop.is_set():
                    self._again = delay
                return False
            return self._begin(delay)

    def tell_to_stop(self, for_memory: bool = False) -> None:
        """Ask it to end; nothing is waited for. `for_memory`: it will be started again when there is some."""
        with self._lock:
            self.for_memory = for_memory
            self._again = None
            self._stop.set()
            if not self._over.is_set():
                self.state = STOPPING

    def wait(self, seconds: float) -> bool:
        """Whether it ended within that time; not waited for on its own thread, which could not end meanwhile."""
        if self._ident == threading.get_ident():
            return False
        return self._over.wait(max(0.0, seconds))

    def _begin(self, delay: float) -> bool:
        """With the lock held."""
        self._stop, self._over = stop, over = threading.Event(), threading.Event()
        self._again = None
        self.state = WAITING
        self.backoff.crashes = 0
        if start_thread(lambda: self._live(stop, over, delay), f"brimwatch-service-{self.name}"[:60]):
            return True
        over.set()
        self.state, self.fault = FAILED, "no thread could be started"
        return False

    def _live(self, stop: threading.Event, over: threading.Event, delay: float) -> None:
        """All of one life: the runs and the pauses after crashes."""
        self._ident = threading.get_ident()
        signal.pthread_sigmask(signal.SIG_SETMASK, self._signals)
        last, wait = STOPPED, delay
        try:
            while not stop.wait(wait):
                found = self._once(stop)
                last = STOPPED if stop.is_set() else found[0]
                if found[1] is None:
                    break
                self._become(stop, found[0])
                wait = found[1]
                self.restarts += 1
        finally:
            with self._lock:
                self._ident = self.began = None
                over.set()
                if self._over is over:
                    self.state = last if not stop.is_set() else STOPPED
                    if self._again is not None:
                        self._begin(self._again)

    def _once(self, stop: threading.Event) -> tuple[str, float | None]:
        """One run; the state after it, and after how many seconds the next one begins, None for never."""
        self.began = began = time.monotonic()
        self._become(stop, RUNNING)
        try:
            loaded(self._run)(stop)
        except BaseException as fault:  # noqa: BLE001 - a service is a stranger: SystemExit would end in silence
            self.fault = describe(fault)
            self.began = None
            if stop.is_set():
                return STOPPED, None
            self.crashes += 1
            pause = self.backoff.after(time.monotonic() - began)
            return (FAILED, None) if pause is None else (CRASHED, pause)
        return ENDED, None

    def _become(self, stop: threading.Event, state: str) -> None:
        with self._lock:
            if not stop.is_set():
                self.state = state
                self.for_memory = self.for_memory and state != RUNNING


def loaded(run: Callable[[Any], Any] | str) -> Callable[[Any], Any]:
    """A function as it is; `'module:name'` imported now, so that a service that never runs never loads."""
    if not isinstance(run, str):
        return run
    from importlib import import_module

    module, _, path = run.partition(":")
    found: Any = sys.modules.get(module) or import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{run} is no function")
    function: Callable[[Any], Any] = found
    return function


def kept(
    start: Callable[[], Any], stop: Callable[[], Any], alive: Callable[[], Any] | None
) -> Callable[[threading.Event], None]:
    """A service that has threads of its own as a function that runs until it is told to stop."""

    def run(told: threading.Event) -> None:
        start()
        try:
            while not told.wait(None if alive is None else ALIVE_EVERY):
                if alive is not None and not alive():
                    raise RuntimeError("it is not alive any more")
        finally:
            stop()

    return run
