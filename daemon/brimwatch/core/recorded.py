"""What is a recording made of? Everything that judging and deciding took in, in the order in which it came.

Times are monotonic seconds (`at`) of the machine that was watched, `wall` is Unix seconds. `key` is the subject: the
process, or (0, 0) for a group's sum and for the host; `member` is the number it was shown under.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from brimwatch.core.decide import Ladder
from brimwatch.core.evaluate import Judgement
from brimwatch.model import Attempt, Policy, ProcessId, Reason, Sample, Tier
from brimwatch.units import Seconds


class Terms(NamedTuple):
    """What holds for all targets: from the start, or (`wall` of a reload) from now on."""

    interval: Seconds
    dry_run: bool
    swap_matters: bool
    digest: str = ""  # of the configuration file
    source: str = ""
    wall: float = 0.0


class Header(NamedTuple):
    """Where and when a recording was begun."""

    host: str
    boot_id: str
    at: float
    wall: float
    terms: Terms
    version: str = ""  # of Brimwatch


class Declared(NamedTuple):
    """A target is known from now on, or judged by another policy.

    `spec` is its name, and `match` what it takes, as the file writes them; None where a recording does not tell.
    """

    target: str
    spec: str
    policy: Policy
    at: float
    wall: float
    grouped: bool = False
    host: bool = False
    match: Mapping[str, object] | None = None


class Joined(NamedTuple):
    """A subject came under watch."""

    target: str
    key: ProcessId
    member: int | None
    at: float
    wall: float


class Removed(NamedTuple):
    """A subject left, without its end having been seen at a look."""

    target: str
    key: ProcessId


class Passed(NamedTuple):
    """A process came (`found`) under watch, or left."""

    target: str
    key: ProcessId
    process: ProcessId
    found: bool
    comm: str
    unit: str | None
    wall: float


@dataclass(frozen=True, slots=True)
class Stood:
    """Where a subject stood when the recording began, or went on after rows were lost."""

    target: str
    key: ProcessId
    member: int | None
    judgement: Judgement | None
    ladder: Ladder
    shared: bool
    sample: Sample | None
    since: float  # wall


class Counted(NamedTuple):
    """The budgets that were spent when the recording began, and by targets that it leaves out."""

    runs: Mapping[tuple[str, str], tuple[float, ...]]


class Look(NamedTuple):
    """One look: the sample, the loop's tick, and why none of the subject's processes may be ended, if so."""

    target: str
    key: ProcessId
    member: int | None
    wall: float
    tick: int
    sample: Sample
    guard: Reason | None = None


class Started(NamedTuple):
    """A rung was started."""

    target: str
    key: ProcessId
    tier: Tier
    action: str
    rung: int
    firing: int
    at: float


class Answered(NamedTuple):
    """A rung answered."""

    target: str
    key: ProcessId
    member: int | None
    tier: Tier
    action: str
    rung: int
    firing: int
    attempt: Attempt
    wall: float


class Stopped(NamedTuple):
    """What still ran for a subject was given up; it will not answer."""

    target: str
    key: ProcessId


class Gone(NamedTuple):
    """The last process of a subject was found gone at a look."""

    target: str
    key: ProcessId
    member: int | None
    at: float
    wall: float


@dataclass(frozen=True, slots=True)
class Told:
    """An event that the daemon told: what a replay is compared with."""

    event: str
    target: str | None
    member: int | None
    wall: float
    facts: Mapping[str, str | int | float | bool] = field(default_factory=dict)


class Lost(NamedTuple):
    """So many rows are missing here, because they were not taken in time."""

    rows: int


class Beat(NamedTuple):
    """Nothing else happened for a while."""

    at: float
    wall: float


class End(NamedTuple):
    """The recording was ended in order."""

    reason: str


Row = (
    Header | Terms | Declared | Joined | Removed | Passed | Stood | Counted | Look | Started | Answered | Stopped
    | Gone | Told | Lost | Beat | End
)  # fmt: skip
