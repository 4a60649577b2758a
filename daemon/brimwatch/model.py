"""What are the nouns? Frozen facts that flow one way: sample, judgement, decision, attempt, outcome.

Times are seconds on the monotonic clock unless a name says `wall`. What could not be measured is absent, never 0.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from brimwatch.quantity import Quantity
from brimwatch.units import Bytes, Seconds


class Tier(enum.IntEnum):
    """How near the end a target is; the number is the value of `brimwatch_target_tier`."""

    CALM = 0
    WARNING = 1
    CRITICAL = 2
    EMERGENCY = 3

    @property
    def label(self) -> str:
        """The word used in files, labels and logs."""
        return self.name.lower()


class Reason(enum.StrEnum):
    """Why a rung did not run, or ran and failed: one word for log, metric, API and documentation."""

    COOLDOWN = "cooldown"
    DRY_RUN = "dry_run"
    NO_HANDLER = "no_handler"
    RUNTIME_RESERVED = "runtime_reserved"
    NO_AGENT = "no_agent"
    BUSY = "busy"
    VANISHED = "vanished"
    DENIED = "denied"
    DEADLINE = "deadline"
    SUPERSEDED = "superseded"
    WOULD_UNSHARE = "would_unshare"
    UNSUPPORTED = "unsupported"
    BUDGET = "budget"
    PROTECTED = "protected"
    PARENT = "parent"
    CONDITION = "condition"
    CURED = "cured"
    NO_EFFECT = "no_effect"
    NOT_LARGEST = "not_largest"
    WAITING = "waiting"
    NOT_FOUND = "not_found"
    EXIT_CODE = "exit_code"
    RELOADED = "reloaded"
    STOPPED = "stopped"
    ERROR = "error"


class ProcessId(NamedTuple):
    """A process beyond doubt: its PID may be used again, its start time (clock ticks after boot) tells."""

    pid: int
    start_ticks: int


class Reading(NamedTuple):
    """One measured value in its base unit, when it was measured, and how often it is (seconds)."""

    value: float
    at: float
    cadence: float = 1.0


class Limit(NamedTuple):
    """The effective limit in bytes, and who sets it: `cgroup`, `machine`, or `file` where only a file tells."""

    bytes: Bytes
    source: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What was known of one subject (a member, or a group's sum) at one look."""

    at: float
    readings: Mapping[Quantity, Reading]
    limit: Limit | None = None
    headroom: Bytes | None = None
    partial: bool = False  # a sum that misses a member: may enter a tier, never leave one
    cgroup: str | None = None  # members of one memory cgroup share its working set

    def value(self, quantity: Quantity) -> float | None:
        """The value in its base unit, or None where it could not be measured."""
        reading = self.readings.get(quantity)
        return None if reading is None else reading.value


class Threshold(NamedTuple):
    """One line of a condition. `relative`: the value is a fraction of the effective limit."""

    quantity: Quantity
    value: float
    relative: bool = False


class Condition(NamedTuple):
    """Thresholds of which any one is enough, or (`every`) all are needed."""

    thresholds: tuple[Threshold, ...]
    every: bool = False


class Budget(NamedTuple):
    """At most `runs` runs in any `window` seconds."""

    runs: int
    window: Seconds


@dataclass(frozen=True, slots=True)
class Action:
    """One named thing to do; `options` is what the module of its kind parsed."""

    name: str
    kind: str
    options: object
    cooperative: bool = False  # asks the target; safe to run by hand
    ends_process: bool = False
    tells: bool = False  # informs people; never a cure
    settle: Seconds = Seconds(2.0)
    only_if: Condition | None = None
    at_most: Budget | None = None
    on_parent: bool = False


@dataclass(frozen=True, slots=True)
class TierRule:
    """One tier of a policy."""

    tier: Tier
    when: Condition
    leave: Condition | None = None  # None: 90 % of each `when`
    hold: Seconds = Seconds(0.0)
    readings: int = 1
    tell: tuple[Action, ...] = ()
    do: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Tiers in rising order, and how their ladders are climbed."""

    name: str
    tiers: tuple[TierRule, ...] = ()
    cooldown: Seconds = Seconds(60.0)
    goal: Condition | None = None
    select: str | None = None  # each | largest; None: largest where one cgroup's limit is shared, else each
    max_parallel: int = 1


class Crossing(NamedTuple):
    """Which threshold was met, by how much: `limit` is the threshold in the quantity's base unit."""

    quantity: Quantity
    value: float
    threshold: float


class Change(NamedTuple):
    """A tier was entered or left."""

    before: Tier
    after: Tier
    at: float
    because: tuple[Crossing, ...] = ()


class Verdict(enum.StrEnum):
    """How a rung was decided, and how it ended."""

    RUN = "run"
    SUPPRESSED = "suppressed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Decision:
    """Run this rung now, or do not and say why. `rung` is -1 for a telling one.

    `until` (monotonic seconds, as `at`): when a cooldown or a budget will allow it again; None for other reasons.
    """

    tier: Tier
    action: Action
    rung: int
    verdict: Verdict
    at: float
    reason: Reason | None = None
    rest: tuple[str, ...] = ()  # dry run: the rungs that would have followed
    firing: int = 0  # which climb of the ladder this belongs to
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one action says of its one try. `verdict` RUN: it was done; what it won is measured by others."""

    verdict: Verdict
    started: float
    ended: float
    reason: Reason | None = None
    detail: str = ""
    claimed: Bytes | None = None
    settled: bool = False  # the answer itself says that the work is done: no need to wait


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a rung ended: `reclaimed` bytes are measured (may be negative), None where nothing could be measured.

    `duration`: from `started` until what it won was measured, or until it was given up.
    """

    tier: Tier
    action: Action
    rung: int
    verdict: Verdict
    at: float
    started: float = 0.0
    duration: Seconds = Seconds(0.0)
    reclaimed: Bytes | None = None
    claimed: Bytes | None = None
    reason: Reason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Firing:
    """The cursor on a ladder: which rung runs, what was held before it, when it has had its time."""

    number: int
    tier: Tier
    rung: int
    action: Action
    started: float
    before: Bytes | None = None  # RSS + swap when the rung started
    seen: Bytes | None = None  # the same at the last look since it answered
    attempt: Attempt | None = None  # None while the rung still runs
    settle_by: float = field(default=float("inf"))
