"""Does a sidecar as it really is find the application, read its limit, ask it, signal it, and win memory back?

Two containers share a PID namespace and the network. The sidecar is the application's user, has no capability, may gain
none, and can write nowhere but to a volume.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.deploy.container.pod import Pod, write_volume
from tests.deploy.container.runc import Box, tmpfs
from tests.live.daemon_run import Daemon
from tests.live.hooked import Hooked

pytestmark = pytest.mark.live

LIMIT = 400 << 20  # whole pages, so that it is read back as it was written
CONFIG = r"""
global: {{interval: 100ms}}
targets: [{{name: app, match: {{cmdline: 'hooked\.py'}}, policy: p}}]
policies:
  p:
    tiers:
      critical: {{when: {{working_set: {share}%}}, do: [{action}]}}
actions:
  usr1: {{signal: SIGUSR1}}
"""
SOURCES = ("cgroup", "limit_file")
GIVES_BACK = "import signal; signal.signal(signal.SIGUSR1, lambda *_: piles.clear())"


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def is_read_only(pid: int, point: str) -> bool:
    lines = (line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines())
    return "ro" in next(line[5] for line in lines if line[4] == point).split(",")


@pytest.fixture
def beside(pod: Pod, tmp_path: Path, wait_until: Any, free_port: Any) -> Any:
    """`beside(action, share)`: the sidecar, once it watches the application."""

    def start(action: str, share: int = 50, **options: Any) -> Daemon:
        volume = write_volume(tmp_path, CONFIG.format(action=action, share=share))
        daemon: Daemon = pod.sidecar(Box([], **options), volume, free_port(), wait_until)
        wait_until(lambda: daemon.metric("brimwatch_target_working_set_bytes", target="app"), 20)
        return daemon

    return start


@pytest.mark.parametrize(
    ("own_cgroup", "volumes", "address"),
    [
        pytest.param(False, ["/tmp"], "/tmp/brimwatch-1000/", id="a socket in a volume of the application's"),
        pytest.param(True, [], "@brimwatch-1000-", id="its own cgroup namespace, and nowhere to put a socket"),
    ],
)
def test_a_sidecar_reads_the_limit_asks_the_agent_and_wins_memory_back(
    pod: Pod, beside: Any, wait_until: Any, own_cgroup: bool, volumes: list[str], address: str
) -> None:
    app = pod.hooked(Box([], memory=LIMIT, mounts=[tmpfs(point) for point in volumes], cgroup_namespace=own_cgroup))
    assert app.run("print(hooks.status()['agent']['address'])").startswith(address)
    app.take(250)  # all of it, before anybody asks
    daemon = beside("reclaim", cgroup_namespace=own_cgroup)
    event = wait_until(lambda: daemon.events("action_ran"), 20)[0]
    assert daemon.metric("brimwatch_target_memory_limit_bytes", target="app", source="cgroup") == LIMIT
    assert "piles (250.0 MB claimed)" in event["facts"]["detail"]
    assert event["facts"]["reclaimed_bytes"] > 100_000_000
    assert app.run("print(len(piles))") == "0"
    won = daemon.metric("brimwatch_action_reclaimed_bytes_total", target="app", action="reclaim")
    assert won == event["facts"]["reclaimed_bytes"]
    own = pod.pid("sidecar")
    assert is_read_only(own, "/")
    about = status_of(own)
    assert (about["Uid"].split()[0], about["CapPrm"], about["CapBnd"]) == ("1000", "0" * 16, "0" * 16)
    assert (about["NoNewPrivs"], about["Seccomp"]) == ("1", "2")
    assert {one["event"] for one in daemon.log()}.isdisjoint({"journal_failed", "artefact_failed", "collector_blind"})
    kept = daemon.events("tier_entered")[0]["facts"]["artefact"]
    assert kept.startswith("/storage/state/artefacts/")
    wait_until(Path(f"/proc/{own}/root{kept}").exists, 10)


def test_the_limit_of_the_application_is_not_that_of_the_sidecar(pod: Pod, beside: Any) -> None:
    pod.hooked(Box([], memory=LIMIT))
    daemon = beside("reclaim", memory=LIMIT // 2)
    assert daemon.metric("brimwatch_target_memory_limit_bytes", target="app") == LIMIT


def test_another_user_goes_by_the_limit_that_a_file_tells(
    pod: Pod, tmp_path: Path, wait_until: Any, free_port: Any
) -> None:
    """The application's cgroup is out of reach; the file is what the downward API writes into a volume."""
    config = CONFIG.format(action="usr1", share=50).replace("working_set", "rss")
    config = config.replace("policy: p}]", "policy: p, as: group, limit_file: /config/limits}]")
    volume = write_volume(tmp_path, config)
    (volume / "limits").write_text(f"{LIMIT}\n")
    app = pod.hooked(Box([], memory=LIMIT))
    daemon = pod.sidecar(Box([], uid=2000, gid=2000), volume, free_port(), wait_until)
    limit = "brimwatch_target_memory_limit_bytes"
    wait_until(lambda: daemon.metric(limit, target="app", source="file") == LIMIT, 20)
    able = {one: daemon.metric("brimwatch_collector_capable", target="app", collector=one) for one in SOURCES}
    assert able == {"cgroup": 0, "limit_file": 1}
    app.take(250)
    (entered,) = wait_until(lambda: daemon.events("tier_entered"), 20)
    assert (entered["facts"]["limit_bytes"], entered["facts"]["limit_source"]) == (LIMIT, "file")
    assert daemon.metric("brimwatch_target_headroom_bytes", target="app") is None
    (volume / "limits").write_text("max")
    wait_until(lambda: daemon.metric(limit, target="app", source="file") is None, 20)
    assert daemon.metric("brimwatch_collector_capable", target="app", collector="limit_file") == 0


