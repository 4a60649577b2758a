"""A watch on pods beside the story that a test tells, with pauses that take no time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.runtime.api_server import NODE, ApiServer

from brimwatch.act.web_address import address_of
from brimwatch.discover.pods import PodBook
from brimwatch.procfs.pod_paths import PodPlace
from brimwatch.runtime.pod_server import PodServer
from brimwatch.runtime.pod_watch import PodWatch


class Bench:
    """A watch that runs against a server, and what is known and told of it. Its pauses take no time."""

    def __init__(self, server: ApiServer, token_file: Path, ca_file: str = "", url: str = "") -> None:
        self.server = server
        self.book = PodBook()
        self.told: list[str | None] = []
        self.pauses: list[float] = []
        where = PodServer(address_of(url or server.url), NODE, str(token_file), ca_file)
        self.watch = PodWatch(where, frozenset(("app", "tier")), self.book, self.told.append, lambda: 0.0, self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0.01)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.005)

    def during(self, story: Callable[[], Awaitable[None]]) -> None:
        """Run the watch beside a story."""

        async def both() -> None:
            task = asyncio.get_running_loop().create_task(self.watch.run())
            try:
                await story()
                assert not task.done()
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        asyncio.run(both())

    def knows(self, pod: dict[str, Any]) -> str | None:
        """Namespace, name, container and labels of the pod's first container, where they are known."""
        status = pod["status"]["containerStatuses"][0]
        found = self.book.find((PodPlace(pod["metadata"]["uid"], status["containerID"].partition("://")[2]),))
        if found is None:
            return None
        labels = ",".join(f"{key}={value}" for key, value in found.labels)
        return f"{found.namespace}/{found.name}/{found.container} {labels}"
