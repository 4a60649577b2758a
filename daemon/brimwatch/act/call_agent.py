"""How is the agent inside a process asked for memory? Member after member, until enough has come back.

An answer settles the rung: the hooks have run. What they claim is told beside what is measured, and decides nothing.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from brimwatch.act.parts import Part, sum_up
from brimwatch.act.request import Recipient, Request, Traits
from brimwatch.agent.names import is_hook_name
from brimwatch.config.nodes import Node
from brimwatch.errors import MalformedProcFile
from brimwatch.model import Attempt, Reason, Tier, Verdict
from brimwatch.procfs.statm import read_statm
from brimwatch.units import Bytes, Seconds, format_bytes

if TYPE_CHECKING:  # imported when the first agent is asked: most daemons ask none
    from brimwatch.agent.client import Caller
    from brimwatch.agent.figures import HookOutcome, Reclaimed

KEYS = frozenset({"hook"})
TIMEOUT = Seconds(5.0)
LONGEST_TIMEOUT = 300.0  # what an agent agrees to
WHOLE = 60.0  # seconds for all members together, unless one alone has longer
MOST_AT_ONCE = 8  # members asked at once in an emergency
LARGEST_CLAIM = 1 << 56  # bytes: no process holds more, and a sum of some thousand fits into 64 bits and a journal
_NAMED = 6  # hooks named in the detail


@dataclass(frozen=True, slots=True)
class Hooks:
    """Which hooks to run, none named: all of the tier; and how long one process may take."""

    names: tuple[str, ...] = ()
    timeout: Seconds = TIMEOUT


class _Answered(NamedTuple):
    """What became of one member. `fell`: measured by us, in bytes."""

    part: Part
    claimed: int | None = None
    fell: int = 0


def parse(node: Node) -> Traits | None:
    """Read `{hook: {names: [report-cache], timeout: 5s}}`."""
    fields = node.mapping()
    if fields is None or "hook" not in fields:
        return None
    given = fields["hook"].mapping(("names", "timeout"))
    if given is None:
        return None
    names = _names(given["names"]) if "names" in given else ()
    timeout = given["timeout"].duration(0.1, LONGEST_TIMEOUT) if "timeout" in given else TIMEOUT
    return None if names is None or timeout is None else Traits(Hooks(names, timeout), cooperative=True)


def longest(options: object) -> Seconds:
    """How long an attempt can take, all members together."""
    return Seconds(max(WHOLE, options.timeout + 2.0) if isinstance(options, Hooks) else WHOLE)


def describe(options: object) -> str:
    """What an attempt would ask for, for a person."""
    if isinstance(options, Hooks) and options.names:
        return f"ask the agent to run {', '.join(options.names)}"
    return "ask the agent to run its hooks"


async def run(request: Request) -> Attempt:
    """Ask every recipient, one at a time; in an emergency several. Settled when they have answered."""
    started = time.monotonic()
    options, caller = request.action.options, request.agents
    if not isinstance(options, Hooks) or caller is None:
        return Attempt(Verdict.FAILED, started, started, Reason.ERROR, "not the options of a hook, or no way to ask")
    answers = await _ask_all(request, options, caller, started + request.deadline)
    attempt = sum_up([one.part for one in answers], started, settled=True)
    claims = [one.claimed for one in answers if one.claimed is not None]
    return Attempt(
        attempt.verdict,
        attempt.started,
        attempt.ended,
        attempt.reason,
        attempt.detail,
        Bytes(sum(claims)) if claims else None,
        settled=True,
    )


def _names(node: Node) -> tuple[str, ...] | None:
    items = node.items()
    if items is None:
        return None
    if not items:
        node.fault("an empty list", "at least one name", "leave `names` out for all hooks")
        return None
    names: list[str] = []
    for item in items:
        text = item.text(64)
        if text is None:
            return None
        if not is_hook_name(text):
            item.fault(item.shown, "1 to 64 letters, digits and _.-:", "no agent has a hook of another name")
            return None
        names.append(text)
    return tuple(dict.fromkeys(names))


async def _ask_all(request: Request, options: Hooks, caller: Caller, ends_at: float) -> list[_Answered]:
    """Ask the members in turn, each for what the others have left to win; in an emergency for everything."""
    answers: list[_Answered] = []
    waiting = iter(request.recipients)

    async def work() -> None:
        for recipient in waiting:
            won = sum(one.fell for one in answers)
            answers.append(await _ask_one(request, recipient, options, caller, ends_at, won))

    emergency = request.tier is Tier.EMERGENCY
    at_once = max(request.parallel, MOST_AT_ONCE if emergency else 1)
    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(request.recipients))):
            group.create_task(work())
    return answers


async def _ask_one(
    request: Request, recipient: Recipient, options: Hooks, caller: Caller, ends_at: float, won: int
) -> _Answered:
    from brimwatch.agent.client import Ask
    from brimwatch.agent.fault import AgentFault

    pid, left = recipient.process.pid, ends_at - time.monotonic()
    needed = None if request.needed is None else Bytes(max(0, request.needed - won))
    if needed == 0 and won > 0 and request.tier is not Tier.EMERGENCY:
        return _Answered(Part(Verdict.SUPPRESSED, f"{pid} not asked: enough had come back", Reason.CURED))
    if left < 0.1:
        return _Answered(Part(Verdict.FAILED, f"{pid} not asked: the others took all the time", Reason.DEADLINE))
    deadline = Seconds(min(options.timeout, left))
    ask = Ask(request.tier, deadline, options.names, needed, request.exceeded, request.because or "by_hand")
    before = _resident(request.procfs, pid)
    try:
        reply = await caller.reclaim(recipient.process, ask)
    except AgentFault as fault:
        refused = fault.reason in (Reason.NO_AGENT, Reason.BUSY, Reason.VANISHED, Reason.UNSUPPORTED)
        return _Answered(
            Part(Verdict.SUPPRESSED if refused else Verdict.FAILED, f"{pid}: {fault.detail}", fault.reason)
        )
    if request.heard is not None:
        request.heard(reply)
    after = _resident(request.procfs, pid)
    fell = before - after if before is not None and after is not None else 0
    return _Answered(_part(pid, reply), _claimed(reply), fell)


def _resident(procfs: str, pid: int) -> int | None:
    try:
        return read_statm(procfs, pid).resident
    except (OSError, MalformedProcFile):
        return None


def _claimed(reply: Reclaimed) -> int | None:
    """What the hooks say they freed: each for itself, else the whole."""
    each = [hook.claimed for hook in reply.hooks if hook.claimed is not None]
    return min(sum(each), LARGEST_CLAIM) if each else reply.claimed


def _part(pid: int, reply: Reclaimed) -> Part:
    """What became of one member: done where one hook ran, else the reason of the first that did not."""
    ran = [hook for hook in reply.hooks if hook.outcome == "ran"]
    others = [hook for hook in reply.hooks if hook.outcome != "ran"]
    told = [_told(hook) for hook in (*ran, *others)]
    if len(told) > _NAMED:
        told[_NAMED:] = [f"and {len(told) - _NAMED} more"]
    late = "" if reply.complete else " (some still run)"
    detail = f"{pid}: {', '.join(told) or 'its agent answered, and names no hook'}{late}"
    if ran or not others:
        return Part(Verdict.RUN, detail)
    failed = [hook for hook in others if hook.outcome == "failed"]
    deciding = (failed or others)[0]
    return Part(Verdict.FAILED if failed else Verdict.SUPPRESSED, detail, deciding.reason)


def _told(hook: HookOutcome) -> str:
    if hook.outcome == "ran":
        return hook.name if hook.claimed is None else f"{hook.name} ({format_bytes(hook.claimed)} claimed)"
    return f"{hook.name} {hook.reason.value if hook.reason is not None else hook.outcome}"
