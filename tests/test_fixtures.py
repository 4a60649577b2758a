"""Do the shared fixtures of tests/conftest.py keep their word?"""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

TESTS = Path(__file__).parent


def run_pytest(folder: Path, source: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run one test file in a pytest of its own that has nothing but the fixtures."""
    file = folder / "test_inner.py"
    file.write_text("import os, subprocess, conftest, pytest\nconftest.GRACE = 0.5\n" + source)
    inherited = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rs",
        "-p",
        "conftest",
        "-c",
        os.devnull,
        "--rootdir",
        str(folder),
        str(file),
    ]
    settings = inherited | {"PYTHONPATH": str(TESTS)} | environment
    return subprocess.run(command, capture_output=True, text=True, env=settings, timeout=60)


def left_pid(folder: Path) -> int:
    return int((folder / "pid").read_text())


LEAK = """
@pytest.mark.live
def test_leaks():
    {start}
"""
CHILD = 'open({pid!r}, "w").write(str(subprocess.Popen(["sleep", "60"]).pid))'
ORPHAN = 'subprocess.run(["sh", "-c", "setsid sleep 60 >/dev/null 2>&1 & echo $! > {pid}"])'


@pytest.mark.parametrize("start", [CHILD, ORPHAN], ids=["a child is left", "an orphan in its own session is left"])
def test_a_live_test_that_leaves_a_process_fails_and_the_process_is_ended(tmp_path: Path, start: str) -> None:
    result = run_pytest(tmp_path, LEAK.format(start=start.format(pid=str(tmp_path / "pid"))))

    assert f"left running: {left_pid(tmp_path)} sleep 60" in result.stdout
    assert result.returncode == 1
    assert not psutil.pid_exists(left_pid(tmp_path)) or psutil.Process(left_pid(tmp_path)).status() == "zombie"


def test_spawn_ends_a_process_that_ignores_sigterm_and_its_children(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; sleep 61 & echo $! > {pid}; wait; wait"
    source = f"""
@pytest.mark.live
def test_spawns(spawn, wait_until):
    spawn(["sh", "-c", {stubborn.format(pid=tmp_path / "pid")!r}])
    wait_until(lambda: os.path.exists({str(tmp_path / "pid")!r}) and os.path.getsize({str(tmp_path / "pid")!r}))
"""
    result = run_pytest(tmp_path, source)

    assert (result.returncode, "1 passed" in result.stdout) == (0, True), result.stdout
    assert not psutil.pid_exists(left_pid(tmp_path)) or psutil.Process(left_pid(tmp_path)).status() == "zombie"


NEEDS = """
def test_needs(component):
    component("promtool")
"""


@pytest.mark.parametrize(
    ("ci", "word", "code"),
    [("", "1 skipped", 0), ("true", "1 failed", 1)],
    ids=["a missing program is a skip", "a missing program is a failure with CI=true"],
)
def test_a_missing_program_says_how_to_get_it(tmp_path: Path, ci: str, word: str, code: int) -> None:
    result = run_pytest(tmp_path, NEEDS, PATH=str(tmp_path), CI=ci)

    assert "promtool is not installed: `make test` as root brings it, or `apt-get install prometheus`" in result.stdout
    assert (word in result.stdout, result.returncode) == (True, code)


def test_waiting_in_vain_says_for_what(tmp_path: Path) -> None:
    result = run_pytest(
        tmp_path,
        """
def test_waits(wait_until):
    def ready():
        return 0
    wait_until(ready, 0.05)
""",
    )

    assert "TimeoutError: after 0.05 s ready was still 0" in result.stdout