def test_an_application_that_was_pid_1_is_not_killed_by_a_signal_that_it_does_not_catch(
    pod: Pod, beside: Any, wait_until: Any
) -> None:
    alone = pod.hooked(Box([]), "alone", own_pids=True)
    os.kill(pod.pid("alone"), signal.SIGUSR1)  # as PID 1 the kernel shields it
    assert alone.run("print('lives')") == "lives"
    other = pod.hooked(Box([]), "other")
    os.kill(pod.pid("other"), signal.SIGUSR1)  # beside a pause it is a process like any other
    assert other.process.wait(20) == 128 + signal.SIGUSR1
    app = pod.hooked(Box([], memory=LIMIT))
    daemon = beside("usr1")
    app.take(250)
    (refused,) = wait_until(lambda: daemon.events("action_suppressed"), 20)
    assert refused["facts"]["reason"] == "no_handler"
    assert app.run("print(len(piles))") == "250"


def test_a_signal_that_the_application_catches_wins_memory_back(pod: Pod, beside: Any, wait_until: Any) -> None:
    app = pod.hooked(Box([], memory=LIMIT))
    app.run(GIVES_BACK)
    app.take(250)  # all of it, as above: memory that is freed below what is just being made stays mapped
    daemon = beside("usr1")
    event = wait_until(lambda: daemon.events("action_ran"), 20)[0]
    assert event["facts"]["reclaimed_bytes"] > 100_000_000
    assert wait_until(lambda: psutil.Process(pod.pid("app")).memory_info().rss < 100_000_000, 10)


def reloaded(daemon: Daemon) -> tuple[float | None, float | None]:
    threshold = daemon.metric("brimwatch_target_threshold", target="app", tier="critical")
    return daemon.metric("brimwatch_config_last_reload_successful"), threshold


def test_a_configuration_is_read_again_when_the_volume_is_swapped_for_a_new_one(
    pod: Pod, beside: Any, wait_until: Any, tmp_path: Path
) -> None:
    pod.hooked(Box([], memory=LIMIT))
    daemon = beside("reclaim")
    assert reloaded(daemon) == (1, LIMIT / 2)
    write_volume(tmp_path, CONFIG.format(action="reclaim", share=75))
    wait_until(lambda: reloaded(daemon) == (1, LIMIT * 0.75), 20)
    write_volume(tmp_path, CONFIG.format(action="nonsense", share=75))
    wait_until(lambda: reloaded(daemon) == (0, LIMIT * 0.75), 20)
    assert daemon.status_of("/-/healthy") == 200


def hold_until_killed(app: Hooked) -> int:
    """Take memory until the kernel ends it; the exit code of its container."""
    app.process.stdin.write(b"take(1000)\n")
    app.process.stdin.flush()
    return int(app.process.wait(60))


def kills(daemon: Daemon) -> dict[str, float | None]:
    evidence = ("cgroup", "exit", "inferred")
    return {one: daemon.metric("brimwatch_target_oom_kills_total", target="app", evidence=one) for one in evidence}


def test_the_end_of_an_application_at_its_limit_is_counted_with_its_evidence(
    pod: Pod, beside: Any, wait_until: Any
) -> None:
    """Its cgroup is removed within milliseconds: what is not counted by then is known by how the process ended."""
    app = pod.hooked(Box([], memory=LIMIT))
    daemon = beside("usr1")
    assert kills(daemon) == {"cgroup": 0, "exit": 0, "inferred": 0}
    assert hold_until_killed(app) == 128 + signal.SIGKILL
    event = wait_until(lambda: daemon.events("oom_killed"), 20)[0]
    assert sum(value or 0 for value in kills(daemon).values()) == 1
    assert kills(daemon)[event["facts"]["evidence"]] == 1
    about = wait_until(lambda: daemon.events("autopsy"), 20)[0]["facts"]
    assert about["limit_bytes"] == LIMIT
