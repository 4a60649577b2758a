"""Does the daemon find a process by the agent in it, and one that was forked?"""

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import start_daemon

pytestmark = pytest.mark.live

PROGRAM = """
import os, sys
from brimwatch import hooks
assert hooks.install(run_dir=sys.argv[1])
print('ready', flush=True)
sys.stdin.readline()
os.fork()
sys.stdin.readline()
"""


def test_processes_with_an_agent_are_found_and_so_are_their_forks(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    program = spawn([sys.executable, "-c", PROGRAM, str(run_dir)], stdin=-1, stdout=-1, text=True)
    assert program.stdout.readline() == "ready\n"
    config = (
        f"global: {{interval: 100ms, run_dir: {run_dir}}}\n"
        f"targets: [{{name: asked, match: {{agent: true, cmdline: '{run_dir}'}}, policy: observe}}]\n"
    )
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
    wait_until(lambda: daemon.metric("brimwatch_target_processes", target="asked") == 1, 15)
    program.stdin.write("fork\n")
    program.stdin.flush()
    wait_until(lambda: daemon.metric("brimwatch_target_processes", target="asked") == 2, 15)
    program.stdin.close()
    wait_until(lambda: daemon.metric("brimwatch_target_processes", target="asked") == 0, 15)
