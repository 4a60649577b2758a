"""Does everybody who is told of an entry learn where its evidence lies?"""

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.act.sinks import answer, sink
from tests.live.daemon_run import grower, start_daemon

pytestmark = pytest.mark.live

CONFIG = """
targets:
  - {{name: cache, match: {{pid: {pid}}}, policy: told}}
policies:
  told: {{tiers: {{critical: {{when: {{rss: 60MB}}, tell: [stacks, pager]}}}}}}
actions:
  pager: {{webhook: {{url: '{url}', tells: true}}}}
"""


def test_the_artefact_is_named_in_event_log_and_webhook(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    with sink(answer("200 OK")) as receiver:
        target = grower(spawn)
        config = CONFIG.format(pid=target.pid, url=receiver.url)
        daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, config)
        target.say("hold 80")
        wait_until(lambda: receiver.heard, 15)
        wait_until(lambda: len(daemon.events("action_ran")) == 2, 15)
    path = Path(daemon.events("tier_entered")[0]["facts"]["artefact"])
    told = json.loads(receiver.heard[0].body)["data"]
    logged = [line for line in daemon.log() if line["event"] == "tier_entered"]
    assert (told["facts"]["artefact"], logged[0]["artefact"]) == (str(path), str(path))
    wait_until(lambda: path.exists() and '"record": "python_thread"' in path.read_text(), 10)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {one["facts"]["action"] for one in daemon.events("action_ran")} == {"stacks", "pager"}


GROUP = """
targets:
  - {{name: tree, match: {{pid: {pid}, children: true}}, as: group, policy: told}}
policies:
  told: {{tiers: {{critical: {{when: {{rss: 60MB}}, tell: [stacks]}}}}}}
"""
PARENT = """
import subprocess, sys, time
words = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(90)"]
child = subprocess.Popen(words, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.readline()
held = bytearray(90_000_000)
time.sleep(90)
"""


def test_stacks_of_a_group_are_those_of_every_member(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path
) -> None:
    parent = spawn([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, GROUP.format(pid=parent.pid))
    parent.stdin.write("grow\n")
    parent.stdin.flush()
    wait_until(lambda: daemon.events("action_ran"), 20)
    path = Path(daemon.events("tier_entered")[0]["facts"]["artefact"])
    wait_until(lambda: path.exists() and "python_thread" in path.read_text(), 10)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    looked_at = {row["pid"] for row in rows if row["record"] == "python_thread"}
    assert looked_at == {parent.pid, child}
