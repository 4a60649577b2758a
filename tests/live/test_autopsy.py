"""When the kernel kills for real: is it said how, who was warned, and what would have helped?"""

import json
import signal
import stat
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import grower, start_daemon
from tests.live.memory_cgroup import MemoryCgroup, memory_cgroup

pytestmark = pytest.mark.live
LIMIT = 200 * 1024 * 1024

CONFIG = """
global: {{interval: 200ms}}
targets:
  - {{name: '{name}', match: {{pid: {pid}}}, policy: p}}
policies:
  p: {{tiers: {{{tiers}}}}}
"""
TIERS = "warning: {when: {working_set: 60%}}, critical: {when: {working_set: 90%, rss: 90%}, tell: [stacks]}"


@pytest.fixture
def cgroup() -> Iterator[MemoryCgroup]:
    with memory_cgroup() as made:
        yield made


@pytest.fixture
def killed(cgroup: MemoryCgroup, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Any:
    """`killed(tiers, rate)` lets a process grow by MB/s into its limit under a daemon, which has said so."""

    def run(tiers: str, rate: int, name: str = "checkout") -> Any:
        target = grower(spawn)
        cgroup.limit(LIMIT)
        cgroup.take(target.pid)
        arguments = ("--storage.path", str(tmp_path / "storage"))
        daemon = start_daemon(
            spawn, wait_until, free_port(), tmp_path, CONFIG.format(pid=target.pid, tiers=tiers, name=name), arguments
        )
        wait_until(lambda: (daemon.metric("brimwatch_target_memory_limit_bytes") or 0) == LIMIT, 20)
        target.say(f"grow {rate}")
        assert target.process.wait(30) == -signal.SIGKILL
        wait_until(lambda: daemon.events("autopsy"), 20)
        return daemon

    return run


def test_an_oom_kill_is_opened_and_its_samples_are_kept(killed: Any, wait_until: Any, tmp_path: Path) -> None:
    daemon = killed(TIERS, 100)
    (event,) = daemon.events("autopsy")
    facts = event["facts"]
    assert facts["evidence"] == "cgroup"
    assert facts["limit_bytes"] == LIMIT
    assert 0.7 * LIMIT < facts["peak_bytes"] <= LIMIT
    assert 20e6 < facts["growth_bytes_per_second"] < 400e6
    assert facts["tiers"].startswith("warning ")
    assert 0.1 < facts["warned_seconds"] < 20
    assert "advice" in facts
    assert "survived" not in facts
    (killing,) = daemon.events("oom_killed")
    assert killing["facts"]["artefact"] == facts["artefact"]

    artefact = Path(facts["artefact"])
    wait_until(artefact.exists, 10)
    assert artefact.parent == tmp_path / "storage" / "artefacts"
    assert stat.S_IMODE(artefact.stat().st_mode) == 0o600
    assert stat.S_IMODE(artefact.parent.stat().st_mode) == 0o700
    wait_until(lambda: artefact.stat().st_size, 10)
    lines = [json.loads(line) for line in artefact.read_text().splitlines()]
    samples = [line for line in lines if line["record"] == "sample"]
    assert lines[0]["about"] == "oom"
    assert [line["event"] for line in lines if line["record"] == "event"][-2:] == ["oom_killed", "autopsy"]
    assert len(samples) > 10
    assert max(line.get("rss_bytes", 0) for line in samples) > 0.6 * LIMIT
    assert all(line["seconds"] <= 0 for line in samples)
    assert daemon.log()[-1]["event"] != "internal_fault"
    assert next(line for line in daemon.log() if line["event"] == "autopsy")["artefact"] == str(artefact)


def test_a_kill_without_any_tier_of_a_target_by_template_says_which_one_would_have_helped(killed: Any) -> None:
    daemon = killed("emergency: {when: {threads: 5000}}", 25, "{comm}")
    (event,) = daemon.events("autopsy")
    facts = event["facts"]
    assert event["target"] == "python"
    assert "tiers" not in facts
    assert "warned_seconds" not in facts
    assert facts["needed_seconds"] == 2
    assert 0.5 <= facts["advised_ratio"] <= 0.95
    assert facts["advised_seconds"] >= 2
    assert facts["advice"].startswith("a tier at ")


def test_a_kill_between_two_looks_is_noticed_when_it_happens(
    cgroup: MemoryCgroup, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    target = grower(spawn)
    cgroup.limit(LIMIT)
    cgroup.take(target.pid)
    tiers = "warning: {when: {rss: 1MB}}"
    text = CONFIG.format(pid=target.pid, tiers=tiers, name="checkout").replace("200ms", "30s")
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, text)
    wait_until(lambda: daemon.events("tier_entered"), 20)
    target.say("grow 25")
    assert target.process.wait(30) == -signal.SIGKILL
    ended = time.time()
    (event,) = wait_until(lambda: daemon.events("autopsy"), 20)
    assert "estimated" not in event["facts"]
    assert datetime.fromisoformat(event["time"]).timestamp() - ended < 2  # not at the next look, up to 30 s later
