"""Where does the work of strangers run, so that the agent can go on answering? On a thread of its own.

The agent's own thread only speaks. A hook may take seconds, or never return: it runs beside, on a thread that is made
for one round and ends with it, so that a process at rest has one thread of ours.
"""

from __future__ import annotations

import time

from brimwatch.hooks.thread import start_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


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
        try:
            run_beside(work, self._name, self._over)
        except MemoryError:  # nothing was begun
            self._over()
            raise
        return True

    def _over(self) -> None:
        self._since = None


def run_beside(work: Callable[[], object], name: str, over: Callable[[], None] | None = None) -> None:
    """Do work on a thread of its own, then `over`; without memory for a thread, here and now.

    Raises MemoryError only where neither was begun.
    """

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
