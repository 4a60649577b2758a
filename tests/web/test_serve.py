"""Does the server keep to itself: no signals, no place for those who only hold one, an end when it is told?"""

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest
from tests.record.pictures import many, told
from tests.web.daemons import served, services

from brimwatch.web import serve as server
from brimwatch.web.app import build_app
from brimwatch.web.listen import open_socket, url_of


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.2)


def connect(url: str, room: int | None = None) -> socket.socket:
    """A connection; `room`: bytes that the kernel may keep of what we do not take, which it has to know beforehand."""
    host, _, port = url.removeprefix("http://").partition(":")
    client = socket.socket()
    client.settimeout(10)
    if room is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    client.connect((host, int(port)))
    return client


def is_established(client: socket.socket) -> bool:
    """The state of the kernel's end: tcp(7), the first byte of struct tcp_info is 1 for ESTABLISHED."""
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[0] == 1


def test_signal_handlers_stay_whose_they_are() -> None:
    def handlers() -> "list[object]":
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async def look() -> "tuple[list[object], list[object]]":
        before = handlers()
        listener = open_socket("127.0.0.1:0")
        up = asyncio.Event()
        serving = asyncio.create_task(server.serve(build_app(services(told())), listener, up.set))
        await asyncio.wait_for(up.wait(), 20)
        meanwhile = handlers()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        return before, meanwhile

    before, meanwhile = asyncio.run(look())

    assert meanwhile == before


def test_a_cancel_ends_it_and_frees_the_port() -> None:
    async def start_and_end() -> tuple[str, bool]:
        listener = open_socket("127.0.0.1:0")
        url = url_of(listener)
        up = asyncio.Event()
        serving = asyncio.create_task(server.serve(build_app(services(told())), listener, up.set))
        await asyncio.wait_for(up.wait(), 20)
        async with httpx.AsyncClient() as client:  # a connection that is kept open does not hold the end up
            assert (await client.get(url + "-/healthy")).status_code == 200
            serving.cancel()
            await asyncio.wait({serving}, timeout=20)
        return url, serving.cancelled()

    url, cancelled = asyncio.run(start_and_end())

    assert cancelled
    with pytest.raises(ConnectionRefusedError):
        connect(url.rstrip("/"))


@pytest.mark.parametrize(
    ("begin", "answered"),
    [(b"", b""), (b"GET / HT", b""), (b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 200")],
    ids=["silence", "half a request", "silence after a request"],
)
def test_a_connection_that_does_nothing_is_closed(impatient: None, begin: bytes, answered: bytes) -> None:
    with served(services(told())) as url, connect(url) as client:
        client.sendall(begin)
        answer = b""
        with suppress(ConnectionResetError):  # where what we sent is still unread
            while chunk := client.recv(4096):
                answer += chunk

    assert answer[:12] == answered


def test_a_client_that_does_not_take_its_answer_is_cut_off(
    impatient: None, wait_until: "Callable[..., object]"
) -> None:
    handed_in = services(many(6000))  # more than the 4 MiB that the kernel may hold of it: tcp(7), tcp_wmem
    with served(handed_in) as url, connect(url, 4096) as client:
        client.sendall(b"GET /api/v1/targets HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: not is_established(client), 30.0)
        taken = 0
        with suppress(ConnectionResetError):
            while chunk := client.recv(1 << 16):
                taken += len(chunk)

    assert taken < 1_000_000


def test_a_request_head_is_bounded() -> None:
    with served(services(told())) as url, connect(url) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * (2 * server.LONGEST_HEAD))
        answer = client.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400")


def test_beyond_so_many_connections_the_answer_is_503() -> None:
    with served(services(told())) as url:
        held = [connect(url) for _ in range(server.MOST_CONNECTIONS)]
        try:
            answer = httpx.get(url + "/-/healthy")
        finally:
            for client in held:
                client.close()

    assert answer.status_code == 503


def test_what_is_no_http_is_answered_with_400_and_goes_on() -> None:
    with served(services(told())) as url:
        with connect(url) as client:
            client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
            answer = client.recv(4096)
        after = httpx.get(url + "/-/healthy")

    assert answer.startswith(b"HTTP/1.1 400")
    assert after.status_code == 200
