"""Does policy `medical` enter and leave its tiers as written: on a machine, and on a service in a container's limit?"""

import functools
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Daemon, start_daemon
from tests.live.memory_cgroup import MemoryCgroup, memory_cgroup
from tests.rag.test_emergency import ran
from tests.targets.rag_service.load import Load
from tests.targets.rag_service.passages import as_asked, passages, questions

pytestmark = pytest.mark.live

TOTAL = 16_000_000  # kB of the machine that the daemon is shown
HOST = "global: {interval: 100ms}\ntargets: [{name: host, match: {host: true}, policy: medical}]\n"
SERVICE = """
global: {{interval: 200ms, run_dir: {run_dir}}}
targets: [{{name: rag, match: {{pid: {pid}}}, policy: medical}}]
"""


class Machine:
    """A /proc/meminfo of our own, which one process is shown by a mount that only it sees."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self.use(40)

    def use(self, percent: float) -> None:
        """Written at one go and always as long, so that no reader ever meets half of it."""
        available = round(TOTAL * (1 - percent / 100))
        lines = {"MemTotal": TOTAL, "MemFree": available, "MemAvailable": available, "SwapTotal": 0, "SwapFree": 0}
        text = "".join(f"{name + ':':16}{value:8} kB\n" for name, value in lines.items())
        with self.path.open("r+b", buffering=0) as file:
            file.write(text.encode())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        reason = f"no mount of its own for a process (that takes root): {tried.stderr.strip()}"
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return Machine(tmp_path / "meminfo")


def held_by(cgroup: MemoryCgroup) -> int:
    """Its working set: what it uses without file pages that would go first."""
    name = "memory.usage_in_bytes" if cgroup.version == 1 else "memory.current"
    used = int(Path(cgroup.directory, name).read_text())
    lines = dict(line.split() for line in Path(cgroup.directory, "memory.stat").read_text().splitlines())
    return used - int(lines["total_inactive_file" if cgroup.version == 1 else "inactive_file"])


def entered(daemon: Daemon) -> list[str]:
    return [event["facts"]["after"] for event in daemon.events("tier_entered")]


def test_a_machine_enters_critical_at_the_second_reading_and_emergency_and_is_calm_again(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, machine: Machine
) -> None:
    shown = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /proc/meminfo && exec "$@"', str(machine.path)]
    daemon = start_daemon(
        lambda words, **options: spawn([*shown, *words], **options), wait_until, free_port(), tmp_path, HOST
    )

    def tier() -> float | None:
        return daemon.metric("brimwatch_target_tier", target="host")

    assert wait_until(lambda: daemon.metric("brimwatch_host_memory_used_ratio"), 10) == pytest.approx(0.4, abs=0.001)
    assert tier() == 0

    def seen(percent: float) -> bool:
        return daemon.metric("brimwatch_host_memory_used_ratio") == pytest.approx(percent / 100, abs=1e-3)

    found = []
    for percent in (70, 85, 90, 82, 80.5, 77, 76, 64, 62):
        machine.use(percent)
        wait_until(functools.partial(seen, percent))
        time.sleep(0.4)  # four looks: a tier that is not entered or left by then is not going to be
        found.append(tier())
    assert found == [1, 2, 3, 3, 2, 2, 1, 1, 0]
    assert entered(daemon) == ["warning", "critical", "emergency"]


def test_a_service_in_a_container_is_brought_from_emergency_to_calm_by_its_share_of_the_limit(
    start: Any, spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    with memory_cgroup() as cgroup:
        cgroup.limit(1_000_000_000)
        join = ("sh", "-c", f'echo $$ > {cgroup.directory}/cgroup.procs; exec "$@"', "sh")
        service = start("rescued", *join)
        load = Load(service.port, as_asked(questions(passages(), 200)), clients=2, pause=0.01)
        try:
            service.post("/replay", {"rss_bytes": 600_000_000})
            limit = int(held_by(cgroup) / 0.92)
            cgroup.limit(limit)
            text = SERVICE.format(run_dir=tmp_path / "run", pid=service.pid)
            daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, text)
            done = wait_until(lambda: ran(daemon, "reclaim"), 20)
            wait_until(lambda: daemon.metric("brimwatch_target_tier", target="rag") == 0, 20)
        finally:
            answers = load.end()
        left = held_by(cgroup)
        service.process.terminate()
        service.process.wait(20)

    assert done["reclaimed_bytes"] > 250_000_000
    assert {one.status for one in answers} == {200}
    assert left < 0.63 * limit
