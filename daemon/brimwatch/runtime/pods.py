"""When are pods watched, and what is told of that? Only while a target asks for names that stand in no cgroup path.

Everything that speaks to an API server is imported when the first target asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from brimwatch.config.settings import Config, Kubernetes, Match, PodMatch, TargetSpec
from brimwatch.discover.names import OF_PODS, placeholders
from brimwatch.record.catalogue import Name
from brimwatch.runtime.story import Story

if TYPE_CHECKING:
    from brimwatch.discover.pods import PodBook
    from brimwatch.runtime.pod_watch import PodWatch

COLLECTOR = "pods"


class PodNames:
    """The watch on the pods of this node. `attach` hands the book to who looks names up, once there is one."""

    def __init__(self, story: Story) -> None:
        self.attach: Callable[[PodBook], None] = lambda _: None
        self._story = story
        self._book: PodBook | None = None
        self._terms: tuple[Kubernetes, frozenset[str]] | None = None
        self._watch: PodWatch | None = None
        self._task: asyncio.Task[None] | None = None
        self._able = False
        self._blind_since: float | None = None

    def configure(self, config: Config) -> None:
        """Another configuration is in force; what is known of pods is kept."""
        asking = [spec for spec in config.targets if asks(spec)]
        labels = frozenset(key for spec in asking for pod in _pods(spec.match) for key, _ in pod.labels)
        terms = (config.kubernetes or Kubernetes(), labels) if asking else None
        if terms == self._terms:
            return
        self._terms = terms
        self._stop()
        if terms is not None:
            self._start(*terms)
        elif self._blind_since is not None:
            self._told(None)  # nobody asks any more

    def capable(self, spec: TargetSpec) -> bool | None:
        """Whether the pods that a target asks for are watched now; None where it asks for none."""
        return self._able if asks(spec) else None

    async def settle(self, patience: float) -> None:
        """Wait until the pods are known, `patience` seconds at most: for who looks once."""
        if self._watch is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._watch.following.wait()

    async def close(self) -> None:
        """Watch no more."""
        task = self._task
        self._stop()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    def _start(self, settings: Kubernetes, labels: frozenset[str]) -> None:
        from brimwatch.act.web_route import Unusable
        from brimwatch.discover.pods import PodBook
        from brimwatch.runtime.pod_server import find_server
        from brimwatch.runtime.pod_watch import PodWatch

        if self._book is None:
            self._book = PodBook()
            self.attach(self._book)
        try:
            server = find_server(settings, os.environ)
        except Unusable as problem:
            self._told(str(problem))
            return
        self._watch = PodWatch(server, labels, self._book, self._told)
        self._task = asyncio.get_running_loop().create_task(self._watch.run())
        self._task.add_done_callback(self._ended)

    def _stop(self) -> None:
        self._able = False
        if self._task is not None:
            self._task.cancel()
        self._task = self._watch = None

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._story.fault("pods", RuntimeError(repr(error)))
            if task is self._task:
                self._told(f"the watch has ended: {type(error).__name__}")

    def _told(self, problem: str | None) -> None:
        """Hear why pods cannot be watched, or None where they can; told when that changes."""
        self._able = problem is None
        if problem is not None and self._blind_since is None:
            self._blind_since = time.monotonic()
            self._story.tell(Name.COLLECTOR_BLIND, collector=COLLECTOR, detail=problem)
        elif problem is None and self._blind_since is not None:
            seconds = round(time.monotonic() - self._blind_since, 1)
            self._blind_since = None
            self._story.tell(Name.COLLECTOR_RECOVERED, collector=COLLECTOR, blind_seconds=seconds)


def asks(spec: TargetSpec) -> bool:
    """Whether a target needs more of a pod than a cgroup path says."""
    return any(pod.asks_names for pod in _pods(spec.match)) or not OF_PODS.isdisjoint(placeholders(spec.name))


def _pods(match: Match | None) -> Iterator[PodMatch]:
    while match is not None:
        if match.pod is not None:
            yield match.pod
        match = match.exclude
