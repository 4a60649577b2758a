"""What does a guard show while the command runs, and does a fault of its own leave the command alone?"""

import os
import pty
import select
import subprocess
import urllib.request
from typing import Any

import pytest
from tests.live.guard_run import GUARD, guard

pytestmark = pytest.mark.live


def through_terminal(words: list[str], stdout: int | None) -> tuple[str, int]:
    """Run a command whose standard error is a terminal; what that showed, and the exit code."""
    screen, inside = pty.openpty()
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=inside if stdout is None else stdout, stderr=inside
    )
    os.close(inside)
    seen = b""
    while select.select([screen], [], [], 20)[0]:
        try:
            chunk = os.read(screen, 4096)
        except OSError:  # all of the other side is closed
            break
        seen += chunk
    os.close(screen)
    return seen.decode(), process.wait(20)


def test_a_status_line_is_drawn_where_the_output_goes_elsewhere() -> None:
    seen, code = through_terminal([*GUARD, "--", "sleep", "1.5"], subprocess.DEVNULL)
    assert code == 0
    assert "\r\x1b[Kbrimwatch: " in seen
    assert seen.count("\r\x1b[K") >= 2
    assert seen.rpartition("\x1b[K")[2].startswith("brimwatch: summary of sleep 1.5")


def test_no_line_is_drawn_over_a_command_that_prints_to_the_same_terminal() -> None:
    seen, _ = through_terminal([*GUARD, "--", "sleep", "1.5"], None)
    assert "\x1b" not in seen


def test_a_line_comes_at_each_interval() -> None:
    result = guard("--progress-interval", "1s", "--", "sleep", "2.5")
    assert sum("rss" in line and "peak" in line and "calm" in line for line in result.stderr.splitlines()) == 2


def test_progress_off_leaves_log_and_summary() -> None:
    result = guard("--progress", "off", "--warning", "rss=100kB", "--", "sleep", "1.5")
    lines = result.stderr.splitlines()
    assert sum("warning job entered warning" in line for line in lines) == 1
    assert any(line.startswith("brimwatch: summary") for line in lines)


def test_metrics_are_served_where_an_address_is_given(spawn: Any, wait_until: Any, free_port: Any) -> None:
    address = f"127.0.0.1:{free_port()}"
    spawn([*GUARD, "--web.listen-address", address, "--", "sleep", "30"], stderr=subprocess.DEVNULL)

    def shown() -> bool:
        try:
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
                return 'brimwatch_target_up{target="job"} 1' in answer.read().decode()
        except OSError:
            return False

    wait_until(shown, 20)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param("from brimwatch.runtime import engine; del engine.Engine", "cannot begin", id="at the import"),
        pytest.param(
            "from brimwatch.runtime import service; service.Service.run = None", "has failed", id="when it starts"
        ),
        pytest.param(
            "from brimwatch.runtime.guarding import course; course.Course.look = None",
            "has failed",
            id="while it watches",
        ),
    ],
)
def test_a_fault_of_ours_is_told_once_and_the_command_goes_on(fault: str, told: str) -> None:
    broken = f"import sys; {fault}; from brimwatch.cli.main import main; sys.exit(main(sys.argv[1:]))"
    words = [GUARD[0], "-c", broken, "guard", "--", "sh", "-c", "sleep 1; echo done; exit 5"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (5, "done\n")
    assert result.stderr.count("brimwatch: the watch") == 1
    assert told in result.stderr
    assert "brimwatch:   unwatched" in result.stderr
    assert "Traceback" not in result.stderr
