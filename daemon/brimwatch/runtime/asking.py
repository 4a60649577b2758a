"""How are a subject's cooperative rungs run for somebody else: a person, or the host? One after the other, measured.

The subject's own ladder comes first: while it is climbed nothing is begun (`busy`), and where it begins meanwhile, what
is left is `superseded`. Dry run, `only_if` and `at_most` count as ever; cooldowns are for the caller to heed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from brimwatch.act.request import Request
from brimwatch.core.by_hand import answered, begin, cooperative, ended, not_run, taken_over
from brimwatch.core.course import was_refused
from brimwatch.core.gate import Facts, gate
from brimwatch.core.select import Turn
from brimwatch.core.settle import settle_gone
from brimwatch.model import Action, Attempt, Decision, Firing, Outcome, Reason, TierRule, Verdict
from brimwatch.runtime.looks import Looks
from brimwatch.runtime.perform import Performer
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject

LOOK = 0.05  # seconds between two looks at a subject whose rung runs
FIRST_LOOK = 5.0  # seconds that a subject which was never measured is waited for


@dataclass(frozen=True, slots=True)
class Errand:
    """Why somebody is asked. `said` begins the detail of each outcome; between two rungs `over` may end it.

    `sake` is what the host is asked for now; None: each rung asks for what its own tier needs.
    """

    said: str
    sake: Callable[[], Request | None] = lambda: None
    over: Callable[[], bool] = lambda: False


class Asking:
    """Asks. `hurry` has a subject looked at now, `guard` says why its processes may not be ended."""

    def __init__(
        self,
        looks: Looks,
        performer: Performer,
        story: Story,
        hurry: Callable[[Subject], None],
        guard: Callable[[Subject], Reason | None],
    ) -> None:
        self._looks = looks
        self._performer = performer
        self._story = story
        self._hurry = hurry
        self._guard = guard
        self._at_work: dict[Subject, int] = {}  # with how often its own ladder had been climbed as we began
        self.stopping = False

    async def work(self, subject: Subject, rule: TierRule, errand: Errand) -> list[Outcome]:
        """Run the rule's cooperative rungs; every one has an outcome, but for those that `over` made needless."""
        outcomes: list[Outcome] = []
        reason = self._taken(subject)
        free = reason is None
        if free:
            self._at_work[subject] = subject.ladder.climbs
        try:
            for index, action in cooperative(rule):
                if errand.over():
                    break
                if reason is None:
                    outcome = await self._rung(subject, rule, index, action, errand)
                else:
                    outcome = not_run(rule.tier, index, action, reason, time.monotonic())
                told = f"{errand.said}; {outcome.detail}" if outcome.detail else errand.said
                self._story.outcome(subject, replace(outcome, detail=told))
                outcomes.append(outcome)
                reason = reason or self._interrupted(subject)
        finally:
            if free:
                self._at_work.pop(subject, None)
        return outcomes

    def known(self, subject: Subject) -> Facts | None:
        """What its last look says; None where there was none."""
        if subject.sample is None or subject.judgement is None:
            return None
        return Facts(
            target=subject.target.name,
            policy=subject.target.spec.policy,
            judgement=subject.judgement,
            change=None,
            sample=subject.sample,
            turn=Turn.GO,
            spent=self._looks.spent,
            guard=self._guard(subject),
            dry_run=self._looks.dry_run,
            swap_matters=self._looks.swap_matters,
        )

    def _taken(self, subject: Subject) -> Reason | None:
        """Why nothing may be begun on it."""
        if subject in self._at_work or subject.ladder.firing is not None:
            return Reason.BUSY
        return self._interrupted(subject)

    def _interrupted(self, subject: Subject) -> Reason | None:
        """Why nothing more may be done to it."""
        if self.stopping:
            return Reason.STOPPED
        if subject.target.subjects.get(subject.key) is not subject:
            return Reason.VANISHED
        climbs = self._at_work.get(subject, subject.ladder.climbs)
        return Reason.SUPERSEDED if subject.ladder.firing is not None or subject.ladder.climbs != climbs else None

    async def _rung(self, subject: Subject, rule: TierRule, index: int, action: Action, errand: Errand) -> Outcome:
        facts = await self._facts(subject)
        if facts is None:
            return not_run(rule.tier, index, action, Reason.ERROR, time.monotonic(), "it could not be measured")
        reason = self._interrupted(subject) or gate(rule, action, facts)
        if reason is not None:
            return not_run(rule.tier, index, action, reason, time.monotonic())
        decision = Decision(rule.tier, action, index, Verdict.RUN, facts.sample.at)
        firing = begin(rule.tier, index, action, facts.sample)
        self._looks.count(self._looks.spent.spend(facts.target, action, decision.at))
        asked = self._performer.for_another(subject, decision, facts.sample, errand.sake())
        attempt = asyncio.get_running_loop().create_task(asked)
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
        while (known := self.known(subject)) is None or known.sample.at < asked:
            if self._interrupted(subject) is not None or time.monotonic() - asked > FIRST_LOOK:
                break
            await asyncio.sleep(LOOK / 10)
        return known
