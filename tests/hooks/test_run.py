"""`brimwatch hooks run` and `hooks export`: does the agent get into programs that nobody changed?"""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.conftest import DAEMON, find_python

from brimwatch.cli.hooks_isolated import isolating

BRIMWATCH = str(Path(sys.executable).with_name("brimwatch"))
SAY = (
    "import json, sys; from brimwatch import hooks; "
    "print(json.dumps([hooks.status()['agent'], sys.path, sys.argv, hooks.status()['stats']['thresholds']]))"
)
FIRST_NAMES = {"PYTHONPATH", "BRIMWATCH_HOOKS", "BRIMWATCH_THRESHOLDS"}


def run(command: list[str], run_dir: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if name not in FIRST_NAMES}
    return subprocess.run(
        command,
        env={**inherited, "BRIMWATCH_RUN_DIR": run_dir, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def hooks_run(words: list[str], run_dir: str, *flags: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return run([BRIMWATCH, "hooks", "run", *flags, "--", *words], run_dir, **environment)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    directory = str(tmp_path / "hooks")
    assert subprocess.run([BRIMWATCH, "hooks", "export", directory], timeout=60).returncode == 0
    return directory


def agent_in(answer: "subprocess.CompletedProcess[str]") -> Any:
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_a_program_has_an_agent_and_its_path_is_as_it_was(python: str, run_dir: str) -> None:
    agent, path, arguments, _ = agent_in(hooks_run([python, "-c", SAY, "a", "--b"], run_dir))
    assert agent["state"] == "listening"
    assert agent["address"].startswith(run_dir)
    assert arguments == ["-c", "a", "--b"]
    assert [entry for entry in path if entry.endswith("/daemon")] in ([], [str(DAEMON)])
    assert os.listdir(run_dir) == []


def test_children_have_one_too(run_dir: str) -> None:
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SAY!r}], check=True)"
    assert agent_in(hooks_run([sys.executable, "-c", parent], run_dir))[0]["state"] == "listening"


def test_the_exit_code_and_the_standard_streams_are_the_programs(run_dir: str) -> None:
    answer = hooks_run(
        [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"], run_dir
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (7, "out\n", "err\n")


def test_thresholds_reach_the_agent(run_dir: str) -> None:
    flags = ("--threshold", "warning=500MB", "--threshold", "critical=90%")
    thresholds = agent_in(hooks_run([sys.executable, "-c", SAY], run_dir, *flags))[3]
    assert thresholds["warning"] == 500_000_000
    assert thresholds["critical"] > 500_000_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], "found no command", id="nothing to run"),
        pytest.param(["--threshold", "red=5MB", "--", "true"], "--threshold red=5MB, wanted", id="no such tier"),
        pytest.param(["--threshold", "warning=5", "--", "true"], "--threshold warning=5, wanted", id="no unit"),
        pytest.param(["--threshold", "warning=500%", "--", "true"], "--threshold warning=500%, wanted", id="too much"),
        pytest.param(["--run-dir", "x", "--", "true"], "wanted an absolute path", id="a relative directory"),
        pytest.param(
            ["--threshold", "warning=1GB", "--threshold", "warning=2GB", "--", "true"], "for warning twice", id="twice"
        ),
    ],
)
def test_bad_usage_starts_nothing(words: list[str], said: str, run_dir: str) -> None:
    answer = run([BRIMWATCH, "hooks", "run", *words], run_dir)
    assert answer.returncode == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("program", "said", "code"),
    [("no-such-program", "found no program no-such-program", 127), ("/etc/passwd", "may not be executed", 126)],
    ids=["not found", "no program"],
)
def test_what_cannot_be_run_ends_as_a_shell_would(program: str, said: str, code: int, run_dir: str) -> None:
    answer = run([BRIMWATCH, "hooks", "run", "--", program], run_dir)
    assert answer.returncode == code
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_isolated_python_is_run_and_that_is_said(run_dir: str) -> None:
    answer = hooks_run([sys.executable, "-Ic", "print('ran')"], run_dir)
    assert (answer.returncode, answer.stdout) == (0, "ran\n")
    assert answer.stderr == "brimwatch: -I makes Python ignore PYTHONPATH: no agent will be in it\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["python3", "app.py", "-I"], None),
        (["python3", "-m", "app", "-E"], None),
        (["python3", "-c", "x", "-S"], None),
        (["python3", "-W", "-I", "app.py"], None),
        (["python3", "-Werror", "-OO", "app.py"], None),
        (["python3", "-uE", "app.py"], "-E"),
        (["python3.13t", "-X", "dev", "-S", "app.py"], "-S"),
        (["gunicorn", "-I"], None),
    ],
)
def test_which_command_lines_keep_the_agent_out(words: list[str], why: str, tmp_path: Path) -> None:
    found = isolating(f"/usr/bin/{words[0]}", words)
    assert found is None if why is None else found is not None and found.startswith(why)


