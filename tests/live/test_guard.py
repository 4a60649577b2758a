"""Does a guarded command run as if nobody stood in between, and is it accounted for?"""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.live.guard_run import GROWER, GUARD, PYTHON, account, guard, script

pytestmark = pytest.mark.live

GROW = """
import sys, time
held = []
for _ in range(int(sys.argv[1])):
    held.append(bytearray(10_000_000)); time.sleep(float((sys.argv + ["0.05"])[2]))
"""


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(("true",), 0, id="success stays success"),
        pytest.param(("false",), 1, id="failure stays failure"),
        pytest.param(("sh", "-c", "exit 3"), 3, id="any other code is passed on"),
        pytest.param(("sh", "-c", "kill -TERM $$"), 143, id="a death by SIGTERM is 143"),
        pytest.param(("sh", "-c", "kill -KILL $$"), 137, id="a death by SIGKILL is 137"),
        pytest.param(("brimwatch-no-such-program",), 127, id="a program that is not found is 127"),
        pytest.param((str(GROWER),), 126, id="a file that is not executable is 126"),
        pytest.param(("/",), 126, id="a folder is 126"),
        pytest.param(("",), 127, id="an empty name is 127"),
    ],
)
def test_the_exit_code_is_the_commands(command: tuple[str, ...], expected: int) -> None:
    assert guard("--", *command).returncode == expected


def test_a_command_that_cannot_start_is_told_in_one_line() -> None:
    result = guard("--", "brimwatch-no-such-program")
    told = "brimwatch: guard: cannot start 'brimwatch-no-such-program': no such program on PATH; nothing was started\n"
    assert (result.stdout, result.stderr) == ("", told)


def test_arguments_reach_the_command_untouched() -> None:
    words = ("--warning", "rss=1GB", "--", "-x", "", "a b")
    result = guard("--", PYTHON, "-c", "import sys; print(sys.argv[1:])", *words)
    assert result.stdout == f"{list(words)}\n"


def test_standard_input_and_output_belong_to_the_command() -> None:
    result = guard("--", "cat", input="x\ny\n", stdin=None)
    assert result.stdout == "x\ny\n"
    assert "brimwatch: summary of cat" in result.stderr


def test_the_reader_sees_the_end_when_the_command_closes_its_output(spawn: Any) -> None:
    process = spawn([*GUARD, "--", "sh", "-c", "echo x; exec >&- 2>&-; exec sleep 60"], stdout=subprocess.PIPE)
    assert process.stdout.read() == b"x\n"
    assert process.poll() is None


def test_descriptors_beyond_the_third_reach_the_command() -> None:
    reading, writing = os.pipe()
    guard("--", *script(f"import os; os.write({writing}, b'x\\n')"), pass_fds=(writing,))
    os.close(writing)
    with open(reading, "rb") as stream:
        assert stream.read() == b"x\n"


def test_a_closed_standard_error_is_no_trouble() -> None:
    words = ["sh", "-c", 'exec 2>&-; "$@"; echo $?', "sh", *GUARD, "--", "sh", "-c", "echo fine; exit 4"]
    assert subprocess.run(words, capture_output=True, text=True, timeout=60).stdout == "fine\n4\n"


def test_the_signal_mask_and_dispositions_are_those_of_before() -> None:
    show = "import re; print(re.findall(r'Sig(?:Blk|Ign|Cgt):\\s*(\\w+)', open('/proc/self/status').read()))"
    plain = subprocess.run([PYTHON, "-c", show], capture_output=True, text=True, timeout=60)
    assert guard("--", PYTHON, "-c", show).stdout == plain.stdout


