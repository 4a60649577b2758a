"""What does the daemon show? One immutable picture of the ledger; scrapes and pages render it and touch no target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from brimwatch.model import ProcessId, Sample, Tier


class ThresholdView(NamedTuple):
    """One enter threshold in its base unit, percentages resolved against the limit of now."""

    tier: Tier
    signal: str
    value: float


@dataclass(frozen=True, slots=True)
class MemberView:
    """One process."""

    process: ProcessId
    comm: str
    cmdline: str  # redacted, at most 200 characters
    user: str
    cgroup: str | None = None
    unit: str | None = None
    container: str | None = None
    resident: int | None = None


class HookView(NamedTuple):
    """One hook of a program: what it holds (bytes), the hit ratio of its cache, and what else it wants shown."""

    name: str
    footprint: int | None = None
    hit_ratio: float | None = None
    info: tuple[tuple[str, float], ...] = ()


class AgentView(NamedTuple):
    """What the agents inside a subject's processes say."""

    objects: int | None = None  # that the garbage collectors track
    threads: int | None = None  # that Python knows
    hooks: tuple[HookView, ...] = ()


@dataclass(frozen=True, slots=True)
class SubjectView:
    """What is judged as one: a member, a group's sum, or the host. `slot` is None where the target has one subject."""

    slot: int | None
    sample: Sample | None  # None: not measured yet
    tier: Tier
    since_wall: float
    members: tuple[MemberView, ...] = ()
    thresholds: tuple[ThresholdView, ...] = ()
    pressure: Mapping[str, float] = field(default_factory=dict)  # kind (some, full) to ratio
    capable: Mapping[str, bool] = field(default_factory=dict)  # collector to whether it can be read
    reduction: float | None = None  # 1 - resident now / its peak
    recommended_limit: int | None = None
    objects_source: str = ""  # who counted its Python objects
    agent: AgentView | None = None


@dataclass(frozen=True, slots=True)
class TargetView:
    """One target by its name. `processes` counts members beyond the 64 slots too."""

    name: str
    policy: str
    priority: str
    grouped: bool
    processes: int
    subjects: tuple[SubjectView, ...] = ()
    oom_kills: Mapping[str, int] = field(default_factory=dict)  # evidence to count
    rungs: tuple[tuple[str, str], ...] = ()  # (tier, action) of the policy: their counters start at 0
    capable: Mapping[str, bool] = field(default_factory=dict)  # what finds its members, to whether it can be asked

    @property
    def tier(self) -> Tier:
        """The worst tier of its subjects."""
        return max((subject.tier for subject in self.subjects), default=Tier.CALM)


@dataclass(frozen=True, slots=True)
class HostView:
    """The machine, or the container that the daemon lives in."""

    total: int | None = None
    available: int | None = None
    pressure: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything shown, as of `wall` (Unix seconds) and `at` (monotonic seconds)."""

    wall: float
    at: float
    targets: tuple[TargetView, ...]
    host: HostView = HostView()
    dry_run: bool = False
    interval: float = 1.0
    config_source: str = ""
    config_ok: bool = True
    config_loaded_wall: float = 0.0
    started_wall: float = 0.0
    webhook_queue: int = 0
    introspection_cpu: float = 0.0
