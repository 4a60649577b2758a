"""What do the tests of the hooks share? Every Python from 3.9 on that is here, and targets that have an agent."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.hooks.speaking import Target

DAEMON = Path(__file__).parent.parent.parent / "daemon"
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def find_python(version: str) -> str | None:
    """An interpreter of that version that runs: this one, one of pyenv's, or one on the path."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    root = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")))
    found = [str(path) for path in sorted(root.glob(f"versions/{version}.*/bin/python{version}"))]
    for candidate in [*found, shutil.which(f"python{version}")]:
        if candidate is None:
            continue
        probe = [candidate, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(probe, capture_output=True, text=True, timeout=30)
        if answer.stdout.strip() == version:
            return candidate
    return None


@pytest.fixture(params=VERSIONS)
def python(request: pytest.FixtureRequest) -> str:
    """Each Python that the hooks are for. None may be missed quietly; 3.14 is not packaged everywhere yet."""
    found = find_python(request.param)
    if found is None:
        pytest.skip(f"no Python {request.param} is installed (pyenv install {request.param})")
    return found


@pytest.fixture
def run_dir(tmp_path: Path) -> str:
    """A run directory of the test's own."""
    return str(tmp_path / "run")


@pytest.fixture
def start(spawn: Any, wait_until: Any, run_dir: str) -> Callable[..., Target]:
    """`start(code)` runs a program that has installed the hooks, executes `code`, and waits for its standard input.

    `hooks` is imported; the program says `ready` once `code` is done. `python`: another interpreter.
    """

    def begin(code: str = "", python: str = sys.executable, install: str = "hooks.install()", **options: Any) -> Target:
        text = f"""
import os, sys, threading, time
sys.path.insert(0, {str(DAEMON)!r})
from brimwatch import hooks
{install}
{code}
print('ready', flush=True)
for line in sys.stdin:
    exec(line)
"""
        environment = {**os.environ, "BRIMWATCH_RUN_DIR": run_dir, **options.pop("environment", {})}
        process = spawn([python, "-I", "-u", "-c", text], stdin=-1, stdout=-1, text=True, env=environment, **options)
        target = Target(process, run_dir, wait_until)
        assert target.line() == "ready"
        return target

    return begin
