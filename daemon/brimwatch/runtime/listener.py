"""How do lines wait for one who listens? In a queue that is bounded by bytes; what has no room is counted as lost."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection

from brimwatch.record.text import label

ROOM = 2 << 20  # bytes that wait for a listener: some 4,000 looks
BATCH = 64 << 10  # bytes handed on at once


class Listener:
    """One queue of lines. Rows of other targets than those it asked for are passed over."""

    def __init__(self, targets: Collection[str]) -> None:
        self.targets = frozenset(targets)
        self.lost = 0
        self.taken = time.monotonic()
        self.policies = 0  # how many of the recording's policies it has
        self.stands: set[str] = set()  # targets of which it knows how they stand
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._ended = False

    @property
    def has_room(self) -> bool:
        """May more be put in? One that lost rows gets no more before it has taken half of what waits."""
        return self._size < (ROOM // 2 if self.lost else ROOM)

    def wants(self, target: str) -> bool:
        """Does it listen to this target, asked for by its name or by how that is shown?"""
        return not self.targets or target in self.targets or label(target) in self.targets

    def put(self, line: bytes) -> None:
        """Queue a line."""
        self._lines.append(line)
        self._size += len(line)
        self._wake.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._wake.set()

    async def take(self, patience: float) -> bytes | None:
        """Whole lines, BATCH bytes of them or so; nothing after `patience` seconds of silence, None after the end."""
        self.taken = time.monotonic()
        if not self._lines and not self._ended:
            self._wake.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._wake.wait()
            except TimeoutError:
                return b""
        if not self._lines:
            return None
        taken, size = [], 0
        while self._lines and size < BATCH:
            line = self._lines.popleft()
            taken.append(line)
            size += len(line)
        self._size -= size
        return b"".join(taken)
