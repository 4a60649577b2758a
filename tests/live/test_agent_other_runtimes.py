"""Do the answerers of the documentation answer? A real Node and a real Go program, as they stand there."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import start_daemon

import brimwatch

pytestmark = pytest.mark.live

PAGE = Path(brimwatch.__file__).parents[1] / "docs" / "hooks.md"
FILL_NODE = "for (let i = 0; i < 200; i++) cache.set(i, Buffer.alloc(1e6, 1))\nconsole.log('ready')\n"
FILL_GO = """package main
func init() {
	for i := 0; i < 200; i++ {
		cache[i] = make([]byte, 1000000)
		for j := range cache[i] { cache[i][j] = 1 }
	}
	println("ready")
}
"""
CONFIG = """
global: {{interval: 100ms, run_dir: {run_dir}}}
targets: [{{name: app, match: {{agent: true, cmdline: '{folder}'}}, policy: p}}]
policies:
  p:
    tiers:
      critical: {{when: {{rss: 150MB}}, do: [reclaim]}}
"""


def written(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def node(component: Callable[[str], str], folder: Path) -> list[str]:
    (folder / "answer.js").write_text(written("js") + FILL_NODE)
    return [component("node"), "--expose-gc", str(folder / "answer.js")]


def go(component: Callable[[str], str], folder: Path) -> list[str]:
    (folder / "answer.go").write_text(written("go"))
    (folder / "fill.go").write_text(FILL_GO)
    words = [component("go"), "build", "-o", str(folder / "answer"), "answer.go", "fill.go"]
    environment = {**os.environ, "GOCACHE": str(folder / "cache"), "GOFLAGS": "-mod=mod", "GO111MODULE": "off"}
    built = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)
    assert built.returncode == 0, built.stderr
    return [str(folder / "answer")]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("make", [node, go])
def test_a_program_of_another_runtime_is_found_and_brought_back(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, component: Any, make: Any
) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    words = make(component, tmp_path)
    environment = {**os.environ, "BRIMWATCH_RUN_DIR": str(run_dir)}
    program = spawn(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert program.stdout.readline() == b"ready\n"  # it has taken all that it takes
    daemon = start_daemon(spawn, wait_until, free_port(), tmp_path, CONFIG.format(run_dir=run_dir, folder=tmp_path))
    done = wait_until(lambda: daemon.events("action_ran"), 30)[0]["facts"]
    wait_until(lambda: daemon.metric("brimwatch_target_tier", target="app") == 0, 20)
    assert done["reclaimed_bytes"] > 100e6
    assert str(program.pid) in done["detail"]
    wait_until(lambda: daemon.metric("brimwatch_collector_capable", target="app", collector="agent") == 1, 20)
    assert daemon.events("collector_blind") == []
