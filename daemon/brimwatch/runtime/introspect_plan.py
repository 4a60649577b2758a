"""Inside which process is to be looked next, for what, and when is what was seen too old? Only the deciding, no looks.

What is cheap is taken often, a census of its allocators each minute (each half minute where a tier asks or holds), and
the objects are walked only where a policy names them. Cadences grow with what looks cost, so that all of them
together stay within the budget; among what is due, what has waited longest comes first.
"""

from __future__ import annotations

import enum

from brimwatch.inspect.found import Want
from brimwatch.model import ProcessId, Tier
from brimwatch.quantity import INSIDE, Quantity
from brimwatch.runtime.subject import Subject, Watched
from brimwatch.sample.member import MemberSampler

CHEAP = 10.0  # seconds between two looks at the threads
CENSUS = 60.0  # and at the allocators
ASKED = 30.0  # at what a tier asks for; reads set accessed bits, so not more often
DOUBTS = 3  # times that no interpreter was found, after which it is not expected any more
LARGEST_SHARE = 0.5  # of the budget, that one process may take
LONGEST_BACKOFF = 600.0  # seconds until a look that failed is tried again
DENIED_PAUSE = 300.0
TOGETHER = 0.75  # of its cadence: what is due soon is taken along, since opening a process has a price as well
_SMOOTHING = 0.3
_PER_BYTE = 0.1e-9  # CPU seconds: what a census takes of a process that was never looked into


class Part(enum.Enum):
    """What is looked at together."""

    THREADS = "threads"
    CENSUS = "census"
    OBJECTS = "objects"


WANTS = {
    Part.THREADS: frozenset({Want.THREADS}),
    Part.CENSUS: frozenset({Want.POOLS, Want.ARENAS}),
    Part.OBJECTS: frozenset({Want.OBJECTS}),
}
_QUANTITIES = {
    Part.THREADS: frozenset({Quantity.PYTHON_THREADS}),
    Part.CENSUS: INSIDE - {Quantity.PYTHON_THREADS, Quantity.PYTHON_OBJECTS},
    Part.OBJECTS: frozenset({Quantity.PYTHON_OBJECTS}),
}


class Turns:
    """When one part of one process was looked at, what that cost, and how often it failed. Monotonic seconds."""

    __slots__ = ("cost", "failures", "first", "last", "pause_until", "taken")

    def __init__(self, now: float) -> None:
        self.first = now
        self.last: float | None = None  # tried
        self.taken: float | None = None  # brought something
        self.cost = 0.0
        self.failures = 0
        self.pause_until = 0.0

    def due(self, cadence: float) -> float:
        """When it is to be looked at again."""
        return max(self.pause_until, self.first if self.last is None else self.last + cadence)

    def paid(self, cost: float, now: float) -> None:
        """A look ended, whatever it brought."""
        self.cost = cost if self.last is None else self.cost + _SMOOTHING * (cost - self.cost)
        self.last = now

    def failed(self, now: float, cadence: float) -> None:
        """It brought nothing: tried again, ever later."""
        self.failures += 1
        self.pause_until = now + min(LONGEST_BACKOFF, cadence * 2.0 ** min(self.failures - 1, 10))

    def succeeded(self, now: float) -> None:
        """It brought something."""
        self.failures, self.pause_until, self.taken = 0, 0.0, now


class Inside:
    """What is known of looking inside one process: of this program in it, since an exec makes a new one."""

    __slots__ = ("_doubts", "_turns", "demand", "due", "first", "process", "python", "sampler", "subject")

    def __init__(self, subject: Subject, process: ProcessId, watched: Watched, now: float) -> None:
        self.subject = subject
        self.process = process
        self.sampler: MemberSampler = watched.sampler
        self.python: bool | None = None  # None: not looked yet
        self._doubts = 0  # how often no interpreter was found
        self._turns: dict[Part, Turns] = {}  # of the parts that apply
        self.first = now
        self.due = now  # the earliest of its parts, and what they take of a core: as of the last `refresh`
        self.demand = 0.0

    def turns(self, part: Part) -> Turns:
        """When the part was looked at."""
        turns = self._turns.get(part)
        if turns is None:
            turns = self._turns[part] = Turns(self.first)
        return turns

    def learn(self, python: bool) -> None:
        """Whether a Python interpreter is in it: asked at each census, since one that has just begun has none yet."""
        self.python = python
        if not python:
            self._doubts += 1
            self._turns = {Part.CENSUS: self.turns(Part.CENSUS)}

    def asked(self, part: Part) -> bool:
        """Whether a tier names what this part brings, or holds while the part says what could be won."""
        wanted = self.subject.target.wanted
        return bool(wanted & _QUANTITIES[part]) or (part is Part.CENSUS and self.subject.tier is not Tier.CALM)

    def applies(self, part: Part) -> bool:
        """Whether the part is looked at in this process at all."""
        if part is Part.CENSUS:
            return True
        if self.python is False:
            return False
        return part is Part.THREADS or self.asked(part)

    def cadence(self, part: Part, budget: float, stretch: float = 1.0) -> float:
        """Seconds between two looks."""
        young = self.python is False and self._doubts <= DOUBTS
        least = CHEAP if young or part is Part.THREADS else ASKED if self.asked(part) else CENSUS
        return stretch * max(least, self.turns(part).cost / (budget * LARGEST_SHARE))

    def expected(self, part: Part) -> float:
        """CPU seconds that a look will take."""
        turns = self.turns(part)
        if turns.last is not None or part is Part.THREADS:
            return turns.cost
        last = self.sampler.last
        resident = None if last is None else last.value(Quantity.RSS)
        return (resident or 0.0) * _PER_BYTE

    def refresh(self, budget: float, stretch: float) -> None:
        """Work out anew when it is due and what it takes: tiers, policies and costs change."""
        self.due, self.demand = float("inf"), 0.0
        for part in filter(self.applies, Part):
            turns, cadence = self.turns(part), self.cadence(part, budget)
            self.demand += turns.cost / cadence
            self.due = min(self.due, turns.due(cadence * stretch))

    def parts_due(self, now: float, budget: float, stretch: float) -> frozenset[Part]:
        """What is due, and with it what soon will be."""
        found = set()
        for part in filter(self.applies, Part):
            turns, cadence = self.turns(part), self.cadence(part, budget, stretch)
            early = 0.0 if turns.failures else (1 - TOGETHER) * cadence
            if turns.due(cadence) <= now + early:
                found.add(part)
        return frozenset(found)

    def wants(self, parts: frozenset[Part]) -> frozenset[Want]:
        """What the worker is asked for."""
        if self.python is False:
            return frozenset({Want.THREADS, Want.ARENAS})
        return frozenset[Want]().union(*(WANTS[part] for part in parts))
