"""Which runtime has a process that will probably be sent a signal? Looked at before, so that sending need not wait.

The look takes a thread, and on a busy machine some milliseconds. Where growth leads to a tier it is made ahead. What it
found is believed for some seconds, and of that very program only: sending compares the image again (`gate`).
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from brimwatch.act.evidence import Observed, observe
from brimwatch.errors import MalformedProcFile
from brimwatch.model import ProcessId

BELIEVED = 10.0  # seconds: a library that is loaded meanwhile is not seen
RENEWED = 5.0  # seconds after which it is worth another look
WITHIN = 2.0  # seconds
MOST = 64  # processes that are known at once


class Foreseen:
    """What was seen of the runtimes of a few processes."""

    def __init__(self) -> None:
        self._known: dict[ProcessId, tuple[float, Observed | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, process: ProcessId, procfs: str) -> None:
        """Begin to look, unless that was done a moment ago; nobody waits for it."""
        now = time.monotonic()
        known = self._known.pop(process, None)
        if known is not None and now - known[0] < RENEWED:
            self._known[process] = known
            return
        self._known[process] = now, None
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        task = asyncio.get_running_loop().create_task(self._observe(process, procfs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def take(self, process: ProcessId) -> Observed | None:
        """What was seen a few seconds ago at most, once: what is sent next is looked at again."""
        at, observed = self._known.pop(process, (float("-inf"), None))
        return observed if time.monotonic() - at < BELIEVED else None

    async def _observe(self, process: ProcessId, procfs: str) -> None:
        # Where it cannot be seen the rung itself looks, and says why.
        with suppress(TimeoutError, OSError, MalformedProcFile):
            observed = await observe(process.pid, procfs, WITHIN)
            self._known[process] = time.monotonic(), observed
