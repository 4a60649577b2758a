"""What happens when a person asks for a tier's rungs? The cooperative ones run now, one after the other, measured.

Cooldowns do not count: the person decides. Dry run, `only_if` and `at_most` do. The target's own ladder comes first:
while it is climbed nothing is begun by hand (`busy`); where it begins meanwhile, what is left here is `superseded`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from brimwatch.core.by_hand import cooperative
from brimwatch.core.decide import rule_of
from brimwatch.core.gate import gate
from brimwatch.model import Action, Attempt, Decision, Reason, Tier, TierRule
from brimwatch.record.by_hand import Rehearsed, Report, Worked
from brimwatch.record.text import label
from brimwatch.runtime.asking import Asking, Errand
from brimwatch.runtime.looks import Looks
from brimwatch.runtime.membership import Membership
from brimwatch.runtime.perform import Performer
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject, Target, receivers

if TYPE_CHECKING:
    from brimwatch.act.request import Request
    from brimwatch.runtime.giving_way import GivingWay

BY_HAND = Errand("by hand")
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
        self._describe = describe
        self.asking = Asking(looks, performer, story, hurry, guard)
        self._tasks: set[asyncio.Task[Report]] = set()
        self._story = story
        self._giving: GivingWay | None = None

    async def carry_out(self, order: Order) -> Report:
        """Run what is asked for, to its end even where nobody waits for the answer. Raises Refused."""
        target, rule, subjects = self._find(order)
        task = asyncio.get_running_loop().create_task(self._run(order, target, rule, subjects))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def give_way(self, host: Subject, decision: Decision, request: Request) -> Attempt:
        """Ask others because the host is short; loaded for the first time that it is."""
        if self._giving is None:
            from brimwatch.runtime.giving_way import GivingWay

            self._giving = GivingWay(lambda: iter(self._membership.targets.values()), self.asking, self._story)
        return await self._giving.run(host, decision, request)

    async def close(self) -> None:
        """Begin nothing more, and let what runs be told as stopped."""
        self.asking.stopping = True
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._giving is not None:
            await self._giving.close()

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
        rehearsed = list(self._rehearse(subject, rule)) if drill else []
        return Worked(subject.label, await self.asking.work(subject, rule, BY_HAND), rehearsed)

    def _rehearse(self, subject: Subject, rule: TierRule) -> Iterable[Rehearsed]:
        """What the other rungs would do now, dry run or not, and why not."""
        known = self.asking.known(subject)
        for action in rule.tell:
            yield Rehearsed(action, -1, self._describe(action))
        for index, action in enumerate(rule.do):
            if not action.cooperative:
                would = f"{self._describe(action)}: {_who(subject)}"
                reason = Reason.CONDITION if known is None else gate(rule, action, known._replace(dry_run=False))
                yield Rehearsed(action, index, would, reason)


def _who(subject: Subject) -> str:
    if subject.host is not None:
        return "the host"
    found = receivers(subject)
    told = [f"{one.member.identity.pid} ({one.member.comm})" for one in found[:_TOLD]]
    return ", ".join(told) + (f" and {len(found) - _TOLD} more" if len(found) > _TOLD else "")
