"""How is a target's cgroup made to give way? `memory.high` brakes it for seconds, `memory.reclaim` squeezes it once.

Both hold for the whole cgroup: only one that holds nobody else is written to, never the root and never our own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from brimwatch.act.brake import Brake, brake
from brimwatch.act.cgroup_target import NO_RECLAIM_ON_V1, Found, find_memory
from brimwatch.act.off_loop import Threads
from brimwatch.act.parts import Part, sum_up
from brimwatch.act.refused import refusal_of
from brimwatch.act.request import Request, Traits
from brimwatch.act.squeeze import Squeeze, squeeze
from brimwatch.config.nodes import Node
from brimwatch.model import Attempt, Reason, Verdict
from brimwatch.procfs.cgroup_place import Place
from brimwatch.procfs.root import CGROUPFS
from brimwatch.units import Bytes, Seconds

KEYS = frozenset({"cgroup", "max", "force"})
NOTICE = (
    "needs cgroup v2, the right to write to the target's cgroup (root, or a delegated one; no ProtectControlGroups), "
    "and a cgroup that the target has to itself; else the rung is skipped and says what is missing"
)
FILES = ("memory.high", "memory.reclaim")
LONGEST_BRAKE = 10.0  # seconds: a brake stalls its target for as long as it lasts
BRAKE_WITHIN = Seconds(2.0)  # to find the cgroup and write one line takes about 1 ms
SQUEEZE_WITHIN = Seconds(10.0)
_MOST = 64  # recipients that are looked at
_BRAKES = Threads("brimwatch-brake", 2)
_SQUEEZES = Threads("brimwatch-squeeze", 2)


def parse(node: Node) -> Traits | None:
    """Read `{cgroup: {memory.high: 98%}, max: 10s, force: false}` or `{cgroup: {memory.reclaim: 200MB}}`."""
    fields = node.mapping()
    if fields is None or "cgroup" not in fields:
        return None
    found = _read_file(fields["cgroup"])
    lasts = fields["max"].duration(0.001, LONGEST_BRAKE) if "max" in fields else Seconds(LONGEST_BRAKE)
    force = fields["force"].flag() if "force" in fields else False
    if found is None or lasts is None or force is None:
        return None
    name, value, relative = found
    if "max" in fields and name == "memory.reclaim":
        fields["max"].fault("max with memory.reclaim", "no max", "it is done once, and leaves nothing in place")
        return None
    if name == "memory.reclaim":
        return Traits(Squeeze(Bytes(int(value)), force))
    return Traits(Brake(value, relative, lasts, force))


def longest(options: object) -> Seconds:
    """How long an attempt can take."""
    return SQUEEZE_WITHIN if isinstance(options, Squeeze) else BRAKE_WITHIN


async def run(request: Request, kinds: frozenset[int] = CGROUPFS) -> Attempt:
    """Brake or squeeze every cgroup that the recipients are in. A brake is settled at once: it only buys time."""
    started = time.monotonic()
    options, brakes = request.action.options, request.brakes
    stop = threading.Event()
    ends_at = started + min(request.deadline, longest(options))
    if isinstance(options, Squeeze):

        def work(found: Found) -> Part:
            return squeeze(found, options, ends_at, stop)

        threads = _SQUEEZES
    elif isinstance(options, Brake) and brakes is not None:

        def work(found: Found) -> Part:
            return brake(found, options, brakes)

        threads = _BRAKES
    else:
        return Attempt(
            Verdict.FAILED, started, started, Reason.ERROR, "not the options of a cgroup, or no undo records"
        )
    try:
        parts = await threads.run(lambda: _each(request, kinds, work, stop), max(0.0, ends_at - started) + 0.5)
    except TimeoutError as error:
        late = refusal_of(error, "write to the cgroup")
        parts = [Part(late.verdict, late.detail, late.reason)]
    finally:
        stop.set()
    return sum_up(parts, started, settled=isinstance(options, Brake))


def _read_file(node: Node) -> tuple[str, float, bool] | None:
    """The file, the value, and whether it is a share of the limit. Adds the faults."""
    fields = node.mapping(FILES)
    if fields is None:
        return None
    if len(fields) != 1:
        if len(node.mapping() or ()) != 1:
            node.fault(f"{len(fields)} files", f"one of {', '.join(FILES)}")
        return None
    ((name, value),) = fields.items()
    relative = name == "memory.high" and value.is_scalar and value.written.endswith("%")
    read: float | None = value.ratio() if relative else value.size()
    if read == 0:
        value.fault(value.shown, "more than 0%")
        return None
    return None if read is None else (name, read, relative)


def _each(request: Request, kinds: frozenset[int], work: Callable[[Found], Part], stop: threading.Event) -> list[Part]:
    """Do it to each cgroup once. Runs on a thread; begins nothing more once `stop` is set."""
    parts: list[Part] = []
    done: set[Place] = set()
    for recipient in request.recipients[:_MOST]:
        if stop.is_set():
            break
        try:
            v1 = {"v1": NO_RECLAIM_ON_V1} if isinstance(request.action.options, Squeeze) else {}
            memory = find_memory(recipient, request.procfs, kinds, **v1)
            place = memory.place._replace(through=None)
            if place not in done:
                done.add(place)
                parts.append(work(Found(memory, recipient.process.pid, request.family, request.procfs)))
        except Exception as error:  # noqa: BLE001 - what stops one cgroup must not stop the others; all of it is told
            refused = refusal_of(error, "write to its cgroup")
            parts.append(Part(refused.verdict, refused.detail, refused.reason))
    return parts
