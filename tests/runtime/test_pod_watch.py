"""Does the book of pods stay what the API server says, whatever happens on the way? Against a server on loopback."""

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.api_server import NODE, TOKEN, ApiServer, pod_object

from brimwatch.act.web_address import address_of
from brimwatch.discover.pods import PodBook
from brimwatch.procfs.pod_paths import PodPlace
from brimwatch.runtime import pod_watch
from brimwatch.runtime.pod_server import PodServer
from brimwatch.runtime.pod_watch import PodWatch, pause

ID = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
FORBIDDEN = 'pods is forbidden: User "system:serviceaccount:x:y" cannot list resource "pods" in API group ""'


class Bench:
    """A watch that runs against a server, and what is known and told of it. Its pauses take no time."""

    def __init__(self, server: ApiServer, token_file: Path, ca_file: str = "", url: str = "") -> None:
        self.server = server
        self.book = PodBook()
        self.told: list[str | None] = []
        self.pauses: list[float] = []
        where = PodServer(address_of(url or server.url), NODE, str(token_file), ca_file)
        self.watch = PodWatch(where, frozenset(("app", "tier")), self.book, self.told.append, lambda: 0.0, self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0.01)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.005)

    def during(self, story: Callable[[], Awaitable[None]]) -> None:
        """Run the watch beside a story."""

        async def both() -> None:
            task = asyncio.get_running_loop().create_task(self.watch.run())
            try:
                await story()
                assert not task.done()
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        asyncio.run(both())

    def knows(self, pod: dict[str, Any]) -> str | None:
        """Namespace, name, container and labels of the pod's first container, where they are known."""
        status = pod["status"]["containerStatuses"][0]
        found = self.book.find((PodPlace(pod["metadata"]["uid"], status["containerID"].partition("://")[2]),))
        if found is None:
            return None
        labels = ",".join(f"{key}={value}" for key, value in found.pod.labels)
        return f"{found.pod.namespace}/{found.pod.name}/{found.container} {labels}"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    running = ApiServer().start()
    yield running
    running.stop()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture
def bench(server: ApiServer, token_file: Path) -> Bench:
    return Bench(server, token_file)


def test_what_is_there_is_listed_and_what_comes_and_goes_is_followed(bench: Bench) -> None:
    first, elsewhere = bench.server.put(pod_object("web")), bench.server.put(pod_object("far", node="node-2"))

    async def story() -> None:
        await bench.until(lambda: bench.knows(first) == "shop/web/app app=web")
        second = bench.server.put(pod_object("db", "data", labels={"tier": "back"}))
        await bench.until(lambda: bench.knows(second) == "data/db/app app=db,tier=back")
        second["metadata"]["labels"]["tier"] = "front"
        bench.server.put(second)
        await bench.until(lambda: bench.knows(second) == "data/db/app app=db,tier=front")
        bench.server.delete(first)
        await bench.until(lambda: bench.knows(first) is None)
        assert bench.knows(elsewhere) is None
        assert len(bench.book) == 1

    bench.during(story)
    listing, watching = bench.server.asked
    assert listing == {"fieldSelector": f"spec.nodeName={NODE}", "limit": "50", "resourceVersion": "0"}
    assert watching["allowWatchBookmarks"] == "true"
    assert 300 <= int(watching["timeoutSeconds"]) <= 600
    assert bench.told == [None]
    assert bench.pauses == []


@pytest.mark.parametrize("chunks", [pytest.param(True, id="in chunks"), pytest.param(False, id="in one piece")])
def test_a_long_list_is_read_whole(bench: Bench, chunks: bool) -> None:
    bench.server.chunks_cache = chunks
    pods = [bench.server.put(pod_object(f"pod-{number}")) for number in range(120)]

    async def story() -> None:
        await bench.until(lambda: bench.server.watches)
        assert [pod["metadata"]["name"] for pod in pods if bench.knows(pod) is None] == []

    bench.during(story)
    assert [("continue" in query) for query in bench.server.asked[:-1]] == ([False, True, True] if chunks else [False])


def test_a_chunk_that_comes_too_late_begins_the_list_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.server.chunks_cache = True
    pods = [bench.server.put(pod_object(f"pod-{number}")) for number in range(60)]
    bench.server.refusals = []
    forgotten = []
    page = PodWatch._page

    async def compacting(watch: PodWatch, query: dict[str, str]) -> str:
        if "continue" in query and not forgotten:
            forgotten.append(query)
            bench.server.compact()
        return await page(watch, query)

    monkeypatch.setattr(PodWatch, "_page", compacting)

    async def story() -> None:
        await bench.until(lambda: bench.server.watches)
        assert all(bench.knows(pod) for pod in pods)

    bench.during(story)
    assert [query.get("resourceVersion") for query in bench.server.asked[:3]] == ["0", None, None]
    assert "continue" not in bench.server.asked[2]


