"""What does a hook rung of the host do? It asks other targets, one after the other, until enough has come back.

Enough is what the host's tier needs as the rung starts, won back by measurement; or less, where the host's own figures
say that the tier can be left. An order that was begun on a member is carried out to its end, whatever becomes of the
host's rung; nobody else is asked then.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from brimwatch.act.request import Request
from brimwatch.core.decide import rule_of
from brimwatch.core.evaluate import above_leave, goal_reached
from brimwatch.core.giving_way import Giver, asked_for, has_rested, in_turn, size_of
from brimwatch.model import Attempt, Decision, Outcome, Reason, Tier, TierRule, Verdict
from brimwatch.record.text import label
from brimwatch.runtime.asking import Asking, Errand
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject, Target
from brimwatch.units import Bytes, Seconds, format_bytes

SAID = "for the host"
MOST = 64  # members asked by one rung
AT_ONCE = 4  # of them in an emergency; else one at a time, so that nobody is asked without need
_NAMED = 4  # who gave most is told by name
_SHORTEST = 0.1  # seconds: with less left, nobody else is asked


class GivingWay:
    """Asks others for the host's sake."""

    def __init__(self, targets: Callable[[], Iterator[Target]], asking: Asking, story: Story) -> None:
        self._targets = targets
        self._asking = asking
        self._story = story
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, host: Subject, decision: Decision, request: Request) -> Attempt:
        """One attempt of a host's rung. Settled when everybody who was asked has answered."""
        errand = _Round(host, decision, request)
        errand.waiting = self._givers(host, decision.tier, errand)
        if not errand.waiting and not errand.passed_over:
            now = time.monotonic()
            why = f"no other target has a cooperative rung at {decision.tier.label} or below"
            return Attempt(Verdict.SUPPRESSED, errand.started, now, Reason.VANISHED, why)
        loop = asyncio.get_running_loop()
        workers = [
            loop.create_task(self._work(errand))
            for _ in range(min(len(errand.waiting), AT_ONCE if decision.tier is Tier.EMERGENCY else 1))
        ]
        self._tasks.update(workers)
        for worker in workers:
            worker.add_done_callback(self._tasks.discard)
        try:
            if workers:
                await asyncio.wait(workers)
        finally:
            errand.ended = True
        for worker in workers:
            worker.result()
        return errand.attempt()

    async def close(self) -> None:
        """Wait for what was begun; `asking.stopping` makes that short."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _givers(self, host: Subject, tier: Tier, errand: _Round) -> list[tuple[Subject, TierRule]]:
        """Who is asked, in turn, and for which rungs; who rests is counted."""
        found: dict[Subject, TierRule] = {}
        givers = []
        for target in self._targets():
            rule = None if target is host.target else asked_for(target.spec.policy, tier)
            for subject in target.subjects.values() if rule is not None else ():
                size = None if subject.host is not None or subject.sample is None else size_of(subject.sample)
                if size is None or rule is None:
                    continue
                if not has_rested(subject.ladder, rule, tier, errand.started):
                    errand.passed_over[Reason.COOLDOWN] += 1
                    continue
                found[subject] = rule
                givers.append(Giver(subject, target.spec.priority.value, size))
        order = [one.key for one in in_turn(givers)[:MOST]]
        return [(subject, found[subject]) for subject in order if isinstance(subject, Subject)]

    async def _work(self, errand: _Round) -> None:
        while errand.waiting and not errand.over() and not self._asking.stopping:
            subject, rule = errand.waiting.pop(0)
            outcomes = await self._asking.work(subject, rule, Errand(SAID, errand.sake, errand.over))
            if outcomes:
                won = errand.answered(subject, outcomes)
                self._story.gave_way(subject, won)


class _Round:
    """One rung of the host: who is left to ask, and what has come back."""

    def __init__(self, host: Subject, decision: Decision, request: Request) -> None:
        self.started = time.monotonic()
        self.ended = False
        self.waiting: list[tuple[Subject, TierRule]] = []
        self.passed_over: Counter[Reason] = Counter()
        self._host = host
        self._rule = rule_of(host.target.spec.policy, decision.tier)
        self._request = request
        self._ends_at = self.started + request.deadline
        self._short = not self._eased()  # else a person asks for it, and everybody is asked
        self._won: dict[Subject, int] = {}
        self._outcomes: list[Outcome] = []

    def sake(self) -> Request:
        """What the next one is asked for: what is left to win, in the time that is left."""
        needed = self._request.needed
        left = None if needed is None else Bytes(max(0, needed - sum(self._won.values())))
        because = f"{SAID}: {self._request.because}" if self._request.because else SAID
        remains = Seconds(max(_SHORTEST, self._ends_at - time.monotonic()))
        return replace(self._request, needed=left, because=because, deadline=remains)

    def over(self) -> bool:
        """Is nobody else to be asked?"""
        return self.ended or self.enough or self._ends_at - time.monotonic() < _SHORTEST

    @property
    def enough(self) -> bool:
        """Has as much come back as was needed, or is the host's tier to be left by its own figures?"""
        needed = self._request.needed
        return (needed is not None and sum(self._won.values()) >= needed) or (self._short and self._eased())

    def answered(self, subject: Subject, outcomes: list[Outcome]) -> int:
        """Count what one has given; a rise is none, as others did not take it."""
        won = max(0, sum(outcome.reclaimed or 0 for outcome in outcomes))
        self._won[subject] = won
        self._outcomes += outcomes
        return won

    def attempt(self) -> Attempt:
        """What became of the rung: it ran where somebody's did."""
        order = (Verdict.RUN, Verdict.FAILED, Verdict.SUPPRESSED)
        deciding = min(self._outcomes, key=lambda one: order.index(one.verdict), default=None)
        verdict = Verdict.SUPPRESSED if deciding is None else deciding.verdict
        reason = next(iter(self.passed_over), Reason.CURED) if deciding is None else deciding.reason
        return Attempt(verdict, self.started, time.monotonic(), reason, self._told(), settled=True)

    def _eased(self) -> bool:
        sample, judgement, goal = self._host.sample, self._host.judgement, self._host.target.spec.policy.goal
        if self._rule is None or sample is None or judgement is None:
            return False
        rules = self._host.target.spec.policy.tiers
        state = next((one for rule, one in zip(rules, judgement.states, strict=False) if rule is self._rule), None)
        below = above_leave(self._rule, sample, state) is False
        return below and (goal is None or goal_reached(goal, sample))

    def _told(self) -> str:
        """One line: how much of what was needed came back, from whom, and who was left out."""
        needed = self._request.needed
        of = "" if needed is None else f" of {format_bytes(needed)}"
        most = sorted(self._won.items(), key=lambda one: -one[1])
        named = [f"{_who(subject)} {format_bytes(won)}" for subject, won in most[:_NAMED]]
        if len(most) > _NAMED:
            named.append(f"and {len(most) - _NAMED} more")
        told = f"{format_bytes(sum(self._won.values()))}{of} came back from {len(most)} asked"
        left_out = [f"{count} {reason}" for reason, count in self.passed_over.items()]
        if self.waiting:
            left_out.append(f"{len(self.waiting)} {'needed no more' if self.enough else 'out of time'}")
        parts = [told + (f": {', '.join(named)}" if named else "")]
        return "; ".join([*parts, *([f"not asked: {', '.join(left_out)}"] if left_out else [])])


def _who(subject: Subject) -> str:
    name = label(subject.target.name)
    return name if subject.label is None else f"{name}#{subject.label}"
