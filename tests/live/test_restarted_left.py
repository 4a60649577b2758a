"""Is a tier that was left entered anew after a restart, with all that it tells, however the daemon ended?"""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Daemon, grower, start_daemon
from tests.live.sinks import Sink, sink

pytestmark = pytest.mark.live

POLICY = """
global: {{interval: 100ms}}
targets:
  - {{name: cache, match: {{pid: {pid}}}, policy: tell}}
policies:
  tell: {{tiers: {{critical: {{when: {{rss: 60MB}}, tell: [pager, chat]}}}}}}
actions:
  pager: {{webhook: {{url: '{pager}', tells: true, timeout: 1s}}}}
  chat: {{webhook: {{url: '{chat}', tells: true, timeout: 1s}}}}
"""
ENDS = [
    pytest.param(signal.SIGTERM, id="after a stop"),
    pytest.param(signal.SIGKILL, id="after a crash"),
]


def end(daemon: Daemon, by: signal.Signals) -> None:
    daemon.process.send_signal(by)
    daemon.process.wait(10)


def leave(target: Any, pager: Sink, chat: Sink, wait_until: Any) -> None:
    """Have the target give its memory back, and wait until both were told."""
    target.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: pager.of("tier_left") and chat.of("tier_left"), 15)


def enter_and_leave(target: Any, pager: Sink, chat: Sink, wait_until: Any) -> None:
    wait_until(lambda: pager.of("tier_entered") and chat.of("tier_entered"), 15)
    leave(target, pager, chat, wait_until)


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Callable[..., Daemon]:
    def run(pid: int, pager: Sink, chat: Sink) -> Daemon:
        config = POLICY.format(pid=pid, pager=pager.url, chat=chat.url)
        return start_daemon(spawn, wait_until, free_port(), tmp_path, config)

    return run


@pytest.mark.parametrize("by", ENDS)
def test_a_tier_that_was_left_is_entered_anew_with_all_that_it_tells(
    spawn: Any, start: Any, wait_until: Any, by: signal.Signals
) -> None:
    target = grower(spawn)
    target.say("hold 80")
    with sink() as pager, sink() as chat:
        daemon = start(target.pid, pager, chat)
        wait_until(lambda: pager.of("tier_entered") and chat.of("tier_entered"), 15)
        first = daemon.json("/api/v1/targets/cache")["subjects"][0]["since"]
        leave(target, pager, chat, wait_until)
        end(daemon, by)
        target.say("hold 80")

        daemon = start(target.pid, pager, chat)
        wait_until(lambda: len(daemon.events("tier_entered")) == 2, 15)
        wait_until(lambda: len(pager.of("tier_entered")) == len(chat.of("tier_entered")) == 2, 15)
        assert daemon.json("/api/v1/targets/cache")["subjects"][0]["since"] > first
        assert len(daemon.events("tier_left")) == 1


@pytest.mark.parametrize("by", ENDS)
def test_a_tier_that_was_left_is_not_left_again(spawn: Any, start: Any, wait_until: Any, by: signal.Signals) -> None:
    target = grower(spawn)
    target.say("hold 80")
    with sink() as pager, sink() as chat:
        daemon = start(target.pid, pager, chat)
        enter_and_leave(target, pager, chat, wait_until)
        end(daemon, by)

        daemon = start(target.pid, pager, chat)
        target.say("hold 80")
        wait_until(lambda: len(daemon.events("tier_entered")) == 2, 15)
        assert len(daemon.events("tier_left")) == 1
        assert len(pager.of("tier_left")) == len(chat.of("tier_left")) == 1


@pytest.mark.parametrize("by", ENDS)
def test_a_tier_that_is_held_is_told_once_over_two_restarts(
    spawn: Any, start: Any, wait_until: Any, by: signal.Signals
) -> None:
    target = grower(spawn)
    target.say("hold 80")
    with sink() as pager, sink() as chat:
        daemon = start(target.pid, pager, chat)
        wait_until(lambda: pager.of("tier_entered") and chat.of("tier_entered"), 15)
        for _ in range(2):
            end(daemon, by)
            daemon = start(target.pid, pager, chat)
            wait_until(lambda run=daemon: run.events("state_restored"), 10)
        leave(target, pager, chat, wait_until)
        assert len(daemon.events("tier_entered")) == 1
        assert len(pager.of("tier_entered")) == len(chat.of("tier_entered")) == 1
