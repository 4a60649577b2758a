"""What does a fork do to a building block? Nobody is amid a change of it meanwhile; the child makes its locks anew.

Source: pthread_atfork(3), os.register_at_fork. The agent's own part is in `fork`.
"""

from __future__ import annotations

import _thread
import os
import time

from brimwatch.hooks.api import REGISTRY
from brimwatch.hooks.collect import HERITAGE
from brimwatch.hooks.living import Living

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONGEST_WAIT = 0.5  # seconds, for all blocks together


class Forking:
    """Whoever has an `after_fork(intact)`, which is called in a forked child, whether there is an agent or not.

    With a `lock` (an RLock that is held for moments only), a fork waits until it is free, and the child gets a new one.
    Not `intact`: it could not be had, so another thread was amid a change, and only that one knew which.
    """

    def __init__(self) -> None:
        self.minded = Living()
        self._lock = _thread.RLock()
        self._registered = False
        self._held: dict[int, list[tuple[Any, Any]]] = {}  # by thread: two may fork at the same time

    def mind(self, block: Any) -> None:
        """From now on, as long as the program has it."""
        self.minded.add(block)
        with self._lock:
            if not self._registered:  # twice, and the locks would be taken twice and released once
                self._registered = True
                os.register_at_fork(before=self._before, after_in_parent=self._parent, after_in_child=self._child)

    def _before(self) -> None:
        until = time.monotonic() + _LONGEST_WAIT
        held = self._held[_thread.get_ident()] = []
        for block in self.minded:
            lock = getattr(block, "lock", None)
            if lock is not None and lock.acquire(timeout=max(0.0, until - time.monotonic())):
                held.append((block, lock))

    def _parent(self) -> None:
        for _, lock in self._held.pop(_thread.get_ident(), []):
            lock.release()

    def _child(self) -> None:
        held = self._held.get(_thread.get_ident(), [])
        self._held, self._lock = {}, _thread.RLock()
        REGISTRY.renew_lock()
        HERITAGE.after_fork()
        for block in self.minded:
            locked = getattr(block, "lock", None) is not None
            intact = not locked or any(one is block for one, _ in held)
            if locked:
                block.lock = _thread.RLock()
            try:
                block.after_fork(intact)
            except Exception:  # noqa: BLE001 - Python would print it: shown as `faults.forks`
                REGISTRY.fork_faults += 1


FORKING = Forking()
