"""What of the engine does the web see? Everything that a page or a client asks for, handed in from here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping

from brimwatch.model import Tier
from brimwatch.record.brief import brief
from brimwatch.record.by_hand import report_shape
from brimwatch.record.events import Recorded
from brimwatch.record.history_shape import history_shape
from brimwatch.record.rows import lines, overview, rows
from brimwatch.record.shapes import event_shape, find_target, status_shape, target_shape, target_shapes
from brimwatch.record.snapshot import Snapshot
from brimwatch.record.text import label
from brimwatch.runtime.engine import Engine
from brimwatch.runtime.manual import Order, Refused
from brimwatch.web.auth import Access
from brimwatch.web.services import Answer, Json, Services
from brimwatch.web.stream import Source, Stream

FRESH = 0.1  # seconds that a snapshot serves several parts of one answer


def services_of(
    engine: Engine,
    access: Access,
    reload: Callable[[], Awaitable[tuple[bool, str]]],
    healthy: Callable[[], tuple[bool, str]],
) -> Services:
    """The engine as the web sees it."""
    last: list[Snapshot] = []

    def snapshot() -> Snapshot:
        if not last:
            last.append(engine.snapshot())
            asyncio.get_running_loop().call_later(FRESH, last.clear)  # thousands of objects that nobody needs idle
        return last[0]

    def target(name: str) -> Json:
        found = find_target(snapshot(), name)
        return None if found is None else target_shape(found, time.monotonic())

    return Services(
        access=access,
        render_metrics=lambda accept: engine.metrics.render(snapshot(), accept),
        status=lambda: (
            status_shape(snapshot(), time.time())
            | {"rungs_running": engine.performer.running, "changes_in_force": engine.keeper.in_force}
        ),
        targets=lambda: target_shapes(snapshot(), time.monotonic()),
        target=target,
        events=lambda name, since, limit: (event_shape(one) for one in engine.events.since(since, name, limit)),
        overview=lambda: overview(snapshot()),
        rows=lambda longest: rows(snapshot(), engine.events, time.monotonic(), longest),
        lines=lambda longest: lines(engine.events.since(limit=longest)),
        healthy=healthy,
        ready=lambda: (True, "ready") if engine.watch.passes else (False, "the first pass is not over"),
        submit=lambda command, **given: _submit(engine, reload, command, given),
        stream=_stream(engine, snapshot),
        history=lambda name: _history(engine, name),
        samples=lambda targets: _samples(engine, targets),
    )


async def _submit(
    engine: Engine, reload: Callable[[], Awaitable[tuple[bool, str]]], command: str, given: Mapping[str, str]
) -> Answer:
    if command == "reload":
        return Answer(*await reload())
    if command not in ("reclaim", "drill"):
        return Answer(False, f"no such command: {command}")
    member = int(given["member"]) if given.get("member") else None
    order = Order(given["target"], Tier[given["tier"].upper()], member, command == "drill")
    try:
        return Answer(True, "", report_shape(await engine.manual.carry_out(order)))
    except Refused as refused:
        return Answer(False, str(refused), status=404 if refused.missing else 409)


def _history(engine: Engine, name: str) -> Iterable[Json] | None:
    found = next((one for one in engine.membership.targets.values() if label(one.name) == name), None)
    if found is None:
        return None
    now, wall = time.monotonic(), time.time()
    subjects = list(found.subjects.values())
    return (history_shape(one.label, one.history.rows(), now, wall) for one in subjects)


def _samples(engine: Engine, targets: Collection[str]) -> AsyncIterator[bytes] | None:
    listener = engine.recorder.open(targets)
    return None if listener is None else engine.recorder.stream(listener)


def _stream(engine: Engine, snapshot: Callable[[], Snapshot]) -> Stream:
    return Stream(
        Source(
            subscribe=lambda tell: engine.events.subscribe(lambda one: tell(one.id, one)),
            since=lambda last: [(one.id, one) for one in engine.events.since(last, limit=1000)],
            show=lambda one: event_shape(one) if isinstance(one, Recorded) else None,
            snapshot=lambda: brief(snapshot()),
        )
    )
