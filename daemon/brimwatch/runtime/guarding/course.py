"""What course did the command's memory take? Gathered while it runs, from what the Engine knows anyway."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence

from brimwatch.core.forecast import slope
from brimwatch.core.resolve import absolute
from brimwatch.model import Limit, Policy, Sample, Tier
from brimwatch.quantity import Quantity
from brimwatch.record.account import Deed, Entry, Mark
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event
from brimwatch.record.sentences import sentence

MOST_POINTS = 480  # then every other one goes, and half as many come: the whole run at bounded cost
_FEWEST = 4  # looks
_EXIT = (
    1.0  # seconds before the end: a fall in them that nothing follows is the exit's, an interpreter's clearing up too
)
_RECENT = 128  # looks, of which those of the exit are taken back
MOST_KEPT = 200  # of tiers entered, and of rungs
_RESULTS = {Name.ACTION_RAN: "ran", Name.ACTION_FAILED: "failed", Name.ACTION_SUPPRESSED: "suppressed"}


class Course:
    """Bytes by time. `marks` are sizes whose passing is noted."""

    def __init__(self, marks: Sequence[int] = ()) -> None:
        self.start: int | None = None
        self.last: int | None = None
        self.peak: int | None = None
        self.looks = 0
        self.most_processes = 0
        self.limit: Limit | None = None
        self.least_headroom: int | None = None
        self.entries: list[Entry] = []
        self.deeds: list[Deed] = []
        self.oom_kills: dict[str, int] = {}
        self.passed: dict[int, float] = {}
        self.tier = Tier.CALM
        self._marks = tuple(sorted(marks))
        self._points: list[tuple[float, float]] = []
        self._gap = 0.0
        self._recent: deque[tuple[float, int]] = deque(maxlen=_RECENT)
        self._seen = float("-inf")  # Unix seconds of the newest sample that was taken

    @property
    def points(self) -> Sequence[tuple[float, float]]:
        """(Unix seconds, resident bytes) over the whole run."""
        return self._points

    def look(self, samples: Collection[Sample], now: float, wall: float, peak: float, tier: Tier) -> None:
        """Take the newest samples, one for a group; `peak`: the largest that the looks in between have seen.

        `now` and `wall` are the same moment, in monotonic and in Unix seconds.
        """
        sizes = [size for one in samples if (size := one.value(Quantity.RSS)) is not None]
        self.tier = tier
        if not sizes:
            return
        wall -= now - max(one.at for one in samples)
        if self._points and wall <= self._seen:
            return
        self._seen = wall + 0.001
        size = int(sum(sizes))
        self._recent.append((wall, size))
        self.looks += 1
        self.start = size if self.start is None else self.start
        self.last = size
        self.peak = max(self.peak or 0, size, int(peak))
        self.most_processes = max(self.most_processes, int(sum(one.value(Quantity.PROCESSES) or 1 for one in samples)))
        for one in samples:
            self._take_limit(one)
        for mark in self._marks:
            if mark not in self.passed and self.peak >= mark:
                self.passed[mark] = wall
        if not self._points or wall - self._points[-1][0] >= self._gap:
            self._points.append((wall, float(size)))
            if len(self._points) > MOST_POINTS:
                self._points = self._points[::2]
                self._gap = (self._points[-1][0] - self._points[0][0]) / (len(self._points) - 1)

    def close(self, ended: float) -> None:
        """The command ended then (Unix seconds): what fell in its exit is no course of its memory.

        Measured: a look in the middle of the exit made 3 to 33 MB/s of 330 MB/s, and a reduction of 98 % of none.
        """
        while len(self._recent) > 1 and ended - self._recent[-1][0] <= _EXIT and self._falls():
            self._recent.pop()
        if self._recent:
            wall, self.last = self._recent[-1]
            self._seen = wall
            self._points = [point for point in self._points if point[0] <= wall]

    def _falls(self) -> bool:
        return self._recent[-1][1] < self._recent[-2][1]

    def hear(self, event: Event) -> None:
        """Take an event of the Engine."""
        facts = event.facts
        if event.name is Name.TIER_ENTERED and len(self.entries) < MOST_KEPT:
            because = sentence(event).partition(": ")[2].partition("; ")[0]
            self.entries.append(Entry(str(facts.get("after", "?")), event.wall, because))
        elif event.name in _RESULTS and len(self.deeds) < MOST_KEPT:
            won, took = facts.get("reclaimed_bytes"), facts.get("duration_seconds")
            self.deeds.append(
                Deed(
                    action=str(facts.get("action", "?")),
                    tier=str(facts.get("tier", "?")),
                    result=_RESULTS[event.name],
                    wall=event.wall - (took if isinstance(took, int | float) else 0.0),  # when it was started
                    reclaimed=won if isinstance(won, int) else None,
                    reason=_text(facts, "reason"),
                    detail=_text(facts, "detail"),
                )
            )
        elif event.name is Name.OOM_KILLED:
            evidence, count = str(facts.get("evidence", "")), facts.get("count")
            self.oom_kills[evidence] = self.oom_kills.get(evidence, 0) + (count if isinstance(count, int) else 1)

    def growth(self) -> float | None:
        """Bytes per second, from the first look to the last; None where they are too close to say anything."""
        if len(self._points) < _FEWEST or self.start is None or self.last is None:
            return None
        seconds = self._seen - self._points[0][0]
        return (self.last - self.start) / seconds if seconds > 0 else None

    def marks_passed(self) -> tuple[Mark, ...]:
        """The marks that were passed, in rising order."""
        return tuple(Mark(size, "mark", self.passed[size]) for size in self._marks if size in self.passed)

    def ahead(self, policy: Policy) -> tuple[Mark, ...]:
        """When it would have passed what it did not, had it gone on as it grew; nothing where growth is not certain."""
        found = slope(self._points)
        if found is None or found.low <= 0 or self.last is None or self.peak is None:
            return ()
        wall = self._points[-1][0]
        sizes = [(mark, "mark") for mark in self._marks]
        enter = emergency_size(policy, self.limit)
        entered = any(one.tier == Tier.EMERGENCY.label for one in self.entries)
        sizes += [(enter, "emergency")] if enter is not None and not entered else []
        sizes += [(int(self.limit.bytes), "limit")] if self.limit is not None else []
        return tuple(
            Mark(size, what, wall + (size - self.last) / found.bytes_per_second)
            for size, what in sorted(sizes)
            if size > self.peak
        )

    def _take_limit(self, sample: Sample) -> None:
        self.limit = sample.limit or self.limit
        if sample.headroom is not None:
            least = self.least_headroom
            self.least_headroom = sample.headroom if least is None else min(least, sample.headroom)


def emergency_size(policy: Policy, limit: Limit | None) -> int | None:
    """The resident set at which the emergency tier is entered, None where its condition names none."""
    for rule in policy.tiers:
        for threshold in rule.when.thresholds:
            if rule.tier is Tier.EMERGENCY and threshold.quantity is Quantity.RSS and not rule.when.every:
                value = absolute(threshold, limit)
                return None if value is None else int(value)
    return None


def _text(facts: Mapping[str, object], key: str) -> str | None:
    return str(facts[key]) if facts.get(key) else None
