"""What is known of a process from elsewhere: by its agent, or by looking inside it from outside?"""

from __future__ import annotations

from collections.abc import Iterable

from brimwatch.model import Reading
from brimwatch.quantity import Quantity

AGENT = "agent"
PATIENCE = 3  # cadences after which a value that did not come again is missing


class Noted:
    """Readings, and who measured them where that is to be told.

    `blind`: by collector, why it cannot read; an empty text where it can.
    """

    __slots__ = ("blind", "readings", "sources")

    def __init__(self) -> None:
        self.readings: dict[Quantity, Reading] = {}
        self.sources: dict[Quantity, str] = {}
        self.blind: dict[str, str] = {}

    def note(self, quantity: Quantity, reading: Reading, source: str) -> None:
        """Keep a value. What the process's own agent says goes before what others see, for as long as it is fresh."""
        known = self.readings.get(quantity)
        if known is not None and self.sources.get(quantity) == AGENT != source and not _old(known, reading.at):
            return
        self.readings[quantity] = reading
        if source:
            self.sources[quantity] = source
        else:
            self.sources.pop(quantity, None)

    def expire(self, quantities: Iterable[Quantity], now: float) -> None:
        """Let go of values that have not come again for three of their cadences."""
        self.forget([one for one in quantities if (known := self.readings.get(one)) is not None and _old(known, now)])

    def forget(self, quantities: Iterable[Quantity]) -> None:
        """Let go of values."""
        for quantity in quantities:
            self.readings.pop(quantity, None)
            self.sources.pop(quantity, None)


def _old(reading: Reading, now: float) -> bool:
    return now - reading.at > PATIENCE * reading.cadence
