"""What is the target doing right now? Written into the event's artefact: Python stacks, threads, memory map.

`stacks: {locals: false, timeout: 5s}` looks at up to four processes of the target, the largest first. Stacks come from
py-spy, which reads while the program runs on: nothing is stopped, and a stack may be half a step old. Every process,
of whichever language, gets its threads' names and states and the sums of its memory map.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from brimwatch.act.exits import exited
from brimwatch.act.request import Request, Traits
from brimwatch.act.session import ASK, INSIST
from brimwatch.config.nodes import Node
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.units import Seconds

KEYS = frozenset({"stacks"})
TIMEOUT = Seconds(5.0)
SHORTEST, LONGEST = 0.1, 60.0


@dataclass(frozen=True, slots=True)
class Stacks:
    """`show_locals`: local variables as well, which may hold secrets; `timeout` in seconds, for all processes."""

    show_locals: bool = False
    timeout: Seconds = TIMEOUT


def parse(node: Node) -> Traits | None:
    """Read `{stacks: {locals: false, timeout: 5s}}`."""
    fields = node.mapping()
    if fields is None or "stacks" not in fields:
        return None
    own = fields["stacks"]
    if own.is_null:
        return Traits(Stacks(), tells=True)
    options = own.mapping(("locals", "timeout"))
    if options is None:
        return None
    shows = options["locals"].flag() if "locals" in options else False
    timeout = options["timeout"].duration(SHORTEST, LONGEST) if "timeout" in options else TIMEOUT
    return None if shows is None or timeout is None else Traits(Stacks(shows, timeout), tells=True)


def longest(options: object) -> Seconds:
    """How long an attempt can take, the end of a py-spy that overran its time included."""
    return Seconds((options.timeout if isinstance(options, Stacks) else TIMEOUT) + ASK + INSIST + 1.0)


async def run(request: Request) -> Attempt:
    """Look once at each process and hand what was seen to the artefact."""
    started = time.monotonic()
    options = request.action.options
    if not isinstance(options, Stacks):
        return _ended(Verdict.FAILED, Reason.ERROR, "not the options of stacks", started)
    if request.keep is None:
        return _ended(Verdict.SUPPRESSED, Reason.UNSUPPORTED, "nothing is stored: there is no artefact", started)
    alive = [one for one in request.recipients if not exited(one.pidfd)]
    if not alive:
        return _ended(Verdict.SUPPRESSED, Reason.VANISHED, "no process is left to look at", started)
    from brimwatch.act.stack_look import look_at  # 350 objects that a daemon does not need before this

    until = started + min(options.timeout, request.deadline)
    return _ended(*await look_at(alive, options.show_locals, until, request.procfs, request.keep), started)


def _ended(verdict: Verdict, reason: Reason | None, detail: str, started: float) -> Attempt:
    return Attempt(verdict, started, time.monotonic(), reason, detail, settled=True)
