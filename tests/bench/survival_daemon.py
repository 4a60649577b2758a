"""The daemon of the survival benchmark: a configuration with tiers relative to the limit, and what its log says.

One daemon watches all that runs, also side by side. Nobody asks it anything: its log says what is under watch.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.bench.machine import running

IN_MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None  # what a full disk must not hold up
LANES = 4  # processes side by side
POLICIES = {
    "hooks": "hooks",
    "ceiling": "ceiling",
    "early": "early",
    "standard": "standard",
    "slow": "hooks",
}  # by label
CONFIG = """
global: {{interval: {interval}, run_dir: {folder}/run}}
targets:
{targets}
policies:
  hooks:
    cooldown: 0s
    tiers:
      critical:  {{when: {{working_set: 70%, rss: 70%}}, do: [reclaim]}}
      emergency: {{when: {{working_set: 85%, rss: 85%}}, do: [reclaim]}}
  ceiling:
    cooldown: 0s
    tiers:
      critical:  {{when: {{working_set: 70%, rss: 70%}}, do: [ceiling, reclaim]}}
      emergency: {{when: {{working_set: 85%, rss: 85%}}, do: [reclaim]}}
  early:
    cooldown: 0s
    tiers:
      warning:   {{when: {{working_set: 40%, rss: 40%}}, do: [bound]}}
      critical:  {{when: {{working_set: 70%, rss: 70%}}, do: [reclaim]}}
actions:
  ceiling: {{rlimit: {{data: +64MB}}}}
  bound:   {{rlimit: {{data: +120MB}}}}
"""
TIER = 0.7  # of the limit: what is left above it is what grows by 1 GB/s in 100 ms, and a little more
TARGET = "  - {{name: {name}, match: {{cmdline: 'survivor\\.py {name} '}}, policy: {policy}}}"


class Watch:
    """A running `brimwatch run`, and its log so far."""

    def __init__(self, folder: Path, pid: int) -> None:
        """`folder` holds its output, `pid` is its own."""
        self.run_dir = folder / "run"
        self.pid = pid
        self._log = folder / "output"

    def events(self, name: str) -> list[dict[str, Any]]:
        """What the log says so far, of one event."""
        return [event for event in self._lines() if event.get("event") == name]

    def await_member(self, pid: int, patience: float = 60.0) -> None:
        """Return once the process is under watch. Raises RuntimeError."""
        end = time.monotonic() + patience
        while not any(event.get("pid") == pid for event in self.events("member_found")):
            if time.monotonic() > end:
                raise RuntimeError(f"the daemon does not watch {pid} after {patience:g} s")
            time.sleep(0.05)

    def last_entry(self, name: str, since: float) -> float | None:
        """When a target last entered a tier (seconds since the epoch), not before `since`."""
        entries = [event for event in self.events("tier_entered") if event["target"] == name]
        times = [datetime.fromisoformat(event["time"]).timestamp() for event in entries]
        return max((time for time in times if time >= since), default=None)

    def kills_told(self) -> int:
        """OOM kills that it has noticed, by the count of the cgroup."""
        return sum(event["count"] for event in self.events("oom_killed") if event["evidence"] == "cgroup")

    def _lines(self) -> list[dict[str, Any]]:
        text = self._log.read_text(errors="backslashreplace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]


def write_config(folder: Path, interval: str) -> Path:
    """The configuration: for each label as many targets as may run side by side, chosen by the command line."""
    names = [(f"{label}-{lane}", policy) for label, policy in POLICIES.items() for lane in range(LANES)]
    targets = "\n".join(TARGET.format(name=name, policy=policy) for name, policy in names)
    path = folder / "brimwatch.yaml"
    path.write_text(CONFIG.format(folder=folder, interval=interval, targets=targets))
    path.chmod(0o600)
    return path


@contextmanager
def watching(state: Path, interval: str = "100ms") -> Iterator[Watch]:
    """`brimwatch run` until the end of the block. Its journal goes to `state`, what is urgent to tmpfs, as in /run."""
    folder = tempfile.TemporaryDirectory(prefix="brimwatch-bench-", dir=IN_MEMORY)
    with folder as name, _watching(Path(name), state, interval) as watch:
        yield watch


@contextmanager
def _watching(folder: Path, state: Path, interval: str) -> Iterator[Watch]:
    words = [sys.executable, "-m", "brimwatch", "run", "--config.file", str(write_config(folder, interval))]
    words += ["--web.listen-address", "", "--log.format", "json", "--log.level", "debug"]
    with running(words, folder, STATE_DIRECTORY=str(state), PYTHONPATH=os.pathsep.join(sys.path)) as process:
        watch = Watch(folder, process.pid)
        end = time.monotonic() + 60
        while not watch.events("config_loaded"):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the daemon did not start: {process.poll()}")
            time.sleep(0.05)
        yield watch
