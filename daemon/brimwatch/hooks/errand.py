"""How does a hook run on a thread that is not ours: the main thread, or an event loop's?

The main thread is reached by the signal that `install(signal=...)` took, whose handler Python runs between two
bytecodes of the main thread; a loop by `call_soon_threadsafe`. Neither can be made to hurry: an errand that has not
begun in time is called back, one that has begun cannot be.
"""

from __future__ import annotations

import _thread
import signal
import sys

from brimwatch.hooks.attempt import Result, attempt, describe, judged, on_main_thread
from brimwatch.hooks.wire import DEADLINE, ERROR, FAILED, SUPPRESSED, UNSUPPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from brimwatch.hooks.request import Request


class Errand:
    """One call that another thread makes."""

    def __init__(self, function: Callable[[Request], Any], request: Request) -> None:
        self._function, self._request = function, request
        self._lock = _thread.allocate_lock()
        self._begun = _held()
        self._done = _held()
        self.called_back = False
        self._then: Callable[[], None] | None = None
        self.result: Result | None = None

    def run(self) -> None:
        """Make the call, on the thread that is right for it; nothing if it was called back."""
        if self._begin():
            self.finish(attempt(self._function, self._request))
            if self.result is not None and self.result.interrupt is not None:
                raise self.result.interrupt

    def run_in_loop(self, loop: Any) -> None:
        """The same on an event loop's thread, where the hook may be a coroutine function."""
        if not self._begin():
            return
        try:
            value = self._function(self._request)
            if hasattr(value, "__await__"):
                loop.create_task(_awaited(value)).add_done_callback(self._awaited)
                return
        except BaseException as fault:  # noqa: BLE001 - a hook is a stranger; the loop is the program's
            self.finish(Result(FAILED, ERROR, describe(fault)))
        else:
            self.finish(judged(value, self._request))

    def finish(self, result: Result) -> None:
        """Hand the result to who waits for it."""
        self.result = result
        with self._lock:
            self._done.release()
            then = self._then
        if then is not None:
            then()

    def wait(self, patience: float) -> Result:
        """The result; `patience` is how many seconds it may take to begin, the request's deadline when to give up."""
        if not self._begun.acquire(timeout=max(0.0, patience)):
            with self._lock:
                # It may have begun a moment ago.
                if not self._begun.acquire(False):
                    self.called_back = True
                    return Result(FAILED, DEADLINE, "its thread did not come to it in time; it was called back")
        if self._done.acquire(timeout=self._request.seconds_left()):
            self._done.release()
        return self.result or Result(FAILED, DEADLINE, "it still runs")

    def when_done(self, then: Callable[[], None]) -> None:
        """Call `then` once nothing of this errand runs any more: now, or from its thread at its end."""
        with self._lock:
            over = self.called_back or self.result is not None
            if not over:
                self._then = then
        if over:
            then()

    def _begin(self) -> bool:
        with self._lock:
            if self.called_back:
                return False
            self._begun.release()
        return True

    def _awaited(self, task: Any) -> None:
        fault = None if task.cancelled() else task.exception()
        if task.cancelled() or fault is not None:
            self.finish(Result(FAILED, ERROR, "cancelled" if fault is None else describe(fault)))
        else:
            self.finish(judged(task.result(), self._request))


class MainThread:
    """The way to the main thread: a signal whose handler is ours."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.why: str | None = None  # why the signal asked for was not taken
        self.faults = 0  # of ours, in the handler
        self._queue: list[Errand] = []

    def take(self, number: int, otherwise: Callable[[], object]) -> str | None:
        """Make the signal ours; None, or why not. Errands run on it, and `otherwise` when there are none.

        Only a signal that nobody handles is taken, and only from the main thread: Python allows no other.
        """
        if self.number == number:
            return None
        if not on_main_thread():
            return "a signal can be taken from the main thread only"
        if signal.getsignal(number) != signal.SIG_DFL:
            return f"signal {int(number)} is handled by the program already"

        def handle(_number: int, _frame: object) -> None:
            errands, self._queue = self._queue, []
            for errand in errands:
                errand.run()
            if not errands:
                try:
                    otherwise()
                except Exception:  # noqa: BLE001 - raised here it would reach whatever the program was doing
                    self.faults += 1

        self.give_back()
        signal.signal(number, handle)
        self.number, self._handler = number, handle
        return None

    def give_back(self) -> None:
        """Leave the signal as it was found, unless the program has taken it since."""
        if self.number is not None and on_main_thread() and signal.getsignal(self.number) is self._handler:
            signal.signal(self.number, signal.SIG_DFL)
        self.number = None

    def forget_errands(self) -> None:
        """In a forked child: who sent them is not there."""
        self._queue = []

    def send(self, errand: Errand) -> str | None:
        """Have the main thread run it, from another one; None, or why that cannot be."""
        if self.number is None:
            return "run_on='main' needs install(signal=...)"
        if signal.getsignal(self.number) is not self._handler:
            return "the program has taken the signal for itself"
        self._queue = [*self._queue, errand]
        signal.pthread_kill(sys.modules["threading"].main_thread().ident, self.number)
        return None


def send_to_loop(loop: Any, errand: Errand) -> str | None:
    """Have an event loop run it; None, or why that cannot be."""
    asyncio = sys.modules.get("asyncio")
    try:
        if asyncio is not None and asyncio._get_running_loop() is loop:
            return "called from the loop itself: nobody could wait for it there"
        loop.call_soon_threadsafe(errand.run_in_loop, loop)
    except Exception as fault:  # noqa: BLE001 - a closed loop, or one of somebody else's making
        return describe(fault)
    return None


def refused(why: str) -> Result:
    """The result of an errand that nobody could be sent on."""
    return Result(SUPPRESSED, UNSUPPORTED, why)


async def _awaited(value: Any) -> Any:
    return await value


def _held() -> Any:
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock
