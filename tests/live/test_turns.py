"""Does a member that cannot be helped hold back the others, and does a sudden rise get past anything?"""

from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Grower, grower, start_daemon

pytestmark = pytest.mark.live

SEVERAL = """
global: {{interval: 200ms}}
targets:
  - {{name: workers, match: {{cmdline: '{mark}'}}, as: each, policy: ladder}}
policies:
  ladder:
    cooldown: 5m
    tiers:
      critical: {{when: {{rss: 100MB}}, do: [ask]}}
actions:
  ask: {{signal: SIGUSR1, settle: 500ms}}
"""


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Any:
    return lambda config: start_daemon(spawn, wait_until, free_port(), tmp_path, config)


def marked(spawn: Any, mark: str, *arguments: str) -> Grower:
    """A grower that the target matches: `--keep` bears the mark, since any number is good."""
    return grower(spawn, *arguments, "--keep", mark)


def test_one_that_cannot_be_asked_does_not_hold_back_the_others(spawn: Any, start: Any, wait_until: Any) -> None:
    keep = "0000000000"
    deaf, hears = marked(spawn, keep, "--deaf"), marked(spawn, keep)
    daemon = start(SEVERAL.format(mark=f"grower.py.*{keep}"))
    deaf.say("hold 300")
    wait_until(lambda: daemon.events("action_suppressed"), 10)
    assert daemon.events("action_suppressed")[0]["facts"]["reason"] == "no_handler"

    hears.say("hold 150")
    hears.expect("caught SIGUSR1")
    wait_until(lambda: daemon.events("action_ran"), 10)
    assert deaf.process.poll() is None


def test_a_flat_process_that_jumps_is_told_of_and_acted_on_at_once(spawn: Any, start: Any, wait_until: Any) -> None:
    keep = "00000000000"
    target = marked(spawn, keep)
    daemon = start(SEVERAL.format(mark=f"grower.py.*{keep}"))
    left = "brimwatch_target_time_to_limit_seconds"
    wait_until(lambda: daemon.metric(left, target="workers") == float("inf"), 30)
    target.say("hold 200")
    target.expect("caught SIGUSR1")
    wait_until(lambda: daemon.events("action_ran"), 10)
    # Asked while it still takes, it may take on and be asked again: each time is told.
    assert {event["facts"]["after"] for event in daemon.events("tier_entered")} == {"critical"}
    assert daemon.events("internal_fault") == []