def test_a_watch_that_breaks_off_goes_on_from_the_last_version_seen(bench: Bench) -> None:
    async def story() -> None:
        await bench.until(lambda: bench.server.watches == 1)
        pod = bench.server.put(pod_object("web"))
        await bench.until(lambda: bench.knows(pod))
        marked = bench.server.bookmark()
        await bench.until(lambda: bench.watch._version == marked)
        bench.server.drop()
        await bench.until(lambda: bench.server.watches == 2)
        assert bench.server.asked[-1]["resourceVersion"] == marked
        other = bench.server.put(pod_object("late"))
        await bench.until(lambda: bench.knows(other))
        assert bench.knows(pod)

    bench.during(story)
    assert len([query for query in bench.server.asked if "watch" not in query]) == 1
    assert bench.told == [None, None]


def test_the_end_of_a_watch_is_the_beginning_of_the_next(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_watch, "WATCH", 1.0)
    monkeypatch.setattr(pod_watch, "SETTLED", 0.5)

    async def story() -> None:
        await bench.until(lambda: bench.server.watches >= 3)

    bench.during(story)
    assert bench.pauses == []
    assert set(bench.told) == {None}


@pytest.mark.parametrize("inside", [pytest.param(True, id="within the watch"), pytest.param(False, id="as its status")])
def test_a_version_that_was_forgotten_means_a_new_list_of_what_is_certain(bench: Bench, inside: bool) -> None:
    bench.server.expired_in_watch = inside

    async def story() -> None:
        gone = bench.server.put(pod_object("gone"))
        await bench.until(lambda: bench.knows(gone))
        await bench.until(lambda: bench.server.watches == 1)
        bench.server.stop()
        bench.server.delete(gone)
        stays = bench.server.put(pod_object("stays"))
        bench.server.compact()
        assert bench.knows(gone), "known until the server says otherwise"
        bench.server.start()
        await bench.until(lambda: bench.knows(stays))
        await bench.until(lambda: bench.knows(gone) is None)
        await bench.until(lambda: bench.told[-1] is None)

    bench.during(story)
    lists = [query for query in bench.server.asked if "watch" not in query]
    assert [query.get("resourceVersion") for query in lists] == ["0", None]


def test_a_server_that_dies_and_returns_is_told_of_and_forgets_nothing(bench: Bench) -> None:
    async def story() -> None:
        pod = bench.server.put(pod_object("web"))
        await bench.until(lambda: bench.knows(pod) and bench.server.watches == 1)
        bench.server.stop()
        await bench.until(lambda: len(bench.pauses) >= 8)
        assert bench.knows(pod)
        assert bench.told[1] is not None
        assert bench.told[1].startswith(f"{bench.server.url}: ")
        bench.server.start()
        await bench.until(lambda: bench.told[-1] is None)
        late = bench.server.put(pod_object("late"))
        await bench.until(lambda: bench.knows(late))

    bench.during(story)
    assert bench.pauses[-8:] == sorted(bench.pauses[-8:])
    assert {1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0} <= set(bench.pauses)


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
    "event",
    [
        pytest.param(b"{}\n", id="nothing in it"),
        pytest.param(b"[1, 2\n", id="no JSON"),
        pytest.param(b'{"type": "ADDED", "object": 7}\n', id="a number for a pod"),
        pytest.param(b'{"type": "ERROR", "object": {"kind": "Status", "code": 500}}\n', id="an error of its own"),
        pytest.param(b"[" * 100_000 + b"\n", id="nested too deeply"),
    ],
)
def test_an_event_that_cannot_be_read_ends_the_watch_and_not_the_watching(bench: Bench, event: bytes) -> None:
    pod = bench.server.put(pod_object("web"))
    bench.server.raw_event = event

    async def story() -> None:
        await bench.until(lambda: len(bench.pauses) >= 2)
        assert any(told is not None for told in bench.told)
        bench.server.raw_event = None
        watches = bench.server.watches
        await bench.until(lambda: bench.server.watches > watches and bench.told[-1] is None)
        assert bench.knows(pod)

    bench.during(story)


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


def test_pauses_grow_to_a_bound_and_are_spread() -> None:
    assert [pause(failures, 0.0) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pause(10**9, 1.0) == 30.0


def certificate(path: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key beside it."""
    made = path.with_suffix(".crt")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    words += ["-keyout", str(made.with_suffix(".key")), "-out", str(made), "-subj", "/CN=kube-apiserver"]
    subprocess.run([*words, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return made
