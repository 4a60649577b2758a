"""What do agents add to the metrics? Figures that only the program itself knows."""

from __future__ import annotations

from collections.abc import Iterator

from brimwatch.record.series import Labels, Picture, Point
from brimwatch.record.snapshot import HookView


def python_objects(picture: Picture) -> Iterator[Point]:
    """Objects by source."""
    for row in picture.rows:
        agent = row.subject.agent
        if agent is not None and agent.objects is not None:
            yield row.labels.but(("source", "agent")), agent.objects


def python_threads(picture: Picture) -> Iterator[Point]:
    """Threads that Python knows."""
    for row in picture.rows:
        if row.subject.agent is not None and row.subject.agent.threads is not None:
            yield row.labels, row.subject.agent.threads


def footprints(picture: Picture) -> Iterator[Point]:
    """What each hook holds, in bytes."""
    for labels, hook in _hooks(picture):
        if hook.footprint is not None:
            yield labels.but(("hook", hook.name)), hook.footprint


def cache_ratios(picture: Picture) -> Iterator[Point]:
    """The hit ratio of each cache."""
    for labels, hook in _hooks(picture):
        if hook.hit_ratio is not None:
            yield labels.but(("cache", hook.name)), hook.hit_ratio


def infos(picture: Picture) -> Iterator[Point]:
    """What else hooks want shown."""
    for labels, hook in _hooks(picture):
        for key, value in hook.info:
            yield labels.but(("hook", hook.name), ("key", key)), value


def _hooks(picture: Picture) -> Iterator[tuple[Labels, HookView]]:
    for row in picture.rows:
        if row.subject.agent is not None:
            for hook in row.subject.agent.hooks:
                yield row.labels, hook
