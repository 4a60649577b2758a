"""How does a decision become an attempt? As a task of its own, whose answer goes into the ladder and wakes the loop."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from brimwatch.act.request import ActionKind, Recipient, Request
from brimwatch.core.decide import attempted, rule_of
from brimwatch.core.evaluate import crossings, needed_bytes
from brimwatch.model import Attempt, Crossing, Decision, Outcome, Reason, Sample, Verdict
from brimwatch.procfs.stat import read_stat
from brimwatch.quantity import Quantity
from brimwatch.record.wording import show
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject, Watched, receivers
from brimwatch.units import Seconds

LONGEST = Seconds(3600.0)  # an attempt that is still running then is given up, whatever its kind promised
DETAIL = 200  # characters kept of what an attempt says


class Performer:
    """Runs rungs; `answered(subject)` is called when one has ended, so that the loop looks again at once."""

    def __init__(
        self, kinds: Mapping[str, ActionKind], procfs: str, story: Story, answered: Callable[[Subject], None]
    ) -> None:
        self._kinds = kinds
        self._procfs = procfs
        self._story = story
        self._answered = answered
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """How many rungs run now."""
        return sum(not task.done() for task in self._tasks)

    def run(self, subject: Subject, decision: Decision, sample: Sample) -> None:
        """Start a rung as a task. The time from the measured crossing to here is the daemon's reaction."""
        request = self._request(subject, decision, sample)
        self._story.started(subject)
        task = asyncio.get_running_loop().create_task(self._attempt(subject, decision, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        subject.tasks = (*(one for one in subject.tasks if not one.done()), task)

    def stop(self, subject: Subject) -> None:
        """Give up the subject's running rungs: a higher tier took over, or the subject is gone."""
        for task in subject.tasks:
            task.cancel()

    async def close(self) -> None:
        """Give up everything that still runs, and wait until it has let go."""
        tasks = [task for task in self._tasks if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _attempt(self, subject: Subject, decision: Decision, request: Request) -> None:
        started = time.monotonic()
        try:
            async with asyncio.timeout(LONGEST):
                attempt = await self._kinds[decision.action.kind].run(request)
        except TimeoutError:
            attempt = Attempt(Verdict.FAILED, started, time.monotonic(), Reason.DEADLINE)
        except Exception as error:  # noqa: BLE001 - an action that breaks its promise must not end the watching
            attempt = Attempt(Verdict.FAILED, started, time.monotonic(), Reason.ERROR, repr(error))
            self._story.fault("action", error)
        finally:
            for recipient in request.recipients:
                if recipient.pidfd >= 0:
                    os.close(recipient.pidfd)
        attempt = replace(attempt, detail=attempt.detail[:DETAIL])
        if decision.rung < 0:
            self._story.outcome(subject, _told(decision, attempt))
            return
        firing, known = subject.ladder.firing, subject.sample
        if firing is None or firing.number != decision.firing or firing.rung != decision.rung or known is None:
            return  # superseded meanwhile: its outcome was told then
        subject.ladder = attempted(subject.ladder, attempt, subject.target.spec.policy, known)
        self._answered(subject)

    def _request(self, subject: Subject, decision: Decision, sample: Sample) -> Request:
        rule = rule_of(subject.target.spec.policy, decision.tier)
        why = crossings(rule, sample) if rule is not None else ()
        needed = needed_bytes(rule, sample) if rule is not None else None
        return Request(
            target=subject.target.name,
            action=decision.action,
            tier=decision.tier,
            recipients=self._recipients(subject, decision),
            deadline=self._longest(decision),
            needed=needed,
            severity=_severity(sample),
            because="; ".join(_crossing(one) for one in why),
            facts=_facts(subject, sample),
            procfs=self._procfs,
        )

    def _longest(self, decision: Decision) -> Seconds:
        """How long the kind says that one attempt can take."""
        longest = getattr(self._kinds[decision.action.kind], "longest", None)
        return min(LONGEST, longest(decision.action.options)) if longest is not None else LONGEST

    def _recipients(self, subject: Subject, decision: Decision) -> tuple[Recipient, ...]:
        """The processes to act on, each held by a descriptor of the attempt's own: the loop may let go of its."""
        watched = list(subject.watched.values()) if decision.action.kind == "hook" else receivers(subject)
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


def _crossing(one: Crossing) -> str:
    sign = "<=" if one.quantity.inverted else ">="
    return f"{one.quantity} {show(one.quantity, one.value)} {sign} {show(one.quantity, one.threshold)}"


def _told(decision: Decision, attempt: Attempt) -> Outcome:
    return Outcome(
        tier=decision.tier,
        action=decision.action,
        rung=decision.rung,
        verdict=attempt.verdict,
        at=attempt.ended,
        started=attempt.started,
        duration=Seconds(attempt.ended - attempt.started),
        reason=attempt.reason,
        detail=attempt.detail,
    )


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
    return facts
