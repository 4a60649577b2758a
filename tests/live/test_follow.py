"""Can a real daemon be followed while a real target grows, resumed after a break, and still be stopped at once?"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.live.daemon_run import grower, start_daemon

pytestmark = pytest.mark.live

CONFIG = """
global: {{interval: 200ms}}
targets: [{{name: cache, match: {{pid: {pid}}}, policy: ladder}}]
policies: {{ladder: {{cooldown: 1h, tiers: {{critical: {{when: {{rss: 100MB}}, do: [ask]}}}}}}}}
actions: {{ask: {{signal: SIGUSR1, settle: 500ms}}}}
"""


def messages(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield {**fields, "data": json.loads(fields["data"])}
            fields = {}


def until(stream: Iterator[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    """Every event up to the first of this name."""
    found = []
    for message in stream:
        if message["event"] == "event":
            found.append(message)
            if message["data"]["event"] == event:
                return found
    raise AssertionError(f"the stream ended without {event}")


def test_a_target_is_followed_through_its_tier_and_resumed_where_the_connection_broke(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    target = grower(spawn)
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, CONFIG.format(pid=target.pid))
    url = daemon.url + "/api/v1/stream"
    with httpx.stream("GET", url, timeout=20) as answer:
        stream = messages(answer)
        assert next(one for one in stream if one["event"] == "snapshot")["data"]["subjects"][0]["target"] == "cache"
        target.say("grow 100")
        first = until(stream, "tier_entered")
    target.expect("caught SIGUSR1")
    target.say("stop")
    wait_until(lambda: daemon.events("action_ran"), 10)
    with httpx.stream("GET", url, timeout=20, headers={"Last-Event-ID": first[-1]["id"]}) as answer:
        rest = until(messages(answer), "action_ran")

    everything = [event["id"] for event in daemon.events()]
    assert [int(one["id"]) for one in (*first, *rest)] == everything[-len(first) - len(rest) :]
    assert "tier_left" in [one["data"]["event"] for one in rest]


def test_who_follows_does_not_hold_up_the_end(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> None:
    target = grower(spawn)
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, CONFIG.format(pid=target.pid))
    with httpx.stream("GET", daemon.url + "/api/v1/stream", timeout=20) as answer:
        stream = messages(answer)
        next(stream)
        begin = time.monotonic()
        daemon.process.terminate()
        rest = list(stream)
        assert daemon.process.wait(10) == 0

    assert time.monotonic() - begin < 5
    assert all(message["event"] in ("snapshot", "event") for message in rest)