@pytest.mark.parametrize(
    ("line", "why"),
    [("#!/usr/bin/python3 -I", "-I"), ("#!/usr/bin/env -S python3 -E", "-E"), ("#!/usr/bin/env python3", None)],
)
def test_the_first_line_of_a_script_counts(line: str, why: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(line + "\nprint(1)\n")
    found = isolating(str(script), ["script", "-I"])
    assert found is None if why is None else found is not None and found.startswith(why)


CHAINED = """
import sys
print('theirs first' if 'brimwatch' not in sys.modules else 'theirs')
"""
LOOPING = """
import os, sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path = [entry for entry in sys.path if os.path.abspath(entry) != here]
sys.modules.pop('sitecustomize', None)
print('theirs')
import sitecustomize
"""


@pytest.mark.parametrize("code", [CHAINED, LOOPING], ids=["one that does its own", "one that looks for the next"])
def test_another_sitecustomize_is_run_as_well(code: str, run_dir: str, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "sitecustomize.py").write_text(textwrap.dedent(code))
    answer = hooks_run([sys.executable, "-c", SAY], run_dir, PYTHONPATH=str(tmp_path / "theirs"))
    *_, first, second = answer.stdout.splitlines()  # `brimwatch` itself is a Python program and runs theirs too
    assert first == "theirs"
    assert json.loads(second)[0]["state"] == "listening"


def test_it_can_be_switched_off_for_a_child(run_dir: str) -> None:
    agent = agent_in(hooks_run([sys.executable, "-c", SAY], run_dir, BRIMWATCH_HOOKS="off"))[0]
    assert agent["state"] == "absent"


def test_an_agent_that_cannot_start_keeps_no_program_from_starting(run_dir: str) -> None:
    for verbose, said in (("", ""), ("verbose", "brimwatch: no agent in PID ")):
        environment = {"BRIMWATCH_THRESHOLDS": "nonsense", "BRIMWATCH_HOOKS": verbose}
        answer = hooks_run([sys.executable, "-c", "print('ran')"], run_dir, **environment)
        assert (answer.returncode, answer.stdout) == (0, "ran\n")
        assert answer.stderr.startswith(said)
        assert bool(answer.stderr) == bool(said)


def test_an_exported_folder_on_the_path_is_enough(python: str, run_dir: str, folder: str) -> None:
    clean = {"PYTHONPATH": folder, "PYTHONNOUSERSITE": "1"}
    base = find_base(python)
    agent, path, _, _ = agent_in(run([base, "-c", SAY], run_dir, **clean))
    assert agent["state"] == "listening"
    assert [entry for entry in path if "/lib" in entry and entry.startswith(folder)] == []


def find_base(python: str) -> str:
    """The interpreter behind a virtual environment: it has nothing of ours installed."""
    code = "import sys; print(getattr(sys, '_base_executable', sys.executable))"
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, timeout=30).stdout.strip()


def test_an_export_over_an_earlier_one_replaces_it(folder: str) -> None:
    (Path(folder) / "lib-000000000000").mkdir()
    assert subprocess.run([BRIMWATCH, "hooks", "export", folder], timeout=60).returncode == 0
    names = sorted(os.listdir(folder))
    assert names[:2] == [".brimwatch-hooks", "lib"]
    assert names[2] == os.readlink(Path(folder) / "lib")
    assert names[3:] == ["sitecustomize.py"]
    assert (Path(folder) / "lib" / "brimwatch").stat().st_mode & 0o777 == 0o755


def test_a_folder_with_something_else_in_it_is_refused_and_with_force_left_beside(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("mine")
    command = [BRIMWATCH, "hooks", "export", str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert "found app.py, wanted an empty folder or an earlier export" in refused.stderr
    assert os.listdir(tmp_path) == ["app.py"]
    assert subprocess.run([*command, "--force"], timeout=60).returncode == 0
    assert (tmp_path / "app.py").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = subprocess.run(
        [BRIMWATCH, "hooks", "export", str(tmp_path / "file")], capture_output=True, text=True, timeout=60
    )
    assert (answer.returncode, "Traceback" in answer.stderr) == (1, False)


def test_the_command_itself_runs_on_python_3_9_without_the_daemons_packages(run_dir: str) -> None:
    old = find_python("3.9")
    if old is None:
        pytest.skip("no Python 3.9 is installed (pyenv install 3.9)")
    command = [old, "-m", "brimwatch", "hooks", "run", "--", old, "-c", SAY]
    assert agent_in(run(command, run_dir, PYTHONPATH=str(DAEMON)))[0]["state"] == "listening"
    refused = run([old, "-m", "brimwatch", "run"], run_dir, PYTHONPATH=str(DAEMON))
    assert (refused.returncode, "needs Python 3.11" in refused.stderr) == (1, True)
