"""What does a real daemon tell systemd of its life, and what does it take from systemd?"""

import signal
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.live.daemon_run import Daemon, start_daemon

pytestmark = pytest.mark.live

CONFIG = "targets: [{name: none, match: {pidfile: /nonexistent}}]"


class Listener:
    """The socket on which systemd would listen."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(20)

    def next(self, beside: str = "WATCHDOG=1") -> list[str]:
        """The states of the next message that is none of the watchdog's."""
        while (states := self.socket.recv(4096).decode().split("\n")) == [beside]:
            pass
        return states


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    made = Listener(str(tmp_path / "notify"))
    yield made
    made.socket.close()


@pytest.fixture
def start(spawn: Any, wait_until: Any, free_port: Any, tmp_path: Path, listener: Listener) -> Callable[..., Daemon]:
    def run(**environ: str) -> Daemon:
        environ = {"NOTIFY_SOCKET": listener.path, **environ}
        return start_daemon(spawn, wait_until, free_port(), tmp_path, CONFIG, env=environ)

    return run


def test_a_life_is_told_in_order(start: Callable[..., Daemon], listener: Listener, tmp_path: Path) -> None:
    daemon = start(WATCHDOG_USEC="600000")
    assert listener.next(beside="") == ["READY=1", "STATUS=watching 1 targets"]
    assert [listener.socket.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3

    (tmp_path / "brimwatch.yaml").write_text("nonsense")
    daemon.process.send_signal(signal.SIGHUP)
    assert [state.partition("=")[0] for state in listener.next()] == ["RELOADING", "MONOTONIC_USEC"]
    rejected = ["READY=1", "STATUS=watching 1 targets; the configuration was rejected, the last good one is in force"]
    assert listener.next() == rejected

    (tmp_path / "brimwatch.yaml").write_text(CONFIG.replace("none", "another"))
    daemon.process.send_signal(signal.SIGHUP)
    assert listener.next()[0] == "RELOADING=1"
    assert listener.next() == ["READY=1", "STATUS=watching 1 targets"]
    assert [one["event"] for one in daemon.log() if one["event"].startswith("config_re")] == [
        "config_rejected", "config_reloaded",
    ]  # fmt: skip

    daemon.process.send_signal(signal.SIGTERM)
    assert listener.next() == ["STOPPING=1"]


def test_the_token_is_taken_from_systemds_credentials(start: Callable[..., Daemon], tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "brimwatch.token").write_text("a-long-and-secret-token\n")
    daemon = start(CREDENTIALS_DIRECTORY=str(tmp_path / "given"))
    assert daemon.status_of("/-/reload", "POST") == 401
    shown = {"Authorization": "Bearer a-long-and-secret-token"}
    request = urllib.request.Request(f"{daemon.url}/-/reload", data=b"", headers=shown)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    assert [one for one in daemon.log() if one["event"] == "web_warned"] == []
