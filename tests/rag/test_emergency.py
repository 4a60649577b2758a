"""Is the naive service, brought to what the field reports measured, taken out of its emergency while it answers?"""

from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Daemon, start_daemon
from tests.targets.rag_service.load import Load
from tests.targets.rag_service.passages import as_asked, passages, questions

pytestmark = pytest.mark.live

# What the field report of the medical assistant measured.
RSS, VMS, THREADS, OBJECTS = 693_700_000, 2_200_000_000, 35, 479_563
WATCH = """
global: {{interval: 200ms, run_dir: {run_dir}}}
targets: [{{name: rag, match: {{pid: {pid}}}, policy: {policy}}}]
policies:
  seeds:
    tiers:
      emergency:
        when: {{all: {{rss: 693.7MB, vms: 2.2GB, threads: 35, python_objects: 479563}}}}  # each of them is measured
        tell: [stacks]
        do: [reclaim]
"""


@pytest.fixture
def asked() -> Any:
    return as_asked(questions(passages(), 400))


def ran(daemon: Daemon, action: str, tier: str = "emergency") -> dict[str, Any] | None:
    """The facts of that rung, once it ran in that tier."""
    found = (event["facts"] for event in daemon.events("action_ran"))
    return next((facts for facts in found if (facts["action"], facts["tier"]) == (action, tier)), None)


@pytest.mark.parametrize("policy", ["small", "seeds"])
def test_the_seed_figures_are_an_emergency_and_the_ladder_ends_it_while_every_question_is_answered(
    start: Any, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, asked: Any, policy: str
) -> None:
    service = start("rescued")
    load = Load(service.port, asked, clients=3, pause=0.01)
    try:
        wait_until(lambda: len(load.answers) > 50, 30)
        inside = service.post("/replay", {"rss_bytes": RSS + 20_000_000, "objects": OBJECTS + 10_000})
        full = service.sizes()
        text = WATCH.format(run_dir=tmp_path / "run", pid=service.pid, policy=policy)
        daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, text)
        done = wait_until(lambda: ran(daemon, "reclaim"), 30)
        wait_until(lambda: daemon.metric("brimwatch_target_tier", target="rag") < 3, 20)
        answered = len(load.answers)
        wait_until(lambda: len(load.answers) > answered + 50, 30)
    finally:
        answers = load.end()

    assert full["rss_bytes"] >= RSS
    assert full["vms_bytes"] >= VMS
    assert full["threads"] >= THREADS
    assert inside["objects"] >= OBJECTS
    assert {one.status for one in answers} == {200}
    assert all(one.sources for one in answers)
    assert done["reclaimed_bytes"] > 300_000_000
    assert service.resident() < 500_000_000
