"""Is a job that forks judged as one, and what becomes of those that leave their parents or outlive them?"""

import os
import signal
from pathlib import Path

import psutil
import pytest
from tests.live.guard_run import account, guard, script

pytestmark = pytest.mark.live

WORKERS = """
import os, sys, time
for _ in range(3):
    if os.fork() == 0:
        held = bytearray(50_000_000); time.sleep(float(sys.argv[1])); os._exit(0)
for _ in range(3): os.wait()
"""
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        held = bytearray(80_000_000); time.sleep(float(sys.argv[1])); os._exit(0)
    os._exit(0)
os.wait()
time.sleep(float(sys.argv[2]))
"""
ORPHANS = """
import os, time
for _ in range(50):
    if os.fork() == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.wait()
time.sleep(0.5)
"""


def test_a_job_that_forks_is_judged_by_its_sum(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    flags = ("--critical", "rss=120MB", "--interval", "50ms", "--summary", str(out))
    assert guard(*flags, "--", *script(WORKERS), "1").returncode == 0
    found = account(out)
    assert [one["tier"] for one in found["tiers"]] == ["critical"]
    assert found["most_processes"] == 4
    assert found["peak_group_rss_bytes"] > 150_000_000 > 80_000_000 > found["peak_process_rss_bytes"]


def test_with_each_every_process_is_judged_by_itself(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    flags = ("--each", "--critical", "rss=120MB", "--interval", "50ms", "--summary", str(out))
    assert guard(*flags, "--", *script(WORKERS), "1").returncode == 0
    assert account(out)["tiers"] == []


def test_a_descendant_that_left_its_parents_and_session_stays_in_the_sum(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    flags = ("--critical", "rss=75MB", "--interval", "50ms", "--summary", str(out))
    assert guard(*flags, "--", *script(DAEMON), "1", "1.5").returncode == 0
    found = account(out)
    assert [one["tier"] for one in found["tiers"]] == ["critical"]
    assert found["orphans_reaped"] == 1
    assert found["left_running"] == []


def test_what_outlives_the_command_is_named_and_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    result = guard("--summary", str(out), "--", "sh", "-c", "exec >&- 2>&-; sleep 30 & exit 2")
    (left,) = account(out)["left_running"]
    os.kill(left["pid"], signal.SIGKILL)
    assert result.returncode == 2
    assert left["comm"] == "sleep"
    assert "still running:" in result.stderr


def test_orphans_do_not_stay_zombies(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    assert guard("--summary", str(out), "--", *script(ORPHANS)).returncode == 0
    assert account(out)["orphans_reaped"] == 50


def test_an_emergency_ends_what_the_command_leaves_behind_as_well(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    flags = ("--emergency", "rss=75MB", "--emergency-signal", "SIGTERM", "--grace", "2s", "--interval", "50ms")
    assert guard(*flags, "--summary", str(out), "--", *script(DAEMON), "60", "60").returncode == 143
    found = account(out)
    ran = [(one["action"], one["result"]) for one in found["actions"]]
    assert ran == [("emergency-signal", "ran"), ("emergency-signal-rest", "ran")]
    assert found["left_running"] == []
    assert [
        one for one in psutil.process_iter() if one.ppid() == os.getpid() and "held = bytearray" in one.name()
    ] == []
