"""A subject that is looked at by hand, for the tests of the ladder."""

from dataclasses import dataclass, field, replace

from brimwatch.core.budget import Spent
from brimwatch.core.course import accounted
from brimwatch.core.decide import Ladder, attempted, decide
from brimwatch.core.evaluate import Judgement, evaluate
from brimwatch.core.gate import Facts
from brimwatch.core.select import Turn
from brimwatch.model import (
    Action,
    Attempt,
    Condition,
    Decision,
    Limit,
    Outcome,
    Policy,
    Reading,
    Reason,
    Sample,
    Threshold,
    Tier,
    TierRule,
    Verdict,
)
from brimwatch.quantity import Quantity

LIMIT = Limit(1000, "cgroup")
TRIM = Action("trim", "hook", None, cooperative=True)
PURGE = Action("purge", "hook", None, cooperative=True)
USR1 = Action("usr1", "signal", None, settle=2.0)
CLEAN = Action("clean", "exec", None)
RESTART = Action("restart", "signal", None, ends_process=True)
PAGER = Action("pager", "webhook", None, tells=True)


def rss(value: float, every: bool = False) -> Condition:
    return Condition((Threshold(Quantity.RSS, value),), every)


def policy(**changes: object) -> Policy:
    tiers = (
        TierRule(Tier.WARNING, rss(100), do=(TRIM,)),
        TierRule(Tier.CRITICAL, rss(200), tell=(PAGER,), do=(USR1, CLEAN)),
        TierRule(Tier.EMERGENCY, rss(400), do=(PURGE, RESTART)),
    )
    return replace(Policy("test", tiers, cooldown=60.0), **changes)


@dataclass
class Climb:
    """A subject that is looked at by hand: what its ladder said stays in `said`."""

    policy: Policy
    turn: Turn = Turn.GO
    dry_run: bool = False
    guard: Reason | None = None
    swap_matters: bool = False
    ladder: Ladder = Ladder()
    judgement: Judgement | None = None
    spent: Spent = Spent()
    said: list[str] = field(default_factory=list)
    until: list[float | None] = field(default_factory=list)  # of each decision of the last look
    outcomes: list[Outcome] = field(default_factory=list)
    sample: Sample = Sample(0.0, {})

    def look(self, at: float, held: float, headroom: int | None = None, **more: float | Reading) -> list[str]:
        """Look at `at` at a subject that holds `held` bytes; returns what was decided, as short words."""
        readings = {
            Quantity(name): value if isinstance(value, Reading) else Reading(value, at) for name, value in more.items()
        }
        self.sample = Sample(at, {Quantity.RSS: Reading(held, at), **readings}, LIMIT, headroom)
        self.judgement, change = evaluate(self.policy, self.judgement, self.sample, 1.0)
        step = decide(
            self.ladder,
            Facts(
                "shop", self.policy, self.judgement, change, self.sample, self.turn, self.spent, self.guard,
                self.dry_run, self.swap_matters,
            ),
        )  # fmt: skip
        self.ladder = step.ladder
        self.spent = accounted(self.spent, "shop", step)
        self.outcomes += step.outcomes
        self.until = [decision.until for decision in step.decisions]
        words = [*map(ended, step.outcomes), *map(decided, step.decisions)]
        self.said += words
        return words

    def answer(self, at: float, verdict: Verdict = Verdict.RUN, reason: Reason | None = None, **more: object) -> None:
        """The running rung answers."""
        assert self.ladder.firing is not None
        attempt = Attempt(verdict, self.ladder.firing.started, at, reason, **more)
        self.ladder = attempted(self.ladder, attempt, self.policy, self.sample)


def decided(decision: Decision) -> str:
    words = f"{decision.tier.label}: {decision.action.name}"
    if decision.verdict is Verdict.SUPPRESSED:
        words += f" {decision.reason}"
    return words + (f" ({', '.join(decision.rest)})" if decision.rest else "")


def ended(outcome: Outcome) -> str:
    return f"{outcome.action.name} = {outcome.reclaimed if outcome.reason is None else outcome.reason}"
