"""Is a real process brought back by its own hooks, and what happens when its agent is not what it should be?"""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.act.processes import identity
from tests.live.daemon_run import Daemon, start_daemon
from tests.live.hooked import Wire, start_hooked, stopped  # noqa: F401 - a fixture

from brimwatch.hooks.wire import socket_name

pytestmark = pytest.mark.live

CONFIG = """
global: {{interval: 100ms, run_dir: {run_dir}}}
targets: [{{name: app, match: {{pid: {pid}}}, policy: p}}]
policies:
  p:
    cooldown: {cooldown}
    tiers:
      critical: {{when: {{rss: 150MB}}, do: [{do}]}}
actions:
  purge: {{hook: {{names: [piles], timeout: 1s}}}}
  absent: {{hook: {{names: [no-such-hook]}}}}
"""


@pytest.fixture
def watch(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Any:
    def begin(pid: int, do: str = "purge", cooldown: str = "1s", folder: str = "daemon") -> Daemon:
        place = tmp_path / folder
        place.mkdir()
        config = CONFIG.format(run_dir=tmp_path / "run", pid=pid, do=do, cooldown=cooldown)
        daemon = start_daemon(spawn, wait_until, free_port(), place, config)
        wait_until(lambda: daemon.metric("brimwatch_target_processes", target="app") == 1, 20)
        return daemon

    return begin


def ended(daemon: Daemon) -> list[dict[str, Any]]:
    names = ("action_ran", "action_failed", "action_suppressed")
    flat = [{**one, **one["facts"]} for one in daemon.events() if one["event"] in names]
    return [one for one in flat if one.get("reason") != "cooldown"]


def test_a_process_is_brought_back_from_critical_by_its_hook(
    spawn: Any, wait_until: Any, watch: Any, tmp_path: Path
) -> None:
    program = start_hooked(spawn, tmp_path / "run")
    program.take(200)  # before it is watched: else it is asked while it still takes
    daemon = watch(program.pid)
    done = wait_until(lambda: ended(daemon), 20)[0]
    wait_until(lambda: daemon.metric("brimwatch_target_tier", target="app") == 0, 20)
    claimed = daemon.metric("brimwatch_hook_claimed_bytes_total", target="app", hook="piles")
    measured = daemon.metric("brimwatch_action_reclaimed_bytes_total", target="app", action="purge")

    assert done["event"] == "action_ran"
    assert (done["claimed_bytes"], claimed) == (200_000_000, 200_000_000)
    assert 190e6 < done["reclaimed_bytes"] == measured < 210e6
    assert "piles (" in done["detail"]


def test_what_the_agent_says_is_shown_and_it_hears_its_tier(
    spawn: Any, wait_until: Any, watch: Any, tmp_path: Path
) -> None:
    program = start_hooked(spawn, tmp_path / "run")
    program.take(20)
    daemon = watch(program.pid)
    footprint = "brimwatch_hook_footprint_bytes"
    assert wait_until(lambda: daemon.metric(footprint, target="app", hook="piles-size"), 20) == 20e6
    assert daemon.metric("brimwatch_cache_hit_ratio", target="app", cache="piles-size") == 0.25
    assert daemon.metric("brimwatch_hook_info_value", target="app", hook="piles-size", key="piles") == 20
    # The figures of the process are in the sample from its next look on.
    objects = "brimwatch_target_python_objects"
    wait_until(lambda: (daemon.metric(objects, target="app", source="agent") or 0) > 1000, 10)
    wait_until(lambda: (daemon.metric("brimwatch_target_python_threads", target="app") or 0) >= 2, 10)
    assert daemon.metric("brimwatch_target_python_gc_collections_total", target="app", generation="2") is not None
    assert daemon.metric("brimwatch_collector_capable", target="app", collector="agent") == 1
    status = (
        "print(hooks.status()['tier'], hooks.status()['stats']['tier_source'], hooks.status()['stats']['thresholds'])"
    )
    wait_until(lambda: program.run(status) == "calm daemon {'critical': 150000000}", 10)


def test_the_tier_is_told_at_once_when_it_is_entered(spawn: Any, wait_until: Any, watch: Any, tmp_path: Path) -> None:
    program = start_hooked(spawn, tmp_path / "run")
    program.run("heard = []; hooks.on_tier(heard.append)")
    daemon = watch(program.pid, "absent", cooldown="1h")
    wait_until(lambda: "daemon" in program.run("print(hooks.status()['stats']['tier_source'])"), 20)
    program.take(200)
    wait_until(lambda: "critical" in program.run("print(heard)"), 5)
    program.run("drop_piles(None)")
    wait_until(lambda: "calm" in program.run("print(heard)").partition("critical")[2], 5)
    assert [(one["event"], one["reason"]) for one in ended(daemon)] == [("action_suppressed", "not_found")]


def test_a_killed_agent_costs_nothing(spawn: Any, wait_until: Any, watch: Any, tmp_path: Path) -> None:
    program = start_hooked(spawn, tmp_path / "run")
    daemon = watch(program.pid)
    wait_until(lambda: daemon.metric("brimwatch_target_python_threads", target="app"), 20)
    program.process.kill()
    program.process.wait(10)
    wait_until(lambda: daemon.metric("brimwatch_target_up", target="app") == 0, 10)
    assert os.listdir(tmp_path / "run") != []
    assert daemon.metric("brimwatch_target_python_threads", target="app") is None
    assert daemon.status_of("/-/healthy") == 200
    assert daemon.events("internal_fault") == []


def test_an_agent_that_hangs_is_a_deadline(
    spawn: Any,
    wait_until: Any,
    watch: Any,
    tmp_path: Path,
    stopped: list[int],  # noqa: F811
) -> None:
    program = start_hooked(spawn, tmp_path / "run")
    program.take(200)
    os.kill(program.pid, signal.SIGSTOP)
    stopped.append(program.pid)
    daemon = watch(program.pid)
    first = wait_until(lambda: ended(daemon), 20)[0]
    assert (first["event"], first["reason"]) == ("action_failed", "deadline")
    assert daemon.status_of("/-/healthy") == 200


def test_the_second_daemon_is_told_that_the_first_has_it(
    spawn: Any, wait_until: Any, watch: Any, tmp_path: Path
) -> None:
    program = start_hooked(spawn, tmp_path / "run")
    first = watch(program.pid, folder="first")
    wait_until(lambda: "daemon" in program.run("print(hooks.status()['stats']['tier_source'])"), 20)
    second = watch(program.pid, folder="second")
    wait_until(lambda: second.events("collector_blind"), 20)
    program.take(200)
    refused = wait_until(lambda: ended(second), 20)[0]
    wait_until(lambda: ended(first), 20)
    assert (refused["event"], refused["reason"]) == ("action_suppressed", "busy")
    assert [one["event"] for one in ended(first)] == ["action_ran"]
    assert "another daemon looks after this process" in second.events("collector_blind")[0]["facts"]["detail"]


def test_a_program_with_a_thousand_hooks_has_few_series(
    spawn: Any, wait_until: Any, watch: Any, tmp_path: Path
) -> None:
    program = start_hooked(spawn, tmp_path / "run")
    program.run("for n in range(1000): hooks.register('h%d' % n, size=lambda: 5, function=lambda request: 1)")
    daemon = watch(program.pid, "reclaim")
    wait_until(lambda: daemon.metric("brimwatch_hook_footprint_bytes", target="app"), 20)
    program.take(200)
    wait_until(lambda: ended(daemon), 20)
    series = [
        line for line in daemon.get("/metrics").splitlines() if line.startswith(("brimwatch_hook_", "brimwatch_cache"))
    ]
    assert 8 <= len(series) <= 32
    assert (daemon.metric("brimwatch_series_dropped_total") or 0) > 900


MAD = """
import os, socket, sys
held = bytearray(b'x' * 200_000_000)
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1].replace('PID', str(os.getpid())))
s.listen(9)
print('ready', flush=True)
while True:
    c, _ = s.accept()
    c.recv(65536)
    try:
        c.sendall(eval(sys.argv[2]))
    except OSError:
        pass
    c.close()
"""
LIE = """(b'HTTP/1.1 200 OK\\r\\n\\r\\n{"pid": 1, "rss_bytes": 1,'
b'"claimed_bytes": 1e300, "reclaimed_bytes": 4611686018427387903, "hooks": ['
b'{"name": "a", "outcome": "ran", "claimed_bytes": 4611686018427387000},'
b'{"name": "\\\\u001b[2J", "outcome": "ran"}]}')"""


@pytest.mark.parametrize(
    ("answer", "event", "reason"),
    [
        pytest.param("os.urandom(100_000)", "action_failed", "error", id="garbage"),
        pytest.param("b'HTTP/1.1 200 OK\\r\\n\\r\\n' + b'[' * 50_000_000", "action_failed", "error", id="without end"),
        pytest.param(LIE, "action_ran", None, id="a lie"),
    ],
)
def test_an_agent_that_is_mad_costs_its_own_outcome(
    spawn: Any, wait_until: Any, watch: Any, tmp_path: Path, answer: str, event: str, reason: str | None
) -> None:
    (tmp_path / "run").mkdir()
    path = str(tmp_path / "run" / "PID.sock")
    program = spawn([sys.executable, "-c", MAD, path, answer], stdout=subprocess.PIPE)
    assert program.stdout.readline() == b"ready\n"
    daemon = watch(program.pid)
    first = wait_until(lambda: ended(daemon), 20)[0]
    assert (first["event"], first.get("reason")) == (event, reason)
    assert (daemon.metric("brimwatch_action_reclaimed_bytes_total", target="app") or 0) < 1e6
    assert daemon.status_of("/-/healthy") == 200
    assert "\x1b" not in daemon.get("/metrics") + daemon.log_file.read_text()
    assert daemon.events("internal_fault") == []


@pytest.mark.parametrize("linked", [False, True], ids=["a foreign process listening", "a link to another service"])
def test_nobody_else_is_asked_in_its_place(
    spawn: Any, wait_until: Any, watch: Any, tmp_path: Path, linked: bool
) -> None:
    program = spawn([sys.executable, "-c", "held = bytearray(b'x' * 200_000_000); input()"], stdin=subprocess.PIPE)
    (tmp_path / "run").mkdir()
    place = tmp_path / "run" / socket_name(program.pid, identity(program.pid).start_ticks)
    with socket.socket(socket.AF_UNIX) as service:
        service.bind(str(tmp_path / "service") if linked else str(place))
        service.listen()
        service.settimeout(0.1)
        if linked:
            place.symlink_to(tmp_path / "service")
        daemon = watch(program.pid)
        first = wait_until(lambda: ended(daemon), 20)[0]
        received = b""
        try:
            client, _ = service.accept()
            with client:
                received = client.recv(65536)
        except TimeoutError:
            pass
    assert (first["event"], first["reason"], received) == ("action_failed", "denied", b"")
    assert ("symbolic link" if linked else f"process {os.getpid()} listens") in first["detail"]


def test_when_the_daemon_is_killed_the_process_goes_on_by_itself(
    spawn: Any, wait_until: Any, watch: Any, tmp_path: Path
) -> None:
    program = start_hooked(spawn, tmp_path / "run")
    daemon = watch(program.pid)
    wait_until(lambda: "daemon" in program.run("print(hooks.status()['stats']['tier_source'])"), 20)
    daemon.process.kill()
    daemon.process.wait(10)
    # The tier was told for 30 s; nobody but the test may say sooner that it is over.
    (name,) = os.listdir(tmp_path / "run")
    told, _ = Wire(str(tmp_path / "run" / name)).ask("PUT", "/v1/tier", {"tier": "calm", "expires_seconds": 0.2})
    program.take(200)
    assert told == 200
    wait_until(lambda: program.run("print(len(piles))") == "0", 20)
