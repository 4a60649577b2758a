"""A store that remembers, a clock that is set, and subjects that no process stands behind."""

import json
from collections.abc import Mapping

from brimwatch.config.settings import Match, TargetSpec
from brimwatch.core.evaluate import Judgement, TierState
from brimwatch.core.moment import Moment
from brimwatch.core.phases import Phase
from brimwatch.model import Action, Condition, Policy, ProcessId, Threshold, Tier, TierRule
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Level
from brimwatch.record.events import EventLog
from brimwatch.record.journal_rows import Kept
from brimwatch.record.log import Format, Log
from brimwatch.record.metrics import Metrics
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject, Target
from brimwatch.units import Seconds

PROCESS = ProcessId(42, 4200)
WALL, MONO, BOOT = 1_700_000_000.0, 5000.0, "boot-a"


class Clock:
    """Both clocks; `pass_time` moves them together, `wall` alone is a step."""

    def __init__(self, wall: float = WALL, mono: float = MONO, boot: str = BOOT) -> None:
        self.wall, self.mono, self.boot = wall, mono, boot

    def __call__(self) -> Moment:
        return Moment(self.wall, self.mono, self.boot)

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += seconds

    def reboot(self, seconds: float) -> None:
        self.wall += seconds
        self.mono, self.boot = 30.0, self.boot + "'"


class Shelf:
    """What a journal would hold."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rows: dict[str, dict[str, Kept]] = {}
        self.written = 0

    def put(self, kind: str, key: str, body: Mapping[str, object]) -> None:
        self.written += 1
        self.rows.setdefault(kind, {})[key] = Kept(key, json.loads(json.dumps(body)), self._clock())

    def drop(self, kind: str, key: str) -> None:
        self.rows.get(kind, {}).pop(key, None)

    async def settled(self, patience: float) -> bool:
        return True

    def of(self, kind: str) -> tuple[Kept, ...]:
        return tuple(self.rows.get(kind, {}).values())


def story() -> tuple[Story, EventLog]:
    events = EventLog()
    return Story(Metrics(process=False), events, Log(Format.LOGFMT, Level.ERROR)), events


def rule(tier: Tier, megabytes: float, *do: Action) -> TierRule:
    return TierRule(tier, Condition((Threshold(Quantity.RSS, megabytes * 1e6),)), do=do)


POLICY = Policy("p", (rule(Tier.WARNING, 50), rule(Tier.CRITICAL, 100)), Seconds(60.0))


def subject(
    policy: Policy = POLICY,
    active: tuple[Tier, ...] = (),
    name: str = "cache",
    key: ProcessId = PROCESS,
) -> Subject:
    spec = TargetSpec(name, Match(pid=42), policy)
    found = Subject(Target(name, spec, False), key, None, WALL)
    if active:
        put_in(found, *active)
    return found


def put_in(found: Subject, *active: Tier, holding: bool = False) -> None:
    """Let the subject be in these tiers."""
    phases = (
        Phase.ACTIVE if one.tier in active else Phase.HOLDING if holding else Phase.CALM
        for one in found.target.spec.policy.tiers
    )
    found.judgement = Judgement(
        tuple(TierState(phase, measured=1) for phase in phases), max(active, default=Tier.CALM), MONO
    )
