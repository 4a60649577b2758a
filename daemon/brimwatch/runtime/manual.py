"""What happens when a person asks for a tier's rungs? The cooperative ones run now, one after the other, measured.

Cooldowns do not count: the person decides. Dry run, `only_if` and `at_most` do. The target's own ladder comes first:
while it is climbed nothing is begun by hand (`busy`); where it begins meanwhile, what is left here is `superseded`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from brimwatch.core.by_hand import answered, begin, cooperative, ended, not_run, taken_over
from brimwatch.core.course import was_refused
from brimwatch.core.decide import rule_of
from brimwatch.core.gate import Facts, gate
from brimwatch.core.select import Turn
from brimwatch.core.settle import settle_gone
from brimwatch.model import Action, Attempt, Decision, Firing, Outcome, Reason, Sample, Tier, TierRule, Verdict
from brimwatch.record.by_hand import Rehearsed, Report, Worked
from brimwatch.record.text import label
from brimwatch.runtime.looks import Looks
from brimwatch.runtime.membership import Membership
from brimwatch.runtime.perform import Performer
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject, Target, receivers

LOOK = 0.05  # seconds between two looks at a subject whose rung runs
FIRST_LOOK = 5.0  # seconds that a subject which was never measured is waited for
_TOLD = 4  # processes named


class Order(NamedTuple):
    """What a person asks for. `drill`: also rehearse the rungs that do not run."""

    target: str
    tier: Tier
    member: int | None = None
    drill: bool = False


class Refused(Exception):  # noqa: N818 - says what became of the order
    """Nothing was begun; `missing`: because there is no such target or member."""

    def __init__(self, said: str, missing: bool = False) -> None:
        super().__init__(said)
        self.missing = missing


class Manual:
    """Carries out orders. `hurry` has a subject looked at now, `guard` says why its processes may not be ended."""

    def __init__(
        self,
        membership: Membership,
        looks: Looks,
        performer: Performer,
        story: Story,
        hurry: Callable[[Subject], None],
        guard: Callable[[Subject], Reason | None],
        describe: Callable[[Action], str],
    ) -> None:
        self._membership = membership
        self._looks = looks
        self._performer = performer
        self._story = story
        self._hurry = hurry
        self._guard = guard
        self._describe = describe
        self._at_work: dict[Subject, int] = {}  # with how often its own ladder had been climbed as we began
        self._tasks: set[asyncio.Task[Report]] = set()
        self._stopping = False

    async def carry_out(self, order: Order) -> Report:
        """Run what is asked for, to its end even where nobody waits for the answer. Raises Refused."""
        target, rule, subjects = self._find(order)
        task = asyncio.get_running_loop().create_task(self._run(order, target, rule, subjects))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Begin nothing more, and let what runs be told as stopped."""
        self._stopping = True
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _find(self, order: Order) -> tuple[Target, TierRule, list[Subject]]:
        targets = self._membership.targets.values()
        target = next((one for one in targets if label(one.name) == order.target), None)
        if target is None:
            raise Refused("no target of this name; /api/v1/targets lists them", missing=True)
        subjects = [one for one in target.subjects.values() if one.slot is not None or not target.several]
        if order.member is not None:
            subjects = [one for one in subjects if one.slot == order.member]
            if not subjects:
                raise Refused(f"{order.target} has no member {order.member} now", missing=True)
        if not subjects:
            raise Refused(f"{order.target} matches nothing now")
        policy = target.spec.policy
        rule = rule_of(policy, order.tier)
        if rule is None or not (cooperative(rule) or (order.drill and (rule.do or rule.tell))):
            others = [one.tier.label for one in policy.tiers if cooperative(one)]
            where = f"; it has some at {', '.join(others)}" if others else ""
            raise Refused(f"policy {policy.name} has no cooperative rung at {order.tier.label}{where}")
        return target, rule, subjects

    async def _run(self, order: Order, target: Target, rule: TierRule, subjects: list[Subject]) -> Report:
        worked = [await self._work(subject, rule, order.drill) for subject in subjects]
        kept = [action.name for action in rule.do if not action.cooperative and not order.drill]
        return Report(target.name, rule.tier, self._looks.dry_run, worked, kept)

    async def _work(self, subject: Subject, rule: TierRule, drill: bool) -> Worked:
        outcomes: list[Outcome] = []
        rehearsed = list(self._rehearse(subject, rule)) if drill else []
        reason = self._taken(subject)
        free = reason is None
        if free:
            self._at_work[subject] = subject.ladder.climbs
        try:
            for index, action in cooperative(rule):
                if reason is None:
                    outcome = await self._rung(subject, rule, index, action)
                else:
                    outcome = not_run(rule.tier, index, action, reason, time.monotonic())
                self._tell(subject, outcome)
                outcomes.append(outcome)
                reason = reason or self._interrupted(subject)
        finally:
            if free:
                self._at_work.pop(subject, None)
        return Worked(subject.label, outcomes, rehearsed)

    def _taken(self, subject: Subject) -> Reason | None:
        """Why nothing may be begun on it."""
        if subject in self._at_work or subject.ladder.firing is not None:
            return Reason.BUSY
        return self._interrupted(subject)

    def _interrupted(self, subject: Subject) -> Reason | None:
        """Why nothing more may be done to it."""
        if self._stopping:
            return Reason.STOPPED
        if _gone(subject):
            return Reason.VANISHED
        climbs = self._at_work.get(subject, subject.ladder.climbs)
        return Reason.SUPERSEDED if subject.ladder.firing is not None or subject.ladder.climbs != climbs else None

    async def _rung(self, subject: Subject, rule: TierRule, index: int, action: Action) -> Outcome:
        facts = await self._facts(subject)
        if facts is None:
            return not_run(rule.tier, index, action, Reason.ERROR, time.monotonic(), "it could not be measured")
        reason = self._interrupted(subject) or gate(rule, action, facts)
        if reason is not None:
            return not_run(rule.tier, index, action, reason, time.monotonic())
        decision = Decision(rule.tier, action, index, Verdict.RUN, facts.sample.at)
        firing = begin(rule.tier, index, action, facts.sample)
        self._looks.count(self._looks.spent.spend(facts.target, action, decision.at))
        attempt = asyncio.get_running_loop().create_task(self._performer.by_hand(subject, decision, facts.sample))
        try:
            outcome = await self._settled(subject, firing, attempt)
        finally:
            attempt.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({attempt})
        if was_refused(outcome):
            self._looks.count(self._looks.spent.refund(facts.target, action, decision.at))
        return outcome

    async def _settled(self, subject: Subject, firing: Firing, attempt: asyncio.Task[Attempt]) -> Outcome:
        """Wait for the attempt, then for its effect, and measure; the loop looks as often as is needed for that."""
        while True:
            if attempt.done():
                await asyncio.sleep(LOOK)
            else:
                await asyncio.wait({attempt}, timeout=LOOK)
            sample = subject.sample
            reason = self._interrupted(subject)
            if reason is Reason.VANISHED or sample is None:
                return settle_gone(firing, time.monotonic())
            if attempt.done() and firing.attempt is None:
                firing = answered(firing, attempt.result(), sample)
            if reason is not None:
                return taken_over(firing, sample, reason, subject.ladder.firing)
            outcome = ended(firing, sample, self._looks.swap_matters)
            if outcome is not None:
                return outcome
            if firing.attempt is not None:
                self._hurry(subject)

    async def _facts(self, subject: Subject) -> Facts | None:
        """What a look at it says now; the loop is asked for one. None where nothing could be measured."""
        asked = time.monotonic()
        self._hurry(subject)
        while (known := self._known(subject)) is None or known.sample.at < asked:
            if self._interrupted(subject) is not None or time.monotonic() - asked > FIRST_LOOK:
                break
            await asyncio.sleep(LOOK / 10)
        return known

    def _known(self, subject: Subject) -> Facts | None:
        sample: Sample | None = subject.sample
        if sample is None or subject.judgement is None:
            return None
        return Facts(
            target=subject.target.name,
            policy=subject.target.spec.policy,
            judgement=subject.judgement,
            change=None,
            sample=sample,
            turn=Turn.GO,
            spent=self._looks.spent,
            guard=self._guard(subject),
            dry_run=self._looks.dry_run,
            swap_matters=self._looks.swap_matters,
        )

    def _tell(self, subject: Subject, outcome: Outcome) -> None:
        told = f"by hand; {outcome.detail}" if outcome.detail else "by hand"
        self._story.outcome(subject, replace(outcome, detail=told))

    def _rehearse(self, subject: Subject, rule: TierRule) -> Iterable[Rehearsed]:
        """What the other rungs would do now, dry run or not, and why not."""
        known = self._known(subject)
        for action in rule.tell:
            yield Rehearsed(action, -1, self._describe(action))
        for index, action in enumerate(rule.do):
            if not action.cooperative:
                would = f"{self._describe(action)}: {_who(subject)}"
                reason = Reason.CONDITION if known is None else gate(rule, action, known._replace(dry_run=False))
                yield Rehearsed(action, index, would, reason)


def _gone(subject: Subject) -> bool:
    return subject.target.subjects.get(subject.key) is not subject


def _who(subject: Subject) -> str:
    if subject.host is not None:
        return "the host"
    found = receivers(subject)
    told = [f"{one.member.identity.pid} ({one.member.comm})" for one in found[:_TOLD]]
    return ", ".join(told) + (f" and {len(found) - _TOLD} more" if len(found) > _TOLD else "")
