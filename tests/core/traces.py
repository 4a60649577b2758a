"""Histories of the shapes that are seen in practice, as rows: seconds, megabytes."""

from collections.abc import Callable, Sequence

from brimwatch.core.history import Row

MB = 1_000_000
LIMIT = 500 * MB


def rows_of(
    points: Sequence[tuple[float, float]],
    limit: float | None = LIMIT,
    left: Callable[[float], float | None] | None = None,
) -> list[Row]:
    """Rows with a resident and a working set of so many megabytes; `left(at)` is the time to the limit."""
    return [
        Row(
            at=at,
            rss=size * MB,
            working_set=size * MB,
            limit=limit,
            headroom=None if limit is None else limit - size * MB,
            time_to_limit=None if left is None else left(at),
        )
        for at, size in points
    ]


def ramp(start: float, end: float, first: float, rate: float, gap: float = 0.1) -> list[tuple[float, float]]:
    """From `start` to `end` seconds, growing by `rate` MB/s from `first` MB."""
    count = round((end - start) / gap)
    return [(start + step * gap, first + rate * step * gap) for step in range(count + 1)]


def teeth(
    start: float, end: float, low: float, high: float, period: float, gap: float = 0.5
) -> list[tuple[float, float]]:
    """A sawtooth between `low` and `high` MB."""
    count = round((end - start) / gap)
    return [(start + step * gap, low + (high - low) * (step * gap % period) / period) for step in range(count)]
