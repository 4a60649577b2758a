"""How is an agent asked, so that a slow, silent or lying one costs nothing but its own answer?

Each question has its own connection and its own deadline. Does *not* decide whom to ask, nor when.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from brimwatch.agent.dial import Ground, dial, view_of
from brimwatch.agent.exchange import exchange
from brimwatch.agent.fault import AgentFault
from brimwatch.agent.figures import Reclaimed, Stats, read_reclaimed, read_stats
from brimwatch.agent.peer import Peer, look_up
from brimwatch.hooks.wire import LONGEST_DEADLINE, LONGEST_NAME, LONGEST_REASON, RECLAIM, STATS, TIER, bounded
from brimwatch.model import ProcessId, Reason, Tier
from brimwatch.units import Bytes, Seconds

GRACE = Seconds(1.0)  # beyond its own deadline an agent may take so long to say that it was reached

Aside = Callable[[Callable[[], socket.socket]], Awaitable[socket.socket]]


class Ask(NamedTuple):
    """What to ask for. `names`: these hooks alone. `severity`: value / threshold, 1 where it is just reached."""

    tier: Tier
    deadline: Seconds
    names: tuple[str, ...] = ()
    needed: Bytes | None = None
    severity: float | None = None
    reason: str = ""


class Caller:
    """Speaks to agents. `aside` does on a thread what may hang: paths below a container's root."""

    def __init__(self, ground: Ground, aside: Aside) -> None:
        self.ground = ground
        self._aside = aside
        self._hung: set[tuple[str, str]] = set()  # what processes see, where a look below their root hangs
        # Two daemons that a target cannot tell apart by their PIDs differ by this.
        self._name = bounded(f"{os.uname().nodename}-{os.getpid()}", LONGEST_NAME)

    async def stats(self, process: ProcessId, within: Seconds, objects: bool = False) -> Stats:
        """The agent's figures; with `objects` it counts what its garbage collector tracks. Raises AgentFault."""
        return read_stats(await self._ask(process, within, "GET", STATS + "?objects=1" * objects))

    async def reclaim(self, process: ProcessId, ask: Ask) -> Reclaimed:
        """Have hooks run, and wait for it. Raises AgentFault."""
        deadline = min(ask.deadline, LONGEST_DEADLINE)
        asked: dict[str, object] = {
            "tier": ask.tier.label,
            "deadline_seconds": deadline,
            "reason": bounded(ask.reason, LONGEST_REASON),
            "daemon": self._name,
        }
        if ask.needed is not None:
            asked["needed_bytes"] = max(0, int(ask.needed))
        if ask.severity is not None:
            asked["severity_ratio"] = min(max(0.0, ask.severity), 1e6)
        if ask.names:
            asked["names"] = list(ask.names)
        return read_reclaimed(await self._ask(process, Seconds(deadline + GRACE), "POST", RECLAIM, asked))

    async def tell(
        self, process: ProcessId, tier: Tier, expires: Seconds, thresholds: Mapping[Tier, Bytes] | None, within: Seconds
    ) -> None:
        """Say which tier it is in, and by which resident sizes to judge itself later. Raises AgentFault."""
        asked: dict[str, object] = {"tier": tier.label, "expires_seconds": expires, "daemon": self._name}
        if thresholds:
            asked["thresholds"] = {one.label: int(size) for one, size in thresholds.items() if size >= 1}
        await self._ask(process, within, "PUT", TIER, asked)

    async def _ask(
        self, process: ProcessId, within: Seconds, method: str, path: str, asked: object = None
    ) -> dict[str, object]:
        try:
            async with asyncio.timeout(within):
                client = await self._reach(process)
                try:
                    return await exchange(client, method, path, asked)
                finally:
                    client.close()
        except TimeoutError:
            raise AgentFault(Reason.DEADLINE, f"it does not answer within {within:g} s") from None

    async def _reach(self, process: ProcessId) -> socket.socket:
        peer = look_up(self.ground.procfs, process)
        try:
            view, ours = view_of(f"{self.ground.procfs}/{process.pid}"), view_of("/proc/self")
        except OSError:
            view = ours = ("", "")  # we may not look below its root: what is left are the places that we share
        if view == ours:
            return dial(self.ground, peer, inside=False)
        if view in self._hung:
            raise AgentFault(Reason.DEADLINE, "an earlier look below its root has not come back")
        return await self._reach_inside(peer, view)

    async def _reach_inside(self, peer: Peer, view: tuple[str, str]) -> socket.socket:
        """On a thread; where that hangs, no second one is spent on the same container."""
        begun, over = threading.Event(), threading.Event()

        def work() -> socket.socket:
            begun.set()
            try:
                return dial(self.ground, peer, inside=True)
            finally:
                over.set()
                self._hung.discard(view)

        try:
            return await self._aside(work)
        except asyncio.CancelledError:
            if begun.is_set() and not over.is_set():
                self._hung.add(view)
                if over.is_set():  # just now
                    self._hung.discard(view)
            raise
