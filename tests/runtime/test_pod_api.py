"""Is the API server asked as it wants to be, and believed only where it may be?"""

import asyncio
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.api_server import ApiServer, pod_object
from tests.runtime.pod_bench import Bench

from brimwatch.act.http_wire import connect
from brimwatch.runtime import pod_api, pod_watch

FORBIDDEN = 'pods is forbidden: User "system:serviceaccount:x:y" cannot list resource "pods" in API group ""'


def test_a_token_that_has_ended_is_read_again(bench: Bench, token_file: Path) -> None:
    bench.server.tokens = {"another"}
    pod = bench.server.put(pod_object("web"))

    def rotate() -> None:
        token_file.write_text("another")

    async def story() -> None:
        await bench.until(lambda: bench.told)
        assert bench.told[0] == "the API server answers 401: Unauthorized"
        rotate()
        await bench.until(lambda: bench.knows(pod))

    bench.during(story)


@pytest.mark.parametrize(
    ("refusal", "told", "waits"),
    [
        pytest.param((403, FORBIDDEN, {}), f"the API server answers 403: {FORBIDDEN}", 1.0, id="not allowed to"),
        pytest.param(
            (429, "too many requests", {"Retry-After": "17"}),
            "the API server answers 429: too many requests",
            17.0,
            id="asked to wait",
        ),
        pytest.param(
            (503, "x\n\x1b[31m" + "y" * 1000, {"Retry-After": "99999"}),
            "the API server answers 503: x??[31m" + "y" * 153,
            600.0,
            id="asked to wait for a day, with a hostile text",
        ),
    ],
)
def test_what_is_refused_is_told_with_the_servers_words(bench: Bench, refusal: Any, told: str, waits: float) -> None:
    bench.server.refusals = [refusal]

    async def story() -> None:
        await bench.until(lambda: len(bench.told) == 2)

    bench.during(story)
    assert bench.told == [told, None]
    assert bench.pauses == [waits]


@pytest.mark.parametrize(
    ("name", "bound", "told"),
    [
        pytest.param("_MOST_PODS", 3, "the API server lists more than 3 pods of one node", id="pods"),
        pytest.param("_LARGEST_LIST", 1 << 20, "the list of pods has more than 1 MiB", id="bytes of a list"),
        pytest.param("_LARGEST_EVENT", 1 << 20, "the API server sent an event of more than 1 MiB", id="of an event"),
    ],
)
def test_what_an_answer_may_hold_is_bounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str, bound: int, told: str
) -> None:
    monkeypatch.setattr(pod_watch, name, bound)
    large = {"annotations": {"pad": "x" * (1 << 18)}}
    for number in range(5 if name != "_LARGEST_EVENT" else 1):
        bench.server.put(pod_object(f"pod-{number}", **large))
    bench.server.raw_event = b'{"type": "' + b"x" * (2 << 20)

    async def story() -> None:
        await bench.until(lambda: told in bench.told)

    bench.during(story)


def test_a_server_that_says_nothing_is_not_waited_for(
    token_file: Path, monkeypatch: pytest.MonkeyPatch, server: ApiServer
) -> None:
    monkeypatch.setattr(pod_api, "OPENING", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        bench = Bench(server, token_file, url=url)

        async def story() -> None:
            await bench.until(lambda: bench.told)

        bench.during(story)
    assert bench.told[0] == f"{url} did not answer within 0s"


@pytest.mark.parametrize("host", ["a..b", "nobody.invalid", "x" * 64])
def test_a_host_that_is_none_is_told_and_tried_again(server: ApiServer, token_file: Path, host: str) -> None:
    bench = Bench(server, token_file, url=f"http://{host}:1")

    async def story() -> None:
        await bench.until(lambda: len(bench.pauses) > 1)

    bench.during(story)
    assert str(bench.told[0]).startswith(f"http://{host}:1: ")


def test_a_connection_whose_other_side_has_vanished_is_noticed_by_the_kernel(server: ApiServer) -> None:
    async def story() -> None:
        wire = await connect(["127.0.0.1"], server.port, None, 5.0)
        wire.keep_alive()
        assert wire._transport is not None
        connection = wire._transport.get_extra_info("socket")
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        seconds = [
            connection.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        ]
        assert seconds == [30, 10, 3]
        wire.abort()

    asyncio.run(story())


def test_tls_is_verified_by_the_authority_that_is_given(token_file: Path, tmp_path: Path) -> None:
    good, other = certificate(tmp_path / "good"), certificate(tmp_path / "other")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(good, good.with_suffix(".key"))
    server = ApiServer().start(lambda plain: context.wrap_socket(plain, server_side=True))
    try:
        pod = server.put(pod_object("web"))
        url = server.url.replace("http:", "https:")
        trusting, doubting = Bench(server, token_file, str(good), url), Bench(server, token_file, str(other), url)

        async def known() -> None:
            await trusting.until(lambda: trusting.knows(pod))

        async def refused() -> None:
            await doubting.until(lambda: doubting.told)

        trusting.during(known)
        doubting.during(refused)
        assert doubting.told[0] == f"{url}: its certificate is not believed: self-signed certificate"
    finally:
        server.stop()


def certificate(path: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key beside it."""
    made = path.with_suffix(".crt")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    words += ["-keyout", str(made.with_suffix(".key")), "-out", str(made), "-subj", "/CN=kube-apiserver"]
    subprocess.run([*words, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return made
