"""Does a guard say that the kernel killed its command for lack of memory, and not say so of another SIGKILL?"""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.live.guard_run import GUARD, account, guard, script

pytestmark = pytest.mark.live

V1, V2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
LIMIT = 150_000_000
GROW = "held = []\nwhile True: held.append(bytearray(5_000_000))"


def without(reason: str) -> None:
    if os.environ.get("CI") == "true" and os.geteuid() == 0:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def cgroup() -> Iterator[str]:
    """A memory cgroup with a hard limit, of whichever version this machine has."""
    parent, limit = (V1, "memory.limit_in_bytes") if os.path.isdir(V1) else (V2, "memory.max")
    path = f"{parent}/brimwatch-guard-{uuid.uuid4().hex[:8]}"
    try:
        os.mkdir(path)
        Path(path, limit).write_text(str(LIMIT))
    except OSError as error:
        if os.path.isdir(path):
            os.rmdir(path)
        without(f"cannot make a memory cgroup: {error}; root with a writable cgroup tree is needed")
    yield path
    end = time.monotonic() + 10
    while True:  # the killed leave it a little later
        try:
            os.rmdir(path)
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def test_an_oom_kill_is_told_with_its_evidence(cgroup: str, tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    enter = ["sh", "-c", f'echo $$ > {cgroup}/cgroup.procs; exec "$@"', "sh"]
    words = [*enter, *GUARD, "--summary", str(out), "--", *script(GROW)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60)
    found = account(out)
    assert result.returncode == 137
    assert found["oom_kills"]["cgroup"] == 1
    assert found["why_killed"].startswith("the kernel killed it for lack of memory: its memory cgroup")
    assert "the kernel killed it for lack of memory" in result.stderr
    assert 50_000_000 < found["peak_process_rss_bytes"] < 160_000_000


def test_a_guard_stops_a_command_before_the_kernel_does(cgroup: str, tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    slowly = "import time\nheld = []\nwhile True: held.append(bytearray(2_000_000)); time.sleep(0.02)"
    enter = ["sh", "-c", f'echo $$ > {cgroup}/cgroup.procs; exec "$@"', "sh"]
    flags = ["--emergency", "working_set=80%", "--emergency-signal", "SIGTERM", "--summary", str(out)]
    words = [*enter, *GUARD, *flags, "--", *script(slowly)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60)
    found = account(out)
    assert result.returncode == 143
    assert found["oom_kills"] == {}
    assert found["limit"]["source"] == "cgroup"
    assert abs(found["limit"]["bytes"] - LIMIT) < 5000


def test_another_sigkill_is_not_taken_for_one(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    assert guard("--summary", str(out), "--", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")
    assert account(out)["why_killed"].startswith("killed, but no OOM kill is counted")
