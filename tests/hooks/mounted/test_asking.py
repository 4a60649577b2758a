"""What may another worker's agent say, and who may stand in its place? Nothing of it does harm."""

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from brimwatch.hooks.mounted.asking import Absent, connect, exchange
from brimwatch.hooks.wire import LONGEST_ANSWER, socket_name

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.fixture
def agent(tmp_path: Path) -> Callable[[bytes], str]:
    """`agent(answer)` answers so, in the place of this process's own agent; hands back the run directory."""

    def begin(answer: bytes) -> str:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / socket_name(os.getpid(), 7)))
        listener.listen()

        def speak() -> None:
            with listener, listener.accept()[0] as connection:
                try:
                    connection.recv(65536)
                    connection.sendall(answer)
                    while answer and connection.recv(65536):
                        pass
                except OSError:  # who asked has heard enough
                    return

        threading.Thread(target=speak, daemon=True).start()
        return str(tmp_path)

    return begin


def asked(run_dir: str, seconds: float = 20) -> object:
    with connect(os.getpid(), 7, run_dir) as connection:
        return exchange(connection, "/v1/reclaim", {}, time.monotonic() + seconds)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        pytest.param(b"", ConnectionResetError, id="hangs up"),
        pytest.param(HEAD + b"x" * (LONGEST_ANSWER + 1), ValueError, id="goes on without end"),
    ],
)
def test_an_answer_that_is_none(agent: Callable[[bytes], str], answer: bytes, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        asked(agent(answer))


@pytest.mark.parametrize(
    "said", [b"", b"garbage", HEAD, HEAD + b"{", HEAD + b"[1]", b"\r\n\r\n{}", HEAD + b"[" * 90_000]
)
def test_garbage_is_a_fault_that_the_crew_knows(said: bytes) -> None:
    from brimwatch.hooks.mounted.asking import _parse

    with pytest.raises((OSError, ValueError, RecursionError)):
        _parse(said)


def test_an_agent_that_does_not_end_its_answer_is_given_up_in_time(agent: Callable[[bytes], str]) -> None:
    with pytest.raises(TimeoutError):
        asked(agent(HEAD + b"{"), 0.2)


def test_a_time_that_is_over_is_over(agent: Callable[[bytes], str]) -> None:
    with pytest.raises(TimeoutError):
        asked(agent(HEAD + b"{}"), -1)


def test_who_is_not_the_process_that_is_meant_is_not_spoken_to(tmp_path: Path) -> None:
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / socket_name(os.getppid(), 7)))
        listener.listen()
        with pytest.raises(Absent):
            connect(os.getppid(), 7, str(tmp_path))
        connection = listener.accept()[0]
        with connection:
            heard.append(connection.recv(100))
    assert heard == [b""]


def test_a_place_where_nobody_listens_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / socket_name(os.getpid(), 7)).write_text("no socket")
    for run_dir in (str(tmp_path), str(tmp_path / "nowhere"), str(tmp_path / ("x" * 200))):
        with pytest.raises(Absent):
            connect(os.getpid(), 7, run_dir)
