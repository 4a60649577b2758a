"""What stays behind of processes that come and go, or of too many at once? Nothing, and the daemon lives on."""

import os
import resource
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import grower, start_daemon

pytestmark = pytest.mark.live

BIRTHS = 10_000
# Births as fast as this machine forks, with enough alive at any moment that passes meet them in every state.
NURSERY = f"""
import os, time
alive = []
for birth in range({BIRTHS}):
    pid = os.fork()
    if pid == 0:
        time.sleep(0.2)
        os._exit(0)
    alive.append(pid)
    if len(alive) >= 100:
        os.waitpid(alive.pop(0), 0)
for pid in alive:
    os.waitpid(pid, 0)
print("done", flush=True)
import sys; sys.stdin.read()
"""
FAMILY = """
import os, sys, time
for child in range(500):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
print("done", flush=True)
sys.stdin.read()
"""


@pytest.mark.timeout(300)
def test_ten_thousand_births_and_deaths_leave_no_descriptor_series_or_task(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    nursery = spawn(
        [sys.executable, "-c", "import sys; sys.stdin.readline()\n" + NURSERY], stdin=-1, stdout=-1, text=True
    )
    config = (
        "global: {interval: 50ms}\n"
        f"targets: [{{name: nursery, match: {{pid: {nursery.pid}, children: true}}, policy: observe}}]\n"
    )
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
    wait_until(lambda: daemon.metric("brimwatch_target_processes", target="nursery") == 1, 10)
    descriptors = settled_descriptors(daemon.process.pid, wait_until)

    nursery.stdin.write("go\n")
    nursery.stdin.flush()
    most = 0.0
    while not nursery_done(nursery):
        most = max(most, daemon.metric("brimwatch_target_processes", target="nursery") or 0)
    wait_until(lambda: daemon.metric("brimwatch_target_processes", target="nursery") == 1, 30)

    seen = sum(line.get("event") == "member_found" for line in daemon.log())
    assert most > 20
    assert seen > 500
    assert daemon.events("internal_fault") == []
    assert settled_descriptors(daemon.process.pid, wait_until) <= descriptors + 3  # a scrape's own connections
    series = [line for line in daemon.get("/metrics").splitlines() if 'target="nursery"' in line]
    assert [line for line in series if "member=" in line and 'member="0"' not in line] == []
    assert len(series) <= 60
    assert daemon.json("/api/v1/status")["rungs_running"] == 0


def settled_descriptors(pid: int, wait_until: Any) -> int:
    """How many descriptors the daemon holds, once ten looks in a row find as many."""
    counts: list[int] = []

    def settled() -> bool:
        counts.append(len(os.listdir(f"/proc/{pid}/fd")))
        return len(counts) >= 10 and len(set(counts[-10:])) == 1

    wait_until(settled, 20.0, 0.1)
    return counts[-1]


def nursery_done(nursery: Any) -> bool:
    import select

    return bool(select.select([nursery.stdout], [], [], 0.2)[0])


def test_a_process_that_forks_500_children_is_one_group_with_all_of_them(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    family = spawn([sys.executable, "-c", FAMILY], stdin=-1, stdout=-1, text=True)
    assert family.stdout.readline() == "done\n"
    config = (
        "global: {interval: 200ms}\n"
        f"targets: [{{name: family, match: {{pid: {family.pid}, children: true}}, as: group, policy: observe}}]\n"
    )
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
    wait_until(lambda: daemon.metric("brimwatch_target_processes", target="family") == 501, 10)
    wait_until(lambda: (daemon.metric("brimwatch_target_resident_memory_bytes", target="family") or 0) > 501 * 1e6, 10)
    assert daemon.events("internal_fault") == []


def test_members_beyond_the_64_slots_are_watched_and_counted_without_series(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    family = spawn([sys.executable, "-c", FAMILY], stdin=-1, stdout=-1, text=True)
    assert family.stdout.readline() == "done\n"
    config = (
        "global: {interval: 200ms}\n"
        f"targets: [{{name: family, match: {{pid: {family.pid}, children: true}}, policy: observe}}]\n"
    )
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
    wait_until(lambda: daemon.metric("brimwatch_target_processes", target="family") == 501, 10)
    lines = daemon.get("/metrics").splitlines()
    members = [line for line in lines if line.startswith("brimwatch_target_resident_memory_bytes{")]
    assert len(members) == 64
    assert daemon.metric("brimwatch_series_dropped_total") > 0
    assert len(daemon.events("slots_exhausted")) == 1


def test_with_descriptors_used_up_every_member_is_still_measured(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    growers = [grower(spawn) for _ in range(20)]
    config = "global: {interval: 200ms}\ntargets:\n" + "".join(
        f"  - {{name: t{index}, match: {{pid: {one.pid}}}, policy: observe}}\n" for index, one in enumerate(growers)
    )
    few = (40, 40)
    daemon = start_daemon(
        spawn, wait_until, free_port(), tmp_path, config,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few),
    )  # fmt: skip
    wait_until(
        lambda: all(daemon.metric("brimwatch_target_resident_memory_bytes", target=f"t{n}") for n in range(20)), 15
    )
    assert daemon.status_of("/-/healthy") == 200
    assert len(daemon.events("descriptors_exhausted")) == 1
