"""What does a sidecar see and reach at which privilege? Measured in one pod, and compared with the table of the docs.

Each observer is a Brimwatch of its own. They share the pod with two applications of the same user: one without any
capability, as is usual, and one that has one.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.deploy.container.pod import REPOSITORY, Pod, write_volume
from tests.deploy.container.runc import Box, tmpfs
from tests.live.daemon_run import Daemon

pytestmark = pytest.mark.live

CONFIG = r"""
global: {interval: 200ms}
targets:
  - {name: plain, match: {cmdline: 'hooked\.py plain$'}, policy: p}
  - {name: able, match: {cmdline: 'hooked\.py able$'}, policy: p}
policies:
  p:
    tiers:
      critical: {when: {rss: 100MB}, do: [asked, forced]}
actions:
  asked: {signal: SIGUSR1, settle: 10ms}
  forced: {signal: SIGUSR1, settle: 10ms, force: true}
"""
AGENTS_FOUND = 5.0  # seconds; three, docs/hooks.md says
OTHER = {"uid": 2000, "gid": 2000}
READS = ("CAP_SYS_PTRACE", "CAP_KILL", "CAP_DAC_READ_SEARCH")
WRITES = ("CAP_SYS_PTRACE", "CAP_KILL", "CAP_DAC_OVERRIDE")
# The rows of the table: by the name of the observer there, its container, and whom it observes.
OBSERVERS = {
    "the same user": (Box([]), "plain"),
    "the same user, of a target with capabilities": (Box([]), "able"),
    "another user": (Box([], **OTHER), "plain"),
    "another user, with `KILL`": (Box([], **OTHER, capabilities=["CAP_KILL"]), "plain"),
    "another user, with `SYS_PTRACE`": (Box([], **OTHER, capabilities=["CAP_SYS_PTRACE"]), "plain"),
    "root, with none": (Box([], uid=0, gid=0), "plain"),
    "root, with `SYS_PTRACE`, `KILL` and `DAC_READ_SEARCH`": (Box([], uid=0, gid=0, capabilities=READS), "able"),
    "root, with `SYS_PTRACE`, `KILL` and `DAC_OVERRIDE`": (Box([], uid=0, gid=0, capabilities=WRITES), "able"),
}
# The columns: what has to be exported, and the collectors that say whether it can be.
SEEN = {
    "sizes, threads, descriptors": (("resident_memory_bytes", "threads", "open_fds"), ("statm", "status", "fd")),
    "PSS, USS": (("proportional_memory_bytes", "unique_memory_bytes"), ("smaps_rollup",)),
    "limit, working set": (("memory_limit_bytes", "working_set_bytes", "headroom_bytes"), ("cgroup",)),
    "inside of Python": (("python_blocks", "python_threads"), ("introspection",)),
    "agent": (("python_gc_collections_total",), ("agent",)),
}
SIGNALS = {"signal": "asked", "signal by `force`": "forced"}


class Observer(NamedTuple):
    """One row: who looks, and at whom."""

    daemon: Daemon
    target: str

    def series(self) -> set[str]:
        found = re.findall(r'^brimwatch_target_(\w+)\{target="(\w+)"', self.daemon.get("/metrics"), re.MULTILINE)
        return {name for name, target in found if target == self.target}

    def said(self, collector: str) -> float | None:
        return self.daemon.metric("brimwatch_collector_capable", target=self.target, collector=collector)

    def capable(self, collector: str) -> bool:
        """Whether it says that it is; nothing is said of the agent of a process in which none was found."""
        said = self.said(collector)
        assert said is not None or collector == "agent", f"nothing is said of {collector}"
        return said == 1

    def settled(self) -> bool:
        """Whether every collector has had its first try, both rungs theirs, and an agent time to be found."""
        inside = self.said("introspection")
        looked = inside == 0 or (inside == 1 and "python_blocks" in self.series())
        started = self.daemon.metric("process_start_time_seconds") or time.time()
        found = time.time() - started > AGENTS_FOUND
        return found and looked and self.said("smaps_rollup") is not None and len(self.outcomes()) == len(SIGNALS)

    def outcomes(self) -> dict[str, str | None]:
        """By action, the reason for which it did not run; None where it ran."""
        events = [one for one in self.daemon.events() if one.get("target") == self.target and "action" in one["facts"]]
        return {one["facts"]["action"]: one["facts"].get("reason") for one in events}

    def row(self) -> list[str]:
        series, cells = self.series(), []
        for names, collectors in SEEN.values():
            seen = series.issuperset(names)
            assert seen or series.isdisjoint(names), f"some of {names} only: {series}"
            assert all(map(self.capable, collectors)) == seen, f"{collectors} say otherwise than {names}"
            cells.append(seen)
        reasons = self.outcomes()
        assert set(reasons.values()) <= {None, "denied"}
        return ["yes" if cell else "no" for cell in (*cells, *(reasons[name] is None for name in SIGNALS.values()))]


def documented() -> dict[str, list[str]]:
    """The table of the documentation: by observer, its cells."""
    text = (REPOSITORY / "daemon/docs/container.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    start = next(number for number, row in enumerate(rows) if row[0] == "who looks")
    assert rows[start][1:] == [*SEEN, *SIGNALS]
    return {row[0]: row[1:] for row in rows[start + 2 : start + 2 + len(OBSERVERS)]}


def test_each_privilege_brings_what_the_documentation_says(
    pod: Pod, tmp_path: Path, wait_until: Any, free_port: Any
) -> None:
    held = {"plain": (), "able": ("CAP_NET_BIND_SERVICE",)}
    programs = [
        pod.hooked(Box([name], mounts=[tmpfs("/tmp")], capabilities=capabilities), name)
        for name, capabilities in held.items()
    ]
    for program in programs:
        program.run("import signal; signal.signal(signal.SIGUSR1, lambda *_: None)")
    volume = write_volume(tmp_path, CONFIG)
    observers = {
        who: Observer(pod.sidecar(box, volume, free_port(), wait_until, f"observer-{number}"), target)
        for number, (who, (box, target)) in enumerate(OBSERVERS.items())
    }
    for program in programs:
        program.take(120)
    for observer in observers.values():
        wait_until(observer.settled, 40)
    assert {who: observer.row() for who, observer in observers.items()} == documented()
