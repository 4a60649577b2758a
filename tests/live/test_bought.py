"""Does a real ceiling on a real Python process buy time, and is one that bounds nothing dropped and told?"""

from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Daemon, Grower, grower, hoarder, start_daemon

pytestmark = pytest.mark.live

CONFIG = """
global: {{interval: 100ms, run_dir: {folder}/run}}
targets: [{{name: hoard, match: {{pid: {pid}}}, policy: p}}]
policies: {{p: {{cooldown: 500ms, tiers: {{emergency: {{when: {{rss: 100MB}}, do: [ceiling]}}}}}}}}
actions: {{ceiling: {{rlimit: {{data: +40MB}}}}}}
"""


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Any:
    def run(target: Grower) -> Daemon:
        config = CONFIG.format(folder=tmp_path, pid=target.pid)
        daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
        wait_until(lambda: daemon.metric("brimwatch_target_resident_memory_bytes", target="hoard"), 20)
        return daemon

    return run


def facts(daemon: Daemon, name: str) -> list[dict[str, Any]]:
    return [event["facts"] for event in daemon.events(name)]


def test_private_growth_ends_at_the_ceiling_and_both_rates_are_told(spawn: Any, start: Any, wait_until: Any) -> None:
    target = hoarder(spawn)
    daemon = start(target)
    target.say("grow 60")
    target.expect("MemoryError")
    (undone,) = wait_until(lambda: facts(daemon, "action_undone"), 20)
    assert undone["reason"] == "recovered"
    assert "growth " in undone["detail"]
    assert daemon.metric("brimwatch_actions_undone_total", target="hoard", reason="recovered") == 1


def test_growth_that_it_does_not_bound_ends_the_ceiling_for_this_entry(spawn: Any, start: Any, wait_until: Any) -> None:
    target = grower(spawn)  # it takes shared memory, which RLIMIT_DATA does not count
    daemon = start(target)
    target.say("grow 60")
    (undone,) = wait_until(lambda: facts(daemon, "action_undone"), 20)
    assert undone["reason"] == "no_effect"
    assert " before, " in undone["detail"]
    # While it was in force the ladder was climbed again, too: `busy`.
    wait_until(lambda: any(one["reason"] == "no_effect" for one in facts(daemon, "action_suppressed")), 20)
    assert daemon.json("/api/v1/status")["changes_in_force"] == 0
