"""Is the API server asked as it wants to be, and believed only where it may be?"""

import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.api_server import ApiServer, pod_object
from tests.runtime.pod_bench import Bench

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
