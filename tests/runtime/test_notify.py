"""How does systemd learn how the daemon is? By datagrams, and never at the daemon's cost."""

import os
import socket
from pathlib import Path

from brimwatch.runtime.notify import Notifier


def test_states_arrive_as_one_datagram(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        assert Notifier({"NOTIFY_SOCKET": path}).send("READY=1", "STATUS=ok") is True
        assert server.recv(100) == b"READY=1\nSTATUS=ok"


def test_an_abstract_socket_is_reached() -> None:
    name = f"brimwatch-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("\0" + name)
        assert Notifier({"NOTIFY_SOCKET": "@" + name}).send("READY=1") is True
        assert server.recv(100) == b"READY=1"


def test_without_a_socket_nothing_is_sent() -> None:
    assert Notifier({}).send("READY=1") is False


def test_a_socket_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    assert Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).send("READY=1") is False


def test_the_watchdog_period_is_in_seconds() -> None:
    assert Notifier({"WATCHDOG_USEC": "30000000"}).watchdog == 30.0


def test_a_watchdog_meant_for_another_process_is_not_ours() -> None:
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).watchdog is None


def test_a_watchdog_of_nonsense_is_none() -> None:
    assert Notifier({"WATCHDOG_USEC": "soon"}).watchdog is None
