"""What does a replay know of a target and its subjects, and what comes out of it?"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

from brimwatch.core.decide import Ladder
from brimwatch.core.evaluate import Judgement
from brimwatch.core.nearness import Nearness
from brimwatch.core.select import Turn
from brimwatch.model import Change, Decision, Outcome, Policy, ProcessId, Sample, Tier


class Plan(NamedTuple):
    """How a target is judged. `exact`: by the recorded policy, so recorded answers and standings hold."""

    policy: Policy
    exact: bool


class Happening(NamedTuple):
    """A tier changed, a rung was decided, or one ended. `held`: seconds in the tier that was left."""

    target: str
    member: int | None
    wall: float
    what: Change | Decision | Outcome
    sample: Sample | None = None
    held: float | None = None
    rungs: int | None = None


class Replayed:
    """One subject in a replay."""

    __slots__ = (
        "judgement", "key", "ladder", "member", "nearness", "running", "sample", "shared", "since", "stale", "telling",
        "wall",
    )  # fmt: skip

    def __init__(self, key: ProcessId, member: int | None, wall: float) -> None:
        self.key = key
        self.member = member
        self.judgement: Judgement | None = None
        self.ladder = Ladder()
        self.sample: Sample | None = None
        self.shared = False
        self.stale = False  # rows were lost since it was last heard of: it may be gone
        self.since: float | None = None  # when it entered its present tier, on the monotonic clock
        self.wall = wall  # when it was last looked at, Unix seconds
        self.running: set[str] = set()  # actions that ran in the recording and have not answered
        self.telling: list[Decision] = []  # telling rungs of the replay that have not answered
        self.nearness = Nearness()

    @property
    def tier(self) -> Tier:
        """The highest active tier."""
        return Tier.CALM if self.judgement is None else self.judgement.tier


class ReplayedTarget:
    """One target in a replay."""

    __slots__ = ("last_turns", "name", "plan", "subjects", "turns_tick")

    def __init__(self, name: str, plan: Plan | None) -> None:
        self.name = name
        self.plan = plan
        self.subjects: dict[ProcessId, Replayed] = {}
        self.turns_tick = -1
        self.last_turns: Mapping[Hashable, Turn] = {}
