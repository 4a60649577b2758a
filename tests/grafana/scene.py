"""What do the dashboards show? A real daemon on real targets of every kind, and a real Prometheus that scrapes it."""

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.live.daemon_run import Daemon, Grower, Spawn, grower, hoarder, start_daemon
from tests.live.hooked import Hooked, start_hooked
from tests.live.memory_cgroup import MemoryCgroup, memory_cgroup

MB = 1_000_000
PROMETHEUS = """
global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}
scrape_configs:
  - job_name: brimwatch
    static_configs: [{{targets: ['{target}']}}]
"""
CONFIG = """
global: {{interval: 200ms, run_dir: {folder}/run}}
targets:
  - {{name: app, match: {{cmdline: 'hooked\\.py {folder}'}}, policy: asked}}
  - {{name: pool, match: {{cmdline: 'grower\\.py --keep {keep}'}}, as: group, policy: signalled}}
  - {{name: pair, match: {{cmdline: 'grower\\.py --deaf --keep {keep}'}}, as: each, policy: deaf}}
  - {{name: boxed, match: {{container: {boxed}}}, policy: bounded}}
  - {{name: leak, match: {{container: {leak}}}, policy: full}}
  - {{name: victim, match: {{container: {victim}}}, policy: observe}}
  - {{name: host, match: {{host: true}}, policy: machine}}
  - {{name: ghost, match: {{pidfile: {folder}/ghost.pid}}, policy: observe}}
policies:
  asked:
    cooldown: 3s
    tiers:
      warning: {{when: {{rss: 110MB, python_objects: 60000, threads: 16}}, do: [reclaim]}}
      critical: {{when: {{rss: 160MB}}, do: [reclaim]}}
  signalled:
    cooldown: 3s
    tiers:
      warning: {{when: {{pss: 150MB, rss: 150MB}}, do: [broken, ask]}}
      critical: {{when: {{rss: 220MB, vms: 2GB}}, do: [ask]}}
  deaf:
    cooldown: 3s
    tiers:
      warning: {{when: {{rss: 60MB}}, do: [ask]}}
  bounded:
    cooldown: 2s
    tiers:
      warning: {{when: {{working_set: 70%}}}}
      critical: {{when: {{rss: 110MB}}, do: [ceiling]}}
  full:
    tiers:
      warning: {{when: {{working_set: 70%}}}}
      critical: {{when: {{working_set: 85%}}}}
      emergency: {{when: {{working_set: 95%}}}}
  machine:
    cooldown: 1m
    tiers:
      warning: {{when: {{memory_used: 1%}}, do: [reclaim]}}
actions:
  ask: {{signal: SIGUSR1, settle: 500ms}}
  broken: {{exec: ['/bin/false']}}
  ceiling: {{rlimit: {{data: +20MB}}, max: 3s}}
"""


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def ask(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def history(self, expr: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """Its values between two times (Unix, in seconds), one each `step` seconds."""
        return self.ask("query_range", query=expr, start=start, end=end, step=step)

    def query(self, expr: str) -> list[dict[str, Any]]:
        return self.ask("query", query=expr)

    def values(self, expr: str) -> list[float]:
        return [float(one["value"][1]) for one in self.query(expr)]

    def up(self) -> bool:
        try:
            return self.values("up") == [1.0]
        except httpx.HTTPError:
            return False


@dataclass(frozen=True)
class Tools:
    """What a test, or the program that makes the pictures, starts things with."""

    spawn: Spawn
    wait_until: Callable[..., Any]
    free_port: Callable[[], int]
    folder: Path


@dataclass(frozen=True)
class Scene:
    """All that runs: targets of every kind, the daemon, Prometheus."""

    app: Hooked  # with an agent
    pool: tuple[Grower, ...]  # one verdict for all
    pair: tuple[Grower, ...]  # deaf to signals, each judged alone
    boxed: Grower  # in a container with a limit
    leak: Grower  # in a container that it fills slowly
    victim: Grower  # in a container that is too small for what it will want
    daemon: Daemon
    prometheus: Prometheus


def free_port() -> int:
    """A loopback TCP port on which nothing listened a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def container(limit: int) -> Iterator[tuple[str, MemoryCgroup]]:
    """A cgroup with a container's name and a limit in bytes."""
    name = uuid.uuid4().hex * 2
    with memory_cgroup() as parent:
        inner = MemoryCgroup(f"{parent.directory}/{name}", parent.version)
        if parent.version == 2:
            Path(parent.directory, "cgroup.subtree_control").write_text("+memory")
        os.mkdir(inner.directory)
        try:
            inner.limit(limit)
            yield name, inner
        finally:
            _remove(inner.directory)


def _remove(directory: str) -> None:
    """Whatever is still in it goes to the cgroup of ours, which takes it along when it ends."""
    for pid in Path(directory, "cgroup.procs").read_text().split():
        Path(directory).parent.parent.joinpath("cgroup.procs").write_text(pid)
    os.rmdir(directory)


def start_prometheus(tools: Tools, program: str, target: str, interval: str) -> Prometheus:
    """Start it on a port of the loopback interface, and wait until it has scraped."""
    listen = f"127.0.0.1:{tools.free_port()}"
    config = tools.folder / "prometheus.yml"
    config.write_text(PROMETHEUS.format(target=target, interval=interval))
    words = [
        f"--config.file={config}",
        f"--storage.tsdb.path={tools.folder / 'data'}",
        f"--web.listen-address={listen}",
    ]
    with open(tools.folder / "prometheus.log", "wb") as log:
        tools.spawn([program, *words], stdout=log, stderr=log)
    prometheus = Prometheus(f"http://{listen}")
    tools.wait_until(prometheus.up, 60.0, 0.1)
    return prometheus


@contextmanager
def played(tools: Tools, program: str, interval: str, config: str = CONFIG) -> Iterator[Scene]:
    """Start all of it; `program` is Prometheus, `interval` its time between two scrapes."""
    keep = "0" * 6
    with ExitStack() as stack:
        boxes = [stack.enter_context(container(limit * MB)) for limit in (300, 200, 200, 60)]
        app = start_hooked(tools.spawn, tools.folder / "run", mark=str(tools.folder))
        pool = tuple(grower(tools.spawn, "--keep", keep) for _ in range(2))
        pair = tuple(grower(tools.spawn, "--deaf", "--keep", keep) for _ in range(2))
        boxed, leak, victim = [hoarder(tools.spawn) for _ in boxes[1:]]
        inside = (app, boxed, leak, victim)
        for (_, group), one in zip(boxes, inside, strict=True):
            group.take(one.pid)
        ids = dict(zip(("app", "boxed", "leak", "victim"), (name[:16] for name, _ in boxes), strict=True))
        text = config.format(folder=tools.folder, keep=keep, **ids)
        daemon = start_daemon(tools.spawn, tools.wait_until, tools.free_port(), tools.folder, text)
        prometheus = start_prometheus(tools, program, daemon.url.removeprefix("http://"), interval)
        yield Scene(app, pool, pair, boxed, leak, victim, daemon, prometheus)
