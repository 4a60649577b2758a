"""How does a decision become an attempt? As a task of its own, whose answer goes into the ladder and wakes the loop."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

from brimwatch.act.request import ActionKind, Keep, Recipient, Request
from brimwatch.act.undo import Brakes
from brimwatch.core.decide import attempted, rule_of
from brimwatch.core.evaluate import crossings
from brimwatch.core.needs import needed_bytes
from brimwatch.core.patience import allowed
from brimwatch.core.settle import GIVEN_UP, settle_told
from brimwatch.model import Attempt, Crossing, Decision, Reason, Sample, Verdict
from brimwatch.procfs.stat import read_stat
from brimwatch.quantity import Quantity
from brimwatch.record.wording import show
from brimwatch.runtime.agents import Agents
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject, Watched, receivers
from brimwatch.units import Seconds

LONGEST = Seconds(3600.0)  # an attempt that is still running then is given up, whatever its kind promised
HOOK = "hook"
KEEPING = ("stacks",)  # kinds that find something to keep
DETAIL = 200  # characters kept of what an attempt says
GiveWay = Callable[[Subject, Decision, Request], Awaitable[Attempt]]
# Kinds that are for each process of a group, not for its roots alone.
_OF_EVERY_MEMBER = frozenset({"hook", "cgroup", "rlimit", "stacks"})


class Performer:
    """Runs rungs; `answered(subject)` is called when one has ended, so that the loop looks again at once."""

    def __init__(
        self,
        kinds: Mapping[str, ActionKind],
        procfs: str,
        story: Story,
        answered: Callable[[Subject], None],
        tell: Callable[[Subject, Decision, Sample], bool],
        brakes: Callable[[Subject, Decision], Brakes] | None = None,
        keep: Callable[[Subject], Keep | None] = lambda _: None,
        agents: Agents | None = None,
    ) -> None:
        """`keep` gives a subject's rungs a place for what they find, `agents` is who speaks to agents."""
        self._kinds = kinds
        self._procfs = procfs
        self._story = story
        self._answered = answered
        self._brakes = brakes
        self._keep = keep
        self._agents = agents
        self._tell = tell  # takes over what is told by webhook: its tries may outlive this run
        self._tasks: dict[asyncio.Task[None], Decision] = {}
        self.give_way: GiveWay | None = None  # asks others for the host, which has no agent

    @property
    def running(self) -> int:
        """How many rungs run now."""
        return sum(not task.done() for task in self._tasks)

    def run(self, subject: Subject, decision: Decision, sample: Sample) -> None:
        """Start a rung as a task. The time from the measured crossing to here is the daemon's reaction."""
        request: Request | Exception
        try:
            if self._tell(subject, decision, sample):
                return
            request = self._request(subject, decision, sample)
        except Exception as error:  # noqa: BLE001 - a rung that cannot be begun has failed; its ladder must not wait for it
            request = error
        self._story.started(subject)
        task = asyncio.get_running_loop().create_task(self._attempt(subject, decision, request))
        self._tasks[task] = decision
        subject.tasks = (*subject.tasks, task)
        task.add_done_callback(lambda ended: self._let_go(subject, ended))

    def foresee(self, subject: Subject) -> None:
        """Growth leads to a tier: what its first rung would have to wait for is begun now."""
        for rule in subject.target.spec.policy.tiers:
            if rule.tier > subject.tier and rule.do:
                prepare = getattr(self._kinds[rule.do[0].kind], "foresee", None)
                if prepare is None:
                    continue
                for one in receivers(subject):
                    prepare(rule.do[0].options, one.member.identity, self._procfs)

    def _let_go(self, subject: Subject, ended: asyncio.Task[None]) -> None:
        self._tasks.pop(ended, None)
        subject.tasks = tuple(task for task in subject.tasks if task is not ended)

    def stop(self, subject: Subject) -> None:
        """Give up the rung of the subject's ladder that runs: a higher tier took over. What tells, tells on."""
        for task in subject.tasks:
            if self._tasks[task].rung >= 0:
                task.cancel()

    def let_go(self, subject: Subject, reason: Reason) -> None:
        """Give up everything that runs for the subject, and say so of what tells: nobody else closes that."""
        tasks, subject.tasks = subject.tasks, ()
        for task in tasks:
            decision, now = self._tasks[task], time.monotonic()
            if decision.rung < 0 and not task.done():
                self._told(subject, decision, Attempt(Verdict.SUPPRESSED, now, now, reason, GIVEN_UP))
            task.cancel()

    async def close(self) -> None:
        """Give up everything that still runs, and wait until it has let go."""
        tasks = [task for task in self._tasks if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def for_another(
        self, subject: Subject, decision: Decision, sample: Sample, sake: Request | None = None
    ) -> Attempt:
        """Run a rung because a person, or (`sake`, what that is asked) the host asks for it.

        What follows from it is for the caller to see to.
        """
        request = self._request(subject, decision, sample)
        if sake is not None:
            request = replace(
                request,
                needed=sake.needed,
                severity=sake.severity,
                because=sake.because,
                exceeded=sake.exceeded,
                deadline=Seconds(min(request.deadline, sake.deadline)),
            )
        return await self._try(subject, decision, request)

    async def _attempt(self, subject: Subject, decision: Decision, request: Request | Exception) -> None:
        if isinstance(request, Exception):
            attempt = self._broken(time.monotonic(), request)
        else:
            attempt = await self._try(subject, decision, request)
        if asyncio.current_task() not in subject.tasks:
            return  # let go of meanwhile
        if decision.rung < 0:
            self._told(subject, decision, attempt)
            return
        firing, known = subject.ladder.firing, subject.sample
        if firing is None or firing.number != decision.firing or firing.rung != decision.rung or known is None:
            return  # superseded meanwhile: its outcome was told then
        if self._story.tap is not None:
            self._story.tap.answered(subject, decision, attempt)
        subject.ladder = attempted(subject.ladder, attempt, subject.target.spec.policy, known)
        self._answered(subject)

    def _told(self, subject: Subject, decision: Decision, attempt: Attempt) -> None:
        if self._story.tap is not None:
            self._story.tap.answered(subject, decision, attempt)
        self._story.outcome(subject, settle_told(decision, attempt))

    async def _try(self, subject: Subject, decision: Decision, request: Request) -> Attempt:
        started = time.monotonic()
        try:
            async with asyncio.timeout(LONGEST):
                if self.give_way is not None and subject.host is not None and decision.action.kind == HOOK:
                    attempt = await self.give_way(subject, decision, request)
                else:
                    attempt = await self._kinds[decision.action.kind].run(request)
        except TimeoutError:
            attempt = Attempt(Verdict.FAILED, started, time.monotonic(), Reason.DEADLINE)
        except Exception as error:  # noqa: BLE001 - an action that breaks its promise must not end the watching
            attempt = self._broken(started, error)
        finally:
            for recipient in request.recipients:
                if recipient.pidfd >= 0:
                    os.close(recipient.pidfd)
        return replace(attempt, detail=attempt.detail[:DETAIL])

    def _broken(self, started: float, error: Exception) -> Attempt:
        self._story.fault("action", error)
        return Attempt(Verdict.FAILED, started, time.monotonic(), Reason.ERROR, repr(error)[:DETAIL])

    def _request(self, subject: Subject, decision: Decision, sample: Sample) -> Request:
        rule = rule_of(subject.target.spec.policy, decision.tier)
        why = crossings(rule, sample) if rule is not None else ()
        goal = subject.target.spec.policy.goal if decision.action.cooperative else None
        needed = needed_bytes(rule, sample, goal) if rule is not None else None
        rungs_left = len(rule.do) - decision.rung - 1 if rule is not None and decision.rung >= 0 else 0
        return Request(
            target=subject.target.name,
            action=decision.action,
            tier=decision.tier,
            recipients=self._recipients(subject, decision),
            deadline=self._deadline(decision, sample, rungs_left),
            needed=needed,
            severity=_severity(sample),
            because="; ".join(told_crossing(one) for one in why),
            facts=_facts(subject, sample),
            procfs=self._procfs,
            family=_family(subject) if decision.action.kind == "cgroup" else frozenset(),
            brakes=None if self._brakes is None else self._brakes(subject, decision),
            keep=self._keep(subject) if decision.action.kind in KEEPING else None,
            agents=self._agents.caller() if self._agents is not None and decision.action.kind == "hook" else None,
            heard=None if self._agents is None else partial(self._agents.heard, subject),
            exceeded=max((_exceeded(one) for one in why), default=None),
            parallel=subject.target.spec.policy.max_parallel,
        )

    def _deadline(self, decision: Decision, sample: Sample, rungs_left: int) -> Seconds:
        """Whoever is asked is told when the next rung has to follow; what acts by itself has all its time."""
        longest = self._longest(decision)
        return Seconds(min(longest, allowed(sample, rungs_left))) if decision.action.cooperative else longest

    def _longest(self, decision: Decision) -> Seconds:
        """How long the kind says that one attempt can take."""
        longest = getattr(self._kinds[decision.action.kind], "longest", None)
        return min(LONGEST, longest(decision.action.options)) if longest is not None else LONGEST

    def _recipients(self, subject: Subject, decision: Decision) -> tuple[Recipient, ...]:
        """The processes to act on, each held by a descriptor of the attempt's own: the loop may let go of its."""
        every = decision.action.kind in _OF_EVERY_MEMBER
        watched = list(subject.watched.values()) if every else receivers(subject)
        return tuple(Recipient(one.member.identity, self._hold(one), one.member.comm) for one in watched)

    def _hold(self, watched: Watched) -> int:
        """A pidfd of the process, or -1 where it is gone or no descriptor can be had."""
        try:
            if watched.pidfd >= 0:
                return os.dup(watched.pidfd)
            pidfd = os.pidfd_open(watched.member.identity.pid)
        except OSError:
            return -1
        try:
            if read_stat(self._procfs, watched.member.identity.pid).start_ticks == watched.member.identity.start_ticks:
                return pidfd
        except (ProcessLookupError, PermissionError):
            pass  # gone: -1 says so
        os.close(pidfd)
        return -1


def told_crossing(one: Crossing) -> str:
    """Why a tier holds, as a request to a target has it: `rss 861.0 MB >= 850.0 MB`."""
    sign = "<=" if one.quantity.inverted else ">="
    return f"{one.quantity} {show(one.quantity, one.value)} {sign} {show(one.quantity, one.threshold)}"


def _exceeded(one: Crossing) -> float:
    """Value / threshold, the other way round where less is worse; 1 is just reached."""
    over, under = (one.threshold, one.value) if one.quantity.inverted else (one.value, one.threshold)
    return over / under if under > 0 and math.isfinite(over / under) else 1.0


def _family(subject: Subject) -> frozenset[int]:
    """The PIDs of all processes of the subject's target."""
    return frozenset(process.pid for one in subject.target.subjects.values() for process in one.watched)


def _severity(sample: Sample) -> float:
    """How much of the limit is used, 0 to 1; 0 where no limit is known."""
    if sample.limit is None or sample.headroom is None or sample.limit.bytes <= 0:
        return 0.0
    return min(1.0, max(0.0, 1 - sample.headroom / sample.limit.bytes))


def _facts(subject: Subject, sample: Sample) -> dict[str, str]:
    """What an executed command finds in its environment."""
    facts = {} if subject.label is None else {"MEMBER": str(subject.label)}
    for quantity in (Quantity.RSS, Quantity.SWAP, Quantity.WORKING_SET):
        value = sample.value(quantity)
        if value is not None:
            facts[f"{quantity.name}_BYTES"] = str(int(value))
    if sample.limit is not None:
        facts["LIMIT_BYTES"] = str(sample.limit.bytes)
    if subject.artefact is not None:
        facts["ARTEFACT"] = subject.artefact
    return facts
