"""Does a real daemon take real processes in a kubelet's cgroups by what the API server says of their pods?"""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Daemon, start_daemon
from tests.live.pod_cgroups import Container, Node, node
from tests.runtime.api_server import NODE, TOKEN, ApiServer, pod_object

pytestmark = pytest.mark.live

CONFIG = """
global:
  interval: 100ms
  kubernetes: {{api_server: '{url}', token_file: {token}}}
targets:
  - name: checkout
    match: {{pod: {{namespace: shop, labels: {{app: checkout}}, container: app}}}}
  - name: '{{namespace}}/{{pod}}/{{pod_container}}'
    match: {{pod: {{namespace: 'd?ta'}}}}
  - name: best effort
    match: {{pod: {{qos: BestEffort}}, cmdline: '{word}'}}
  - name: the rest
    match: {{cmdline: '{word}', not: {{pod: {{name: '*'}}}}}}
"""


@pytest.fixture
def api() -> Iterator[ApiServer]:
    running = ApiServer().start()
    yield running
    running.stop()


@pytest.fixture
def machine(spawn: Any) -> Iterator[Node]:
    started: list[Any] = []

    def start(*arguments: Any, **options: Any) -> Any:
        started.append(spawn(*arguments, **options))
        return started[-1]

    with node(start) as made:
        yield made
        for process in started:
            process.kill()
            process.wait(10)


@pytest.fixture
def word() -> str:
    return f"pods-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def watch(
    spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, api: ApiServer, word: str
) -> Callable[[], Daemon]:
    def start() -> Daemon:
        token = tmp_path / "token"
        token.write_text(TOKEN)
        config = CONFIG.format(url=api.url, token=token, word=word)
        return start_daemon(spawn, wait_until, free_port(), tmp_path, config, env={"NODE_NAME": NODE})

    return start


def members(daemon: Daemon) -> dict[str, set[int]]:
    """The PIDs by target, of targets that have any."""
    found: dict[str, set[int]] = {}
    for target in daemon.json("/api/v1/targets")["targets"]:
        pids = {member["pid"] for subject in target["subjects"] for member in subject["processes"]}
        if pids:
            found[target["name"]] = pids
    return found


def blind(daemon: Daemon, event: str) -> list[dict[str, Any]]:
    return [one for one in daemon.events(event) if one["facts"].get("collector") == "pods"]


def capable(daemon: Daemon, target: str) -> float | None:
    return daemon.metric("brimwatch_collector_capable", target=target, collector="pods")


def shown(container: Container, name: str, namespace: str, **given: Any) -> dict[str, Any]:
    return pod_object(name, namespace, uid=container.pod, containers={"app": container.identity}, **given)


def test_processes_follow_their_pods(
    watch: Callable[[], Daemon], wait_until: Any, api: ApiServer, machine: Node, word: str
) -> None:
    web, data, alone = machine.run("burstable", word), machine.run("burstable", word), machine.run("besteffort", word)
    aside = machine.run("burstable", word, pod=web.pod)  # of the same pod, and in no container that is listed yet
    pod = shown(web, "checkout-5d59d67564-x2x4z", "shop", labels={"app": "checkout"})
    api.put(pod)
    stored = api.put(shown(data, "db-0", "data", labels={"app": "db"}))
    daemon = watch()
    first = {"checkout": {web.pid}, "data/db-0/app": {data.pid}, "best effort": {alone.pid}}
    wait_until(lambda: members(daemon) == first, 15)
    wait_until(lambda: capable(daemon, "checkout") == 1, 15)
    assert capable(daemon, "the rest") == 1, "though nothing matches it"
    assert capable(daemon, "best effort") is None
    assert (daemon.metric("brimwatch_target_resident_memory_bytes", target="checkout") or 0) > 20_000_000

    pod["status"]["containerStatuses"].append(
        {"name": "sidecar", "containerID": f"containerd://{aside.identity}", "ready": True}
    )
    pod["metadata"]["labels"]["app"] = "another"
    api.put(pod)
    wait_until(lambda: "checkout" not in members(daemon), 15)
    pod["metadata"]["labels"]["app"] = "checkout"
    api.put(pod)
    wait_until(lambda: members(daemon) == first, 15)

    api.stop()
    wait_until(lambda: blind(daemon, "collector_blind"), 15)
    assert members(daemon) == first
    wait_until(lambda: capable(daemon, "checkout") == 0, 15)
    api.delete(stored)
    api.start()
    wait_until(lambda: "data/db-0/app" not in members(daemon), 30)
    wait_until(lambda: blind(daemon, "collector_recovered"), 30)
    assert len(blind(daemon, "collector_blind")) == 1

    api.delete(pod)
    wait_until(lambda: "checkout" not in members(daemon), 15)
    wait_until(lambda: daemon.metric("brimwatch_target_up", target="checkout") == 0, 15)
    assert members(daemon) == {"best effort": {alone.pid}}, "whose pod nobody knows is no exception, and no match"
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(10) == 0


def test_without_an_api_server_the_daemon_lives_and_takes_nothing_wrongly(
    watch: Callable[[], Daemon], wait_until: Any, api: ApiServer, machine: Node, word: str
) -> None:
    web = machine.run("burstable", word)
    api.stop()
    daemon = watch()
    wait_until(lambda: blind(daemon, "collector_blind"), 15)
    assert members(daemon) == {}
    api.put(shown(web, "checkout-1", "shop", labels={"app": "checkout"}))
    api.start()
    wait_until(lambda: members(daemon) == {"checkout": {web.pid}}, 30)
    assert daemon.status_of("/-/healthy") == 200
    assert os.path.exists(f"/proc/{web.pid}")
