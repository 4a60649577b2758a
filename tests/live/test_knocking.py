"""Does the watching go on while ten thousand requests ask for what they may not have?"""

import base64
import http.client
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt
import psutil
import pytest
from tests.live.daemon_run import Daemon, grower

pytestmark = pytest.mark.live

REQUESTS = 10_000
CLIENTS = 32  # more than passwords may wait for their check
TOKEN = "a-long-and-secret-token"
CONFIG = """
global: {{interval: 200ms}}
targets: [{{name: cache, match: {{pid: {pid}}}, policy: ladder}}]
policies: {{ladder: {{cooldown: 1s, tiers: {{critical: {{when: {{rss: 100MB}}, do: [ask]}}}}}}}}
actions: {{ask: {{signal: SIGUSR1, settle: 500ms}}}}
"""


@pytest.fixture(scope="module")
def outside() -> str:
    """An address of this machine that is not of its loopback."""
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family.name == "AF_INET" and not one.address.startswith("127."):
                return one.address
    pytest.skip("this machine has no address but loopback: who comes from elsewhere cannot be tried")


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path) -> Callable[..., Daemon]:
    def run(pid: int, address: str, *arguments: str) -> Daemon:
        config, log_file, port = tmp_path / "brimwatch.yaml", tmp_path / "daemon.log", free_port()
        config.write_text(CONFIG.format(pid=pid))
        config.chmod(0o600)
        words = [sys.executable, "-m", "brimwatch", "run", "--config.file", str(config), "--log.format", "json"]
        words += ["--web.listen-address", f"{address}:{port}", *arguments]
        with log_file.open("wb") as log:
            process = spawn(words, stderr=log, stdout=subprocess.DEVNULL)
        daemon = Daemon(process, f"http://{address}:{port}", log_file)
        wait_until(daemon.ready, 20.0)
        return daemon

    return run


def knock(daemon: Daemon, method: str, path: str, headers: Callable[[int], dict[str, str]]) -> "Counter[int]":
    """Ask so many times over a few connections at once; which status came how often."""
    seen: Counter[int] = Counter()
    lock, numbers = threading.Lock(), iter(range(REQUESTS))

    def ask() -> None:
        mine: Counter[int] = Counter()
        connection = http.client.HTTPConnection(daemon.url.partition("://")[2], timeout=30)
        while (number := following()) is not None:
            connection.request(method, path, headers=headers(number))
            answer = connection.getresponse()
            answer.read()
            mine[answer.status] += 1
        connection.close()
        with lock:
            seen.update(mine)

    def following() -> int | None:
        with lock:
            return next(numbers, None)

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    return seen


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def logged(daemon: Daemon, name: str) -> list[dict[str, Any]]:
    return [line for line in daemon.log() if line["event"] == name]


@pytest.mark.parametrize(
    ("guard", "method", "path", "expected"),
    [
        ("token", "GET", "/api/v1/targets", {401}),
        ("wrong token", "POST", "/-/reload", {401}),
        ("nothing", "POST", "/api/v1/targets/cache/reclaim", {403}),
        ("users", "GET", "/metrics", {401, 429}),
    ],
    ids=["no token", "a wrong token", "none configured", "wrong passwords"],
)
def test_ten_thousand_requests_without_a_token_are_refused_while_a_target_is_helped(
    spawn: Any, start: Any, wait_until: Any, outside: str, tmp_path: Path, guard: str, method: str, path: str,
    expected: set[int],
) -> None:  # fmt: skip
    target = grower(spawn)
    arguments: tuple[str, ...] = ()
    if "token" in guard:
        token = tmp_path / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        arguments = ("--web.token-file", str(token))
    elif guard == "users":
        web = tmp_path / "web.yml"
        web.write_text(f"basic_auth_users: {{alice: '{bcrypt.hashpw(b'right', bcrypt.gensalt(10)).decode()}'}}\n")
        web.chmod(0o600)
        arguments = ("--web.config.file", str(web))
    daemon = start(target.pid, outside, *arguments)
    memory = psutil.Process(daemon.process.pid).memory_info
    before = memory().rss

    def headers(number: int) -> dict[str, str]:
        if guard == "users":
            return basic("alice" if number % 2 else "mallory", f"wrong {number}")
        return {"Authorization": f"Bearer wrong-{number}"} if guard == "wrong token" else {}

    target.say("hold 40")
    target.say("grow 20")  # slowly: what it takes while the rung settles is missing in what came back
    seen = knock(daemon, method, path, headers)
    wait_until(lambda: logged(daemon, "action_ran"), 10.0)

    assert set(seen) <= expected
    assert seen.total() == REQUESTS
    assert logged(daemon, "tier_entered")[0]["target"] == "cache"
    assert logged(daemon, "action_ran")[0]["reclaimed_bytes"] > 40_000_000
    assert memory().rss - before < 15_000_000
    assert daemon.status_of("/-/healthy") == 200
    assert logged(daemon, "watch_stalled") + logged(daemon, "internal_fault") + logged(daemon, "library_said") == []


def test_from_elsewhere_only_metrics_and_health_are_shown(spawn: Any, start: Any, outside: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    target = grower(spawn)
    daemon = start(target.pid, outside, "--web.token-file", str(token))
    opened = ("/metrics", "/-/healthy", "/-/ready")
    closed = ("/", "/api/v1/status", "/api/v1/targets", "/api/v1/events", "/api/v1/stream")

    assert [daemon.status_of(path) for path in (*opened, *closed)] == [200] * 3 + [401] * 5
    assert daemon.status_of("/api/v1/targets/cache/drill", "POST") == 401


def test_from_elsewhere_lifecycle_alone_opens_nothing(spawn: Any, start: Any, outside: str) -> None:
    target = grower(spawn)
    daemon = start(target.pid, outside, "--web.enable-lifecycle")
    connection = http.client.HTTPConnection(daemon.url.partition("://")[2], timeout=30)
    connection.request("POST", "/-/reload")
    answer = connection.getresponse()

    assert answer.status == 403
    assert b"--web.token-file" in (said := answer.read())
    assert b"--web.enable-lifecycle is enough" in said
    connection.close()
