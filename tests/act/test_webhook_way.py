"""Which way does a message take: TLS that verifies or does not, proxies, names? All real, on loopback."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.act.sinks import GIGABYTE, Authority, answer, authority, floods, proxy, raw, silent, sink

from brimwatch.act.off_loop import Threads
from brimwatch.act.send_webhook import Fate, Reply, send_once
from brimwatch.act.web_address import address_of
from brimwatch.act.web_route import Proxy, Unusable, proxy_for
from brimwatch.act.webhook_options import Webhook
from brimwatch.units import Seconds

FINE = answer("204 No Content")


def send(options: Webhook) -> Reply:
    return asyncio.run(send_once(options, "msg_1", b"{}", time.time()))


@pytest.fixture
def trusted(component: Callable[[str], str], tmp_path: Path) -> Authority:
    return authority(component("openssl"), tmp_path)


def test_a_private_authority_is_trusted_where_the_configuration_names_it(trusted: Authority) -> None:
    with sink(FINE, trusted.server) as receiver:
        assert send(Webhook(receiver.url, ca_file=trusted.ca_file)).fate is Fate.DELIVERED
    assert receiver.heard[0].body == b"{}"


def test_a_certificate_of_an_unknown_authority_is_final_and_names_the_remedy(trusted: Authority) -> None:
    with sink(FINE, trusted.server) as receiver:
        reply = send(Webhook(receiver.url))
    assert (reply.fate, reply.status, receiver.heard) == (Fate.REFUSED, None, [])
    assert reply.detail == (
        f"https://127.0.0.1:{receiver.port}: its certificate is not trusted (unable to get local issuer certificate), "
        "by the machine's authorities; set `ca_file` to the authority that signed it"
    )


def test_an_authority_that_is_replaced_is_read_again(
    trusted: Authority, component: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "next").mkdir()
    following = authority(component("openssl"), tmp_path / "next")
    with sink(FINE, following.server) as receiver:
        options = Webhook(receiver.url, ca_file=trusted.ca_file)
        assert send(options).fate is Fate.REFUSED
        Path(following.ca_file).replace(trusted.ca_file)
        assert send(options).fate is Fate.DELIVERED


def test_a_certificate_for_another_name_is_final(component: Callable[[str], str], tmp_path: Path) -> None:
    other = authority(component("openssl"), tmp_path, "DNS:elsewhere.example")
    with sink(FINE, other.server) as receiver:
        reply = send(Webhook(receiver.url, ca_file=other.ca_file))
    assert (reply.fate, receiver.heard) == (Fate.REFUSED, [])
    assert "certificate is not valid for '127.0.0.1'" in reply.detail
    assert f"by ca_file {other.ca_file}" in reply.detail


def test_over_tls_an_answer_of_two_gigabytes_is_not_read_on_either(trusted: Authority) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n"
    with sink(floods(head, 2 * GIGABYTE), trusted.server) as receiver:
        assert send(Webhook(receiver.url, ca_file=trusted.ca_file)).fate is Fate.DELIVERED
    assert receiver.sent < 32 << 20


@pytest.mark.parametrize("through", [pytest.param(False, id="straight"), pytest.param(True, id="through a proxy")])
def test_a_handshake_that_stalls_has_its_time(through: bool) -> None:
    with sink(silent, reads=False) as receiver, proxy() as between:
        url = receiver.url.replace("http:", "https:")
        reply = send(Webhook(url, timeout=Seconds(0.3), proxy=between.url if through else ""))
    assert (reply.fate, reply.status) == (Fate.RETRY, None)
    assert "no answer within 300ms" in reply.detail


def test_a_receiver_without_tls_may_learn_it() -> None:
    with sink(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), reads=False) as receiver:
        reply = send(Webhook(receiver.url.replace("http:", "https:")))
    assert (reply.fate, reply.status) == (Fate.RETRY, None)
    assert reply.detail == f"https://127.0.0.1:{receiver.port}: no TLS: wrong version number"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(None, "cannot be read: No such file or directory", id="a missing file"),
        pytest.param("no certificate", "holds no certificates in PEM format", id="another file"),
    ],
)
def test_without_its_authorities_nothing_is_sent(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    reply = send(Webhook("https://127.0.0.1:9/", ca_file=str(path)))
    assert (reply.fate, reply.detail) == (
        Fate.RETRY,
        f"https://127.0.0.1:9: nothing is sent: ca_file {path} {why}",
    )


def test_a_proxy_passes_a_message_on_and_sees_all_of_it() -> None:
    with sink(FINE) as receiver, proxy() as between:
        assert send(Webhook(receiver.url + "?a=b", proxy=between.url)).fate is Fate.DELIVERED
    assert between.asked[0].line == f"POST {receiver.url}?a=b HTTP/1.1"
    assert receiver.heard[0].line == "POST /hook?a=b HTTP/1.1"
    assert receiver.heard[0].body == b"{}"


def test_with_tls_a_proxy_makes_a_tunnel_and_sees_nothing(trusted: Authority) -> None:
    with sink(FINE, trusted.server) as receiver, proxy() as between:
        assert send(Webhook(receiver.url, proxy=between.url, ca_file=trusted.ca_file)).fate is Fate.DELIVERED
    (asked,) = between.asked
    assert (asked.line, asked.headers) == (
        f"CONNECT 127.0.0.1:{receiver.port} HTTP/1.1",
        {"host": f"127.0.0.1:{receiver.port}"},
    )
    assert receiver.heard[0].body == b"{}"


def test_through_a_tunnel_certificates_are_verified_as_well(trusted: Authority) -> None:
    with sink(FINE, trusted.server) as receiver, proxy() as between:
        reply = send(Webhook(receiver.url, proxy=between.url))
    assert (reply.fate, receiver.heard) == (Fate.REFUSED, [])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(b"HTTP/1.1 407 Who\r\n\r\n", (Fate.REFUSED, 407), id="it wants to know who asks"),
        pytest.param(b"HTTP/1.1 502 Bad Gateway\r\n\r\n", (Fate.RETRY, 502), id="it does not reach the receiver"),
        pytest.param(b"no HTTP\r\n\r\n", (Fate.RETRY, None), id="garbage"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nearly words", (Fate.RETRY, None), id="it speaks for the receiver"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 9999, (Fate.RETRY, None), id="it never comes to an answer"),
    ],
)
def test_a_proxy_that_makes_no_tunnel(said: bytes, expected: tuple[Fate, int | None]) -> None:
    with proxy(refusal=said) as between:
        reply = send(Webhook("https://sink.invalid/", proxy=between.url))
    assert (reply.fate, reply.status) == expected
    if reply.status is not None:
        assert reply.detail.startswith(f"the proxy for https://sink.invalid answered {reply.status}")


def test_the_environment_alone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with sink(FINE) as receiver:
        assert send(Webhook(receiver.url)).fate is Fate.DELIVERED


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        pytest.param(
            "http://sink.example/",
            {"http_proxy": "http://proxy.example:3128"},
            Proxy(address_of("http://proxy.example:3128")),
            id="the proxy for the scheme",
        ),
        pytest.param(
            "https://sink.example/",
            {"HTTPS_PROXY": "proxy.example:3128"},
            Proxy(address_of("http://proxy.example:3128")),
            id="without a scheme of its own",
        ),
        pytest.param(
            "https://sink.example/",
            {"all_proxy": "http://me:s%40me@proxy.example"},
            Proxy(address_of("http://proxy.example"), "Basic bWU6c0BtZQ=="),
            id="with a user and a password",
        ),
        pytest.param(
            "http://sink.example/", {"https_proxy": "http://proxy.example"}, None, id="one for another scheme"
        ),
        pytest.param(
            "http://sink.example/",
            {"http_proxy": "http://proxy.example", "no_proxy": ".example"},
            None,
            id="not for this name",
        ),
        pytest.param("http://127.0.0.1:80/", {"http_proxy": "http://proxy.example"}, None, id="not for loopback"),
        pytest.param("http://localhost/", {"http_proxy": "http://proxy.example"}, None, id="nor by its name"),
    ],
)
def test_which_proxy_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, url: str, environment: dict[str, str], expected: Proxy | None
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(address_of(url), "env") == expected


def test_a_proxy_of_the_environment_that_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://me:secret@proxy.example")
    with pytest.raises(Unusable) as caught:
        proxy_for(address_of("http://sink.example/"), "env")
    assert str(caught.value) == "the environment names a proxy whose address is not http://HOST:PORT"


def test_what_hangs_off_the_loop_holds_neither_the_loop_nor_others_with_a_thread_of_their_own() -> None:
    release = threading.Event()
    names = Threads("test-names", 1)

    async def use() -> list[str]:
        hung = asyncio.ensure_future(names.run(release.wait))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await names.run(lambda: "has to wait")
        hung.cancel()
        others = [await Threads("test-files", 1).run(lambda: "free")]
        release.set()
        return [*others, await names.run(lambda: "its turn")]

    assert asyncio.run(use()) == ["free", "its turn"]


def test_a_thread_that_hangs_does_not_keep_a_process_from_ending() -> None:
    program = """
import asyncio, threading
from brimwatch.act.off_loop import Threads
async def main():
    try:
        await asyncio.wait_for(Threads("hangs", 1).run(threading.Event().wait), 0.05)
    except TimeoutError:
        print("given up")
asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (ended.stdout, ended.returncode) == ("given up\n", 0)


def test_what_fails_off_the_loop_fails_for_who_waits() -> None:
    def fail() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError):
        asyncio.run(Threads("test", 1).run(fail))
