"""What does a fork do to an agent? The child gets a thread and a socket of its own; the parent notices nothing.

Source: pthread_atfork(3), os.register_at_fork. Only the thread that forked lives on in the child, so locks are made
anew and nothing is waited for.
"""

from __future__ import annotations

import os
import sys

from brimwatch.hooks.trim import LIBRARY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_IMPORT_SECONDS = 2.0  # that a fork waits for an import of ours


class Forks:
    """Looks after forks, once for each process."""

    def __init__(
        self, before: Callable[[], None], in_parent: Callable[[], None], in_child: Callable[[], None],
        at_exit: Callable[[], None],
    ) -> None:  # fmt: skip
        self._before_all, self._in_parent, self._in_child, self._at_exit = before, in_parent, in_child, at_exit
        self._registered = self._told_multiprocessing = self._waited = False

    def register(self) -> None:
        """From now on; there is no way back, and none is needed."""
        if not self._registered:
            self._registered = True
            os.register_at_fork(before=self._before, after_in_parent=self._parent, after_in_child=self._child)

    def _before(self) -> None:
        self._before_all()
        self._waited = LIBRARY.importing.acquire(timeout=_IMPORT_SECONDS)
        util = sys.modules.get("multiprocessing.util")
        if util is not None and not self._told_multiprocessing and hasattr(util, "register_after_fork"):
            # Its children leave by os._exit, past atexit, and forget every Finalize of their parent.
            self._told_multiprocessing = True
            util.register_after_fork(self, _finalize)

    def _parent(self) -> None:
        if self._waited:
            LIBRARY.importing.release()
        self._in_parent()

    def _child(self) -> None:
        if LIBRARY.importing.locked():
            LIBRARY.importing.release()
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
