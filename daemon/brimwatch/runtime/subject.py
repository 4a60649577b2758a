"""What does the daemon remember of a target? The only mutable state: one record per target, subject and process."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping

from brimwatch.config.settings import TargetSpec
from brimwatch.core.calm import Floors
from brimwatch.core.decide import Ladder
from brimwatch.core.evaluate import Judgement
from brimwatch.core.history import History
from brimwatch.core.select import Turn
from brimwatch.discover.roster import Member
from brimwatch.discover.slots import Slots
from brimwatch.model import Policy, ProcessId, Sample, Tier
from brimwatch.quantity import Quantity
from brimwatch.record.events import Event
from brimwatch.sample.host import HostSampler
from brimwatch.sample.member import MemberSampler

GROUP = ProcessId(0, 0)  # the key of a group's sum and of the host: no process has PID 0


class Watched:
    """One process under watch. `pidfd` is -1 where no descriptor could be had; then one is opened for each use."""

    __slots__ = ("member", "pidfd", "sampler")

    def __init__(self, member: Member, pidfd: int, sampler: MemberSampler) -> None:
        self.member = member
        self.pidfd = pidfd
        self.sampler = sampler


class Subject:
    """What is judged as one: a process, a group's sum, or the host."""

    __slots__ = (
        "alert_until", "artefact", "autopsied_at", "due", "ended_at", "entered_at", "fastest", "floors", "glance_due",
        "glances", "history", "host", "judgement", "key", "killed", "ladder", "looks", "peak", "sample", "shared",
        "since_wall", "slot", "target", "tasks", "trail", "watched", "way",
    )  # fmt: skip

    def __init__(self, target: Target, key: ProcessId, slot: int | None, wall: float) -> None:
        self.target = target
        self.key = key
        self.slot = slot
        self.watched: dict[ProcessId, Watched] = {}
        self.host: HostSampler | None = None
        self.judgement: Judgement | None = None
        self.floors: Floors | None = None  # below these a look leaves the judgement as it is
        self.ladder = Ladder()
        self.sample: Sample | None = None
        self.ended_at: float | None = None  # when its last process was seen to end, where that was seen at once
        self.shared = False  # came into its tier by a value that its whole cgroup shares
        self.entered_at = 0.0  # when the crossing into the present tier was measured
        self.since_wall = wall
        self.peak = 0.0
        self.due = 0.0
        self.looks = 0
        self.way: float | None = None  # bytes to the next tier at the last look, by what a glance reads
        self.fastest = 0.0  # growth seen by then, bytes per second
        self.glance_due = float("inf")
        self.glances = 0.0  # a second, that are taken of it without having seen it grow
        self.alert_until = 0.0  # monotonic seconds
        self.tasks: tuple[asyncio.Task[None], ...] = ()  # rungs that run for it
        self.history = History()
        self.trail: tuple[Event, ...] = ()  # its last tiers and rungs
        self.artefact: str | None = None  # path of the file about its present tier
        self.killed = False  # the kernel killed it, and that was told
        self.autopsied_at = float("-inf")

    @property
    def tier(self) -> Tier:
        """The highest active tier."""
        return Tier.CALM if self.judgement is None else self.judgement.tier

    @property
    def label(self) -> int | None:
        """The member number shown: None while the target has never had two subjects at once."""
        return self.slot if self.target.several else None


class Target:
    """One name: its subjects, their slots, and what survives a change of members."""

    __slots__ = (
        "absent_since", "exhausted_at",
        "last_turns",
        "name",
        "oom_kills",
        "processes",
        "several",
        "slots",
        "spec",
        "subjects",
        "template",
        "turns_tick", "wanted",
    )  # fmt: skip

    def __init__(self, name: str, spec: TargetSpec, template: bool) -> None:
        self.name = name
        self.spec = spec
        self.wanted = wanted_by(spec.policy)
        self.template = template
        self.subjects: dict[ProcessId, Subject] = {}
        self.slots = Slots()
        self.several = False
        self.processes = 0
        self.oom_kills: dict[str, int] = {"cgroup": 0, "exit": 0, "inferred": 0}
        self.absent_since: float | None = None
        self.exhausted_at = float("-inf")  # when it was last said that the slots do not suffice
        self.turns_tick = -1
        self.last_turns: Mapping[Hashable, Turn] = {}

    def respecify(self, spec: TargetSpec) -> None:
        """The configuration says something else of this target from now on."""
        self.spec = spec
        self.wanted = wanted_by(spec.policy)

    @property
    def grouped(self) -> bool:
        """One verdict for all members, and for the host."""
        return self.spec.grouped or self.spec.match.host


def receivers(subject: Subject) -> list[Watched]:
    """Which processes a signal or command is meant for: of a group its matched roots, else the process itself."""
    watched = list(subject.watched.values())
    if not subject.target.spec.grouped:
        return watched
    return [one for one in watched if one.member.is_root] or watched


def wanted_by(policy: Policy) -> frozenset[Quantity]:
    """The quantities that a policy's tiers ask for: they are measured as often as they can be."""
    return frozenset(threshold.quantity for rule in policy.tiers for threshold in rule.when.thresholds)
