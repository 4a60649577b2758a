"""When is a slow source due again, after what it cost, and after it failed?"""

from __future__ import annotations

from brimwatch.sample.sources import Source

SLACK = 0.1  # of a cadence: looks come at their own times, and one a little early must not cost a whole look
BURST = 64  # first reads that may fall into one look
WANTED_STRETCH = 5.0  # how far a shared budget may put off what a policy asks for
LONGEST_PAUSE = 600.0  # seconds until a source that is out of reach is tried again
SHORT_PAUSE = 30.0  # the same where nothing is wrong with the source itself
FORGOTTEN = 120.0  # seconds after which a read that nobody brought back counts as lost
_SMOOTHING = 0.3  # weight of the newest cost


class Loads:
    """What the slow reads of all owners take together, by source: who shares it shares one budget."""

    __slots__ = ("_demands", "_slots")

    def __init__(self) -> None:
        self._demands: dict[str, float] = {}
        self._slots: dict[str, float] = {}

    def admit(self, source: Source, now: float) -> float:
        """When a new owner may read the source for the first time: at once, unless many come together."""
        slot = max(self._slots.get(source.name, float("-inf")), now - BURST * source.spacing) + source.spacing
        self._slots[source.name] = slot
        return max(now, slot)

    def change(self, source: Source, by: float) -> None:
        """Add to what the source takes, as a share of one core."""
        self._demands[source.name] = self._demands.get(source.name, 0.0) + by

    def stretch(self, source: Source, wanted: bool) -> float:
        """By what factor cadences grow so that all reads of the source together stay within its total."""
        factor = max(1.0, self._demands.get(source.name, 0.0) / source.total)
        return min(WANTED_STRETCH, factor) if wanted else factor


class Schedule:
    """One source of one owner. At most one read of it is out at a time. Times are monotonic seconds."""

    __slots__ = (
        "_cost", "_demand", "_due", "_failures", "_issued", "_loads", "_spread", "cadence", "reason", "source",
        "wanted",
    )  # fmt: skip

    def __init__(self, source: Source, wanted: bool, loads: Loads, number: int) -> None:
        self.source = source
        self.wanted = wanted
        self.cadence = source.cadence_wanted if wanted else source.cadence
        self.reason = ""  # why it is out of reach, in words
        self._failures = 0
        self._loads = loads
        self._due: float | None = None
        self._issued: float | None = None
        self._cost: float | None = None
        self._demand = 0.0
        # Owners that begin together do not stay together: consecutive numbers fall far apart (Fibonacci hashing).
        self._spread: float | None = 0.25 + 0.75 * (number * 0x9E3779B1 % 2**32) / 2**32

    def due(self, now: float, at_once: bool = False, patience: float = FORGOTTEN) -> bool:
        """Whether a read is to begin now; `at_once`: even before its time, unless one is out.

        One that has been out for `patience` seconds is not waited for any longer.
        """
        if self._due is None:
            self._due = self._loads.admit(self.source, now)
        if self._issued is not None:
            return now - self._issued > patience
        return at_once or now >= self._due - (SLACK * self.cadence if self._cost is not None else 0.0)

    def begin(self, now: float) -> None:
        """A read begins."""
        self._issued = now

    def succeeded(self, now: float, cost: float) -> None:
        """A read came back after `cost` seconds of CPU."""
        self.reason, self._failures = "", 0
        self._cost = cost if self._cost is None else self._cost + _SMOOTHING * (cost - self._cost)
        source = self.source
        least = max(source.cadence_wanted if self.wanted else source.cadence, self._cost / source.share)
        self._account(self._cost / least)
        self.cadence = least * self._loads.stretch(source, self.wanted)
        issued = now if self._issued is None else self._issued
        self._issued = None
        self._due = issued + self.cadence * (1.0 if self._spread is None else self._spread)
        self._spread = None

    def failed(self, now: float, reason: str | None, timed_out: bool = False) -> None:
        """A read came back with nothing; with a reason the source is out of reach. Tried again, ever later.

        A quick read that did not come back in time was kept waiting by others: that passes.
        """
        self._failures += 1
        self._issued = None
        self.reason = reason or ""
        pause = self.cadence * 2.0 ** min(self._failures, 30)
        passing = not reason or (timed_out and self.source.quick)
        self._due = now + min(max(SHORT_PAUSE, self.cadence) if passing else LONGEST_PAUSE, pause)

    def hasten(self) -> None:
        """Read again at the next look."""
        self._due = 0.0

    def give_back(self) -> None:
        """A read that was begun will not be made, or its result will not come."""
        self._issued = None

    def close(self) -> None:
        """Leave the shared budget to others."""
        self._account(0.0)

    def _account(self, demand: float) -> None:
        self._loads.change(self.source, demand - self._demand)
        self._demand = demand
