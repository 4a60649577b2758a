"""What does a fork do to an agent? The child gets a thread and a socket of its own; the parent notices nothing.

Source: pthread_atfork(3), os.register_at_fork. Only the thread that forked lives on in the child, so locks are made
anew and nothing is waited for.
"""

from __future__ import annotations

import _thread
import os
import sys

from brimwatch.hooks.trim import LIBRARY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LONGEST_WAIT = 0.5  # seconds that a fork waits for each of our locks


class Forks:
    """Looks after forks, once for each process. A fork waits for `locks`: who holds one is busy with descriptors."""

    def __init__(
        self, locks: Callable[[], list[Any]], in_child: Callable[[], None], at_exit: Callable[[], None]
    ) -> None:
        self._locks, self._in_child, self._at_exit = locks, in_child, at_exit
        self._registered = self._told_multiprocessing = False
        self._held: dict[int, list[Any]] = {}  # by thread: two may fork at the same time

    def register(self) -> None:
        """From now on; there is no way back, and none is needed."""
        if not self._registered:
            self._registered = True
            os.register_at_fork(before=self._before, after_in_parent=self._parent, after_in_child=self._child)

    def _before(self) -> None:
        held = self._held.setdefault(_thread.get_ident(), [])
        held += [lock for lock in self._locks() if lock.acquire(timeout=_LONGEST_WAIT)]
        util = sys.modules.get("multiprocessing.util")
        if util is not None and not self._told_multiprocessing and hasattr(util, "register_after_fork"):
            # Its children leave by os._exit, past atexit, and forget every Finalize of their parent.
            self._told_multiprocessing = True
            util.register_after_fork(self, _finalize)

    def _parent(self) -> None:
        for lock in self._held.pop(_thread.get_ident(), []):
            lock.release()

    def _child(self) -> None:
        self._held = {}
        LIBRARY.renew_lock()
        try:
            self._in_child()
        except Exception as fault:  # noqa: BLE001 - Python would print it: the child lives without an agent
            self.fault: Any = fault

    def leave(self) -> None:
        """The process ends in good order."""
        self._at_exit()


def _finalize(forks: Forks) -> None:
    util = sys.modules["multiprocessing.util"]
    util.Finalize(None, forks.leave, exitpriority=-100)
