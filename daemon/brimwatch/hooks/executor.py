"""How do all parts of a program share a few worker threads? One executor for the process, which shrinks when idle.

A worker of `ThreadPoolExecutor` lives until the executor is shut down. This one hands its work to an inner executor,
which is exchanged for a fresh one, without threads, when memory is wanted and nothing is under way.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import Any

PREFIX = "brimwatch-worker"


class SharedExecutor(ThreadPoolExecutor):
    """At most `workers` threads for who submits to it; its own class, because asyncio takes no other."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers, PREFIX)
        self._guard = threading.RLock()  # what a collection ends may submit as well
        self._inner: ThreadPoolExecutor | None = None
        self.workers = workers
        self.open_tasks = 0  # submitted and not yet done

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As every executor's. Raises RuntimeError at interpreter exit."""
        with self._guard:
            if self._inner is None:
                self._inner = ThreadPoolExecutor(self.workers, PREFIX)
            future = self._inner.submit(fn, *args, **kwargs)
            self.open_tasks += 1
        future.add_done_callback(self._done)
        return future

    def resize(self, workers: int) -> None:
        """From now on at most so many; what was submitted before is done by the threads there are."""
        with self._guard:
            if workers != self.workers:
                self.workers = workers
                self._let_go()

    def shrink(self) -> int:
        """End the worker threads if none of them has anything to do; how many ended."""
        with self._guard:
            idle = 0 if self.open_tasks or self._inner is None else len(self._inner._threads)
            if idle:
                self._let_go()
        return idle

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers once their work is done, and go on: an asyncio.run() that ends would end it for everybody."""
        with self._guard:
            inner, self._inner = self._inner, None
        if inner is not None:
            inner.shutdown(wait, cancel_futures=cancel_futures)

    def threads(self) -> int:
        """Worker threads there are now."""
        inner = self._inner
        return 0 if inner is None else len(inner._threads)

    def size(self) -> int:
        """Bytes of its own bookkeeping; what tasks hold is the tasks'."""
        inner = self._inner
        return sys.getsizeof(self) + (0 if inner is None else sys.getsizeof(inner._threads))

    def after_fork(self) -> None:
        """In the child: the threads are not there, nor is anybody who waits for their work."""
        self._guard = threading.RLock()
        self._inner = None
        self.open_tasks = 0

    def _let_go(self) -> None:
        if self._inner is not None:
            self._inner.shutdown(wait=False)
            self._inner = None

    def _done(self, _future: Any) -> None:
        with self._guard:
            self.open_tasks = max(0, self.open_tasks - 1)  # a task of before a fork is not counted any more
