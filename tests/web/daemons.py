"""A web application with a real snapshot behind it, served on a loopback port of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from brimwatch.record.events import EventLog
from brimwatch.record.metrics import Metrics
from brimwatch.record.rows import lines, overview, rows
from brimwatch.record.shapes import event_shape, find_target, status_shape, target_shape, target_shapes
from brimwatch.record.snapshot import Snapshot
from brimwatch.web.app import build_app
from brimwatch.web.auth import Access
from brimwatch.web.listen import open_socket, url_of
from brimwatch.web.serve import serve
from brimwatch.web.services import Answer, Services


def services(snapshot: Snapshot, events: EventLog | None = None, metrics: Metrics | None = None) -> Services:
    """What a daemon hands in, as of the snapshot's own time."""
    log = events or EventLog()
    counted = metrics or Metrics(clock=lambda: snapshot.at)

    async def submit(command: str, **_: str) -> Answer:
        return Answer(True, f"{command} done")

    def target(name: str) -> object:
        found = find_target(snapshot, name)
        return None if found is None else target_shape(found, snapshot.at)

    return Services(
        access=Access(),
        render_metrics=lambda accept: counted.render(snapshot, accept),
        status=lambda: status_shape(snapshot, snapshot.wall + 1),
        targets=lambda: target_shapes(snapshot, snapshot.at),
        target=target,
        events=lambda of, since, limit: map(event_shape, log.since(since, of, limit)),
        overview=lambda: overview(snapshot),
        rows=lambda longest: rows(snapshot, log, snapshot.at, longest),
        lines=lambda limit: lines(log.since(limit=limit)),
        healthy=lambda: (True, "healthy"),
        ready=lambda: (True, "ready"),
        submit=submit,
    )


@contextmanager
def served(handed_in: Services, address: str = "127.0.0.1:0") -> Iterator[str]:
    """Serve in a loop on a thread; gives the address, ends the server afterwards."""
    listener = open_socket(address)
    url = url_of(listener).rstrip("/")
    up, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        serving = asyncio.create_task(serve(build_app(handed_in), listener, up.set))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    try:
        assert up.wait(20), "the server did not start"
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not thread.is_alive(), "the server did not end"
        loop.close()
