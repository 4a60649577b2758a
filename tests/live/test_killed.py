"""Does what a killed daemon had taken over still happen, and only once? Real SIGKILLs at random moments."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Grower, grower
from tests.live.sinks import Sink, sink

pytestmark = pytest.mark.live

KILLS = 100
SWINGS = """
global: {{interval: 10ms}}
targets:
  - {{name: swings, match: {{pid: {pid}}}, policy: tells}}
policies:
  tells:
    cooldown: 50ms
    tiers:
      warning: {{when: {{rss: {high}B}}, leave: {{rss: {low}B}}, tell: [pager]}}
actions:
  pager: {{webhook: {{url: '{url}', tells: true}}}}
"""


class Forked:
    """tests/live/forked_daemon.py with a configuration."""

    def __init__(self, spawn: Callable[..., "subprocess.Popen[Any]"], folder: Path, config: str) -> None:
        path = folder / "brimwatch.yaml"
        path.write_text(config)
        path.chmod(0o600)
        self.log_file = folder / "daemon.log"
        self.journal = folder / "state" / "journal.sqlite3"
        words = ["run", "--config.file", str(path), "--web.listen-address", "", "--storage.path", str(folder / "state")]
        with self.log_file.open("wb") as log:
            self.process = spawn(
                [sys.executable, "-m", "tests.live.forked_daemon", *words, "--log.format", "json"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self._answer() == "ready"

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def await_kill(self) -> None:
        assert self._answer() == "killed", self.log_file.read_text()[-2000:]

    def run(self) -> int:
        self.say("run")
        word, pid = self._answer().split()
        assert word == "running"
        return int(pid)

    def stop(self, pid: int) -> None:
        os.kill(pid, signal.SIGTERM)
        assert self._answer() == "ended 0", self.log_file.read_text()[-2000:]

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def entries(self) -> int:
        """How often a tier was entered, as the journal says."""
        with sqlite3.connect(self.journal) as journal:
            (count,) = journal.execute("SELECT count(*) FROM events WHERE body LIKE '%\"tier_entered\"%'").fetchone()
            return int(count)

    def kept(self, kind: str) -> int:
        with sqlite3.connect(self.journal) as journal:
            (count,) = journal.execute("SELECT count(*) FROM kept WHERE kind = ?", (kind,)).fetchone()
            return int(count)


def swing(target: Grower, high: bool) -> None:
    if high:
        target.say("hold 30")
    else:
        target.process.send_signal(signal.SIGUSR1)
        target.expect("caught SIGUSR1")


@pytest.mark.timeout(300)
def test_each_entry_reaches_a_sink_that_knows_its_ids_exactly_once_through_100_kills(
    spawn: Any, tmp_path: Path, wait_until: Any
) -> None:
    chance = random.Random(20261121)
    target = grower(spawn)
    with open(f"/proc/{target.pid}/statm") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    with sink() as pager:
        pager.failing = 0.2
        config = SWINGS.format(pid=target.pid, url=pager.url, high=resident + 20_000_000, low=resident + 10_000_000)
        daemon = Forked(spawn, tmp_path, config)
        high = False
        for _ in range(KILLS):
            daemon.say(f"{chance.uniform(0.02, 0.5):.3f}")
            end = time.monotonic() + chance.uniform(0.0, 0.45)
            while time.monotonic() < end:
                swing(target, high := not high)
                time.sleep(chance.uniform(0.01, 0.1))
            daemon.await_kill()
        pager.failing = 0.0
        if high:
            swing(target, False)
        pid = daemon.run()
        wait_until(lambda: _drained(pager), 30)
        daemon.stop(pid)
        entered = daemon.entries()
        told = len(pager.of("tier_entered"))
        print(f"entries {entered}, told {told}, ends told {len(pager.of('tier_left'))}, posts {pager.posts}")
        assert entered >= KILLS / 10
        assert told == entered
        assert len(pager.of("tier_left")) == entered
        assert pager.differing == []
        assert (daemon.kept("message"), daemon.kept("alert")) == (0, 0)


def _drained(pager: Sink) -> bool:
    """Nothing has come for a second, and each entry has its end."""
    before = pager.posts
    time.sleep(1.0)
    return pager.posts == before and len(pager.of("tier_entered")) == len(pager.of("tier_left"))
