"""Does a secret of a target stay where it is? Planted in three places, looked for in everything the daemon says."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import start_daemon

pytestmark = pytest.mark.live

PLANTED = ("PLANTEDargument1", "PLANTEDvariable2", "PLANTEDlocal3")
HOLDER = """
import time
def work(given):
    local = "PLANTED" + "local3"
    held = bytearray(100_000_000)
    print("ready", flush=True)
    time.sleep(120)
work("PLANTED" + "local3")
"""
CONFIG = """
global: {{interval: 200ms}}
targets:
  - {{name: '{{comm}}', match: {{pid: {pid}}}, policy: p}}
policies:
  p:
    tiers:
      warning:  {{when: {{rss: 60MB}}, tell: [{stacks}]}}
      critical: {{when: {{rss: 90MB}}, tell: [{stacks}], do: [note, ask]}}
actions:
  note: {{exec: [/bin/sh, -c, 'env > {folder}/environment; echo $BRIMWATCH_COMM $BRIMWATCH_REASON']}}
  ask: {{signal: SIGUSR1, settle: 100ms}}
  deep: {{stacks: {{locals: true}}}}
"""
PAGES = ("/", "/metrics", "/api/v1/targets", "/api/v1/events?limit=1000", "/api/v1/status", "/-/healthy", "/-/ready")


@pytest.fixture
def everything(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Any:
    """`everything(stacks)` is all that a daemon at level debug said and stored of a process with secrets, as a text."""

    def run(stacks: str) -> str:
        program = tmp_path / "holder.py"
        program.write_text(HOLDER)
        argv = [sys.executable, "holder.py", f"--password={PLANTED[0]}", "--token", PLANTED[0]]
        target = spawn(
            argv, stdout=subprocess.PIPE, env={**os.environ, "DB_SECRET": PLANTED[1]}, text=True, cwd=tmp_path
        )
        assert target.stdout.readline() == "ready\n"
        storage = tmp_path / "storage"
        text = CONFIG.format(pid=target.pid, stacks=stacks, folder=tmp_path)
        daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, text, ("--storage.path", str(storage)))
        wait_until(lambda: any(one["facts"]["action"] == stacks for one in daemon.events("action_ran")), 20)
        said = [daemon.get(page) for page in PAGES]
        said += [daemon.get(f"/api/v1/targets/{one['name']}") for one in daemon.json("/api/v1/targets")["targets"]]
        wait_until((tmp_path / "environment").exists, 20)
        target.terminate()
        target.wait(20)
        wait_until(lambda: daemon.metric("brimwatch_target_up") != 1, 20)
        said += [daemon.get(page) for page in PAGES]
        daemon.process.terminate()
        daemon.process.wait(20)
        stored = [path for path in storage.rglob("*") if path.is_file()]
        assert stored
        said += [path.read_text(errors="replace") for path in stored]
        said += [path.read_text() for path in (daemon.log_file, tmp_path / "environment") if path.exists()]
        return "\n".join(said)

    return run


def test_no_secret_is_in_page_metrics_api_log_or_artefacts(everything: Any) -> None:
    said = everything("stacks")
    assert "--password=***" in said  # the command line is shown, so that its secret could have been
    assert '"at": "work (' in said  # and so is the frame with the local variables
    assert "BRIMWATCH_ARTEFACT=/" in said  # and so is what a command was told
    assert [secret for secret in PLANTED if secret in said] == []


def test_a_local_variable_is_written_down_only_where_somebody_asked_for_it(everything: Any) -> None:
    said = everything("deep")
    assert [secret for secret in PLANTED if secret in said] == [PLANTED[2]]
