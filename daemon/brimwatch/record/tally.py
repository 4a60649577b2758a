"""How often did something happen, per target? Counters that cost one dictionary entry a series.

A child of prometheus_client's Counter is three objects that the garbage collector follows; with the two dozen counters
of a target that is 7,000 objects at 100 targets, where a dictionary is one. Everything here happens on one thread.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import CollectorRegistry

from brimwatch.record.series import Labels, pieces_of


class Tally:
    """A counter family whose first label is `target`. Amounts only ever grow."""

    def __init__(self, name: str, meaning: str, labels: tuple[str, ...], registry: CollectorRegistry) -> None:
        self.name = name
        self._meaning = meaning
        self._labels = labels
        self._counts: dict[tuple[str, ...], float] = {}
        registry.register(self)

    def add(self, *values: str, amount: float = 1.0) -> None:
        """Count; the values are in the order of the labels. An amount below 0 is refused with ValueError."""
        if amount < 0:
            raise ValueError(f"{self.name} cannot fall by {-amount}")
        self._counts[values] = self._counts.get(values, 0.0) + amount

    def declare(self, *values: str) -> None:
        """Let a series exist at 0, so that an alert sees its first increase."""
        self._counts.setdefault(values, 0.0)

    def holds(self, *values: str) -> bool:
        """Is there such a series?"""
        return values in self._counts

    def series(self, target: str) -> int:
        """How many series a target has."""
        return sum(values[0] == target for values in self._counts)

    def forget(self, target: str) -> None:
        """Drop every series of one target."""
        for values in [values for values in self._counts if values[0] == target]:
            del self._counts[values]

    def describe(self) -> list[Metric]:
        """What the registry checks for names used twice."""
        return [Metric(self.name.removesuffix("_total"), self._meaning, "counter")]

    def collect(self) -> Iterator[Metric]:
        """The family, in pieces. Counting may go on between two pieces."""
        points = (
            (Labels(zip(self._labels, values, strict=True)), count) for values, count in list(self._counts.items())
        )
        yield from pieces_of(self.name, self._meaning, "counter", points)
