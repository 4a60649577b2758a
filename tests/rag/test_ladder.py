"""Is every rung of a ladder in the journal with its bytes: hooks, services, an alert, evidence, and a restart?"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.live.daemon_run import start_daemon
from tests.rag.test_blocks import told
from tests.rag.test_emergency import ran

pytestmark = pytest.mark.live

# Above the first size: evidence, collect, clear, restart services. Above the second: unload, stop them, alert, restart.
WATCH = """
global: {{interval: 200ms, run_dir: {run_dir}}}
targets: [{{name: rag, match: {{name: 'python*', cmdline: 'rag_service\\.blocks$'}}, policy: p}}]
policies:
  p:
    cooldown: 60s
    tiers:
      critical: {{when: {{rss: 150MB}}, tell: [stacks], do: [reclaim]}}
      emergency: {{when: {{rss: 250MB}}, tell: [pager], do: [reclaim, restart]}}
actions:
  pager: {{webhook: {{url: 'http://127.0.0.1:{pager}/', tells: true}}}}
  restart: {{signal: SIGTERM, grace: 10s, then: SIGKILL}}
"""
AGAIN = 'while :; do "$0" -m tests.targets.rag_service.blocks; done'  # what supervises services does


@pytest.fixture
def pager() -> Any:
    """A server that keeps what it is sent."""
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    yield server.server_port, received
    server.shutdown()
    server.server_close()


def test_each_rung_is_in_the_journal_with_its_bytes_and_the_restart_ends_it(
    start: Any, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, pager: Any
) -> None:
    supervised = start("blocks", "sh", "-c", AGAIN, sys.executable)
    first = psutil.Process(supervised.pid).children()[0]
    port, received = pager
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, WATCH.format(run_dir=tmp_path / "run", pager=port))
    supervised.get("/ask?q=format+string+syntax")
    importing = [threading.Thread(target=held, args=[supervised, size]) for size in (180_000_000, 300_000_000)]
    importing[0].start()
    critical = wait_until(lambda: ran(daemon, "reclaim", "critical"), 20)
    wait_until(lambda: told(supervised, "services")["info"]["restarts"] == 2, 10)  # not the critical one
    wait_until(lambda: ran(daemon, "stacks", "critical"), 20)
    importing[1].start()
    emergency = wait_until(lambda: ran(daemon, "reclaim"), 20)
    restarted = wait_until(lambda: ran(daemon, "restart"), 20)
    for thread in importing:
        thread.join(20)
    wait_until(lambda: told_of(supervised) is not None, 20)
    second = psutil.Process(supervised.pid).children()[0]
    wait_until(lambda: any(found["type"] == "tier_entered" for found in received), 10)

    assert all(isinstance(one["reclaimed_bytes"], int) for one in (critical, emergency, restarted))
    assert restarted["reclaimed_bytes"] > 150_000_000
    assert second != first
    assert {one["data"]["target"] for one in received} == {"rag"}
    assert list((tmp_path / "state" / "artefacts").iterdir())


def held(service: Any, size: int) -> None:
    """An import, which ends with the service."""
    try:
        service.post("/replay", {"rss_bytes": size, "seconds": 30})
    except Exception:  # noqa: BLE001 - whatever HTTP says of a server that ends
        return


def told_of(service: Any) -> Any:
    try:
        return service.get("/health")
    except OSError:
        return None