def test_tiers_are_entered_by_a_command_that_grows(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    flags = ("--warning", "rss=60MB", "--critical", "rss=100MB", "--emergency", "rss=400MB", "--marks", "50MB,1GB")
    result = guard(*flags, "--interval", "50ms", "--summary", str(out), "--", *script(GROW), "25", "0.2")
    found = account(out)
    assert result.returncode == 0
    assert [one["tier"] for one in found["tiers"]] == ["warning", "critical"]
    assert "job entered warning: rss" in result.stderr
    assert 250_000_000 < found["peak_process_rss_bytes"] < 320_000_000
    assert found["growth_bytes_per_second"] > 0  # how fast is the machine's affair
    assert [one["bytes"] for one in found["passed"]] == [50_000_000]
    ahead = {one["what"]: one["bytes"] for one in found["would_have_passed"]}
    assert ahead["emergency"] == 400_000_000
    assert "would have passed 400.0 MB (the emergency) at" in result.stderr


def test_the_summary_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    out.write_text("old")
    out.chmod(0o644)
    guard("--summary", str(out), "--", "sh", "-c", "exit 7")
    assert account(out)["exit_code"] == 7
    assert out.stat().st_mode & 0o777 == 0o600


def test_the_emergency_signal_ends_a_growing_command_and_its_memory_is_counted(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    flags = ("--emergency", "rss=150MB", "--emergency-signal", "SIGTERM", "--interval", "50ms", "--summary", str(out))
    result = guard(*flags, "--", *script(GROW), "2000")
    found = account(out)
    assert result.returncode == 143
    assert found["signal"] == "SIGTERM"
    assert [(one["action"], one["result"]) for one in found["actions"]] == [("emergency-signal", "ran")]
    assert found["actions"][0]["reclaimed_bytes"] > 100_000_000
    assert found["peak_process_rss_bytes"] < 400_000_000


def test_a_command_that_ignores_the_signal_is_killed_after_the_grace(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + GROW
    flags = ("--emergency", "rss=100MB", "--emergency-signal", "SIGTERM", "--grace", "300ms", "--summary", str(out))
    result = guard(*flags, "--interval", "50ms", "--", *script(stubborn), "2000")
    assert result.returncode == 137
    assert account(out)["why_killed"] == "not the kernel: the SIGKILL was an action of this guard"


def test_a_dry_run_ends_nothing(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    flags = ("--emergency", "rss=50MB", "--emergency-signal", "TERM", "--dry-run", "--summary", str(out))
    assert guard(*flags, "--interval", "50ms", "--", *script(GROW), "15").returncode == 0
    assert [(one["result"], one["reason"]) for one in account(out)["actions"]] == [("suppressed", "dry_run")]


def test_without_a_signal_flag_nothing_is_ever_sent(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    assert guard("--emergency", "rss=50MB", "--interval", "50ms", "--summary", str(out), "--", *script(GROW), "15")
    assert account(out)["actions"] == []
    assert account(out)["exit_code"] == 0


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        pytest.param(("--warning", "rss=1XB"), "--warning: rss: found '1XB', wanted a size", id="a size"),
        pytest.param(("--policy", "standrad"), "did you mean standard?", id="a policy"),
        pytest.param(("--emergency-do", "nothing"), "--emergency-do: found 'nothing', wanted", id="an action"),
        pytest.param(("--emergency-signal", "SIGTREM"), "did you mean SIGTERM?", id="a signal"),
        pytest.param(("--marks", "1"), "--marks: found '1', wanted a size", id="a mark"),
        pytest.param(("--interval", "1"), "found '1', wanted a duration", id="a duration"),
        pytest.param(("--interval", "2h"), "wanted 10ms to 1h", id="an interval too long"),
        pytest.param(("--summary", "/no/such/folder/x"), "--summary: found", id="a summary that cannot be written"),
        pytest.param(("--config.file", "/no/such/file"), "/no/such/file", id="a file that is not there"),
        pytest.param(("--web.listen-address", "x"), "listen-address", id="an address"),
        pytest.param(("--grace", "3s"), "--grace: found it alone", id="a grace without a signal"),
    ],
)
def test_bad_flags_are_told_and_nothing_is_started(flags: tuple[str, ...], told: str, tmp_path: Path) -> None:
    witness = tmp_path / "started"
    result = guard(*flags, "--", "touch", str(witness))
    assert result.returncode == 2
    assert told in result.stderr
    assert "brimwatch: brimwatch" not in result.stderr
    assert "Traceback" not in result.stderr
    assert not witness.exists()


def test_no_command_at_all_is_bad_usage() -> None:
    result = guard("--warning", "rss=1GB", "--")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)


def test_policies_and_actions_of_a_file_are_used(tmp_path: Path) -> None:
    config, note, out = tmp_path / "brimwatch.yaml", tmp_path / "note", tmp_path / "run.json"
    config.write_text(
        "policies: {batch: {tiers: {critical: {when: {rss: 1TB}, do: [note]}}}}\n"
        f"actions: {{note: {{exec: [/bin/sh, -c, 'echo $BRIMWATCH_TIER > {note}']}}}}\n"
    )
    config.chmod(0o600)
    flags = ("--config.file", str(config), "--policy", "batch", "--critical", "rss=30MB", "--summary", str(out))
    assert guard(*flags, "--interval", "50ms", "--", *script(GROW), "20").returncode == 0
    assert note.read_text() == "critical\n"
    assert account(out)["left_running"] == []


def test_the_command_outlives_a_guard_that_is_killed(spawn: Any, wait_until: Any) -> None:
    process = spawn([*GUARD, "--", "sh", "-c", "echo $$; exec sleep 60"], stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    process.kill()
    process.wait(10)
    try:
        time.sleep(0.2)  # nothing to wait for: it is to stay
        os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)
