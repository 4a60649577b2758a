"""`limit_threads`: how does a process stay below a number of threads? Each pool gets a share, one executor serves all.

No pool knows of the others: with eight cores, numpy, pandas and an executor each start eight threads or more. A thread
holds a stack, and with glibc often an arena of its own. What cannot be limited is reported, with why.
"""

from __future__ import annotations

import os
import threading

from brimwatch.hooks.arguments import check_count
from brimwatch.hooks.block import enrol, leave
from brimwatch.hooks.native_pools import Pool, limit_loaded, set_environment
from brimwatch.hooks.process import os_threads
from brimwatch.hooks.registry import DEFAULT
from brimwatch.hooks.request import Request, Skip
from brimwatch.hooks.wire import CONDITION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from brimwatch.hooks.executor import SharedExecutor

NAME = "thread-limits"
MOST = 1024


class ThreadLimits:
    """What is in force. One in a process: `limit_threads` changes it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.name = NAME
        self._before: dict[str, str | None] = {}
        self._set: dict[str, str] = {}
        self._executor: SharedExecutor | None = None
        self._pools: list[Pool] = []
        self.most: int | None = None
        self.workers = self.native = 1

    def limit(self, most: int, workers: int, native: int) -> None:
        """Share `most` threads: `workers` for the shared executor, `native` for each library's pool."""
        with self.lock:
            self.most, self.workers, self.native = most, workers, native
            executor = self._executor
            self._restore_environment()
            self._before = set_environment(native)
            self._set = {name: os.environ[name] for name in self._before}
        if executor is not None:
            executor.resize(workers)
        self.apply()

    def apply(self) -> list[Pool]:
        """Limit the libraries that are loaded by now; call it again after one was imported late."""
        if self.most is not None:
            self._pools = limit_loaded(self.native)
        return self._pools

    def executor(self) -> SharedExecutor:
        """The executor that all parts of the program share; its threads start as they are needed."""
        with self.lock:
            if self._executor is None:
                from brimwatch.hooks.executor import SharedExecutor

                self._executor = SharedExecutor(self.workers)
            return self._executor

    def use_on(self, loop: Any) -> None:
        """Have an asyncio loop run `to_thread` and its look-ups of names there, instead of on up to 32 threads.

        Raises ValueError for what is no loop.
        """
        if not hasattr(loop, "set_default_executor"):
            raise ValueError(f"limit_threads: found {type(loop).__name__}, wanted an asyncio event loop")
        loop.set_default_executor(self.executor())

    def report(self) -> dict[str, Any]:
        """Threads of the process, what each pool has, and what could not be limited, with why.

        `threads` are the kernel's, `python` those by name; `over` is how many there are too many.
        """
        threads = os_threads()
        executor = self._executor
        return {
            "most": self.most,
            "threads": threads,
            "over": None if threads is None or self.most is None else max(0, threads - self.most),
            "python": sorted(thread.name for thread in threading.enumerate()),
            "workers": {"most": self.workers, "threads": 0 if executor is None else executor.threads()},
            "pools": {pool.name: pool.threads for pool in self._pools},
            "not_limited": {pool.name: pool.why for pool in self._pools if pool.why},
        }

    def shrink(self, _request: Request) -> None:
        """The hook: ends idle workers; they start again as needed. Raises Skip where none is idle."""
        executor = self._executor
        if executor is None or not executor.shrink():
            raise Skip(CONDITION, "no worker of the shared executor is idle, or one has work to do")

    def size_bytes(self) -> int:
        """Bytes of its own bookkeeping."""
        executor = self._executor
        return 0 if executor is None else executor.size()

    def info(self) -> dict[str, Any]:
        """The report's numbers."""
        told = self.report()
        figures = {
            "most": told["most"],
            "threads": told["threads"],
            "over": told["over"],
            "workers": told["workers"]["threads"],
            "pools": len(self._pools),
            "not_limited": len(told["not_limited"]),
        }
        return {key: value for key, value in figures.items() if value is not None}

    def undo(self) -> None:
        """Give the environment back as it was, and report no more. Pools and executor keep their numbers."""
        leave(self)
        with self.lock:
            self._restore_environment()
            self.most = None

    def after_fork(self, _intact: bool) -> None:
        """In the child: the limits hold, the worker threads are not there."""
        if self._executor is not None:
            self._executor.after_fork()

    def _restore_environment(self) -> None:
        for name, was in self._before.items():
            if os.environ.get(name) != self._set.get(name):
                continue  # the program has set it since
            if was is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = was
        self._before = {}


_LIMITS = ThreadLimits()


def limit_threads(most: int = 8, *, workers: int | None = None, native: int | None = None) -> ThreadLimits:
    """Keep the process to `most` threads, as far as libraries let themselves be told. Call it before they are imported.

    `workers`: of the shared executor, half of `most` if not said. `native`: for each pool of BLAS, OpenMP and such, a
    quarter of it, as each has its own. The rest is for the main thread, the agent and a round of hooks. Called again
    it changes the numbers. Raises ValueError for numbers that cannot be.
    """
    check_count("hooks.limit_threads: most", most, 1, MOST)
    given_workers = max(1, most // 2) if workers is None else workers
    given_native = max(1, most // 4) if native is None else native
    check_count("hooks.limit_threads: workers", given_workers, 1, most)
    check_count("hooks.limit_threads: native", given_native, 1, most)
    enrol(_LIMITS, NAME, "critical", DEFAULT)
    _LIMITS.limit(most, given_workers, given_native)
    return _LIMITS
