"""Does the server listen where it was told, and say what is in the way?"""

import os
import socket

import pytest

from brimwatch.errors import UsageError
from brimwatch.web.listen import WANTED, open_socket, parse_address, url_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9847", ("127.0.0.1", 9847)),
        ("[::1]:9847", ("::1", 9847)),
        (":9847", ("", 9847)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text", ["", "9847", "127.0.0.1", "127.0.0.1:", "::1:9847", "127.0.0.1:http", "127.0.0.1:70000", "127.0.0.1:٣"]
)
def test_what_is_no_address_is_bad_usage(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_address(text)
    assert str(raised.value) == f"--web.listen-address {text!r}: wanted {WANTED}"


def test_a_free_port_is_listened_on() -> None:
    with open_socket("127.0.0.1:0") as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            assert url_of(listener) == f"http://127.0.0.1:{port}/"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_ipv6_loopback() -> None:
    with open_socket("[::1]:0") as listener:
        assert url_of(listener) == f"http://[::1]:{listener.getsockname()[1]}/"


def test_an_empty_host_is_every_address() -> None:
    with open_socket(":0") as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            assert client.getpeername()[1] == port
        assert url_of(listener) == f"http://{os.uname().nodename}:{port}/", "it is sent to whoever is paged"


def test_a_taken_port_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UsageError) as raised:
            open_socket(address)

    port = address.rpartition(":")[2]
    assert str(raised.value) == (
        f"--web.listen-address {address}: port {port} is taken;"
        " another Brimwatch may be running, or choose another port"
    )
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("192.0.2.1:0", "--web.listen-address 192.0.2.1:0: no such address on this machine"),
        ("256.256.256.256:1", "wanted an address such as"),
    ],
    ids=["an address of another machine", "an address that cannot be"],
)
def test_other_faults_are_told(address: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace(".", r"\.")):
        open_socket(address)


def test_a_privileged_port_without_the_right_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(UsageError, match="port 80 needs CAP_NET_BIND_SERVICE; choose one from 1024 on"):
        open_socket("127.0.0.1:80")
