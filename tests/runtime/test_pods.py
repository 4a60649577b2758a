"""When is the API server asked at all, and what is told? With a story that remembers."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.api_server import NODE, TOKEN, ApiServer, pod_object
from tests.runtime.doubles import story

from brimwatch.config.settings import Config, Kubernetes, Match, PodMatch, TargetSpec
from brimwatch.discover.pods import PodBook
from brimwatch.model import Policy
from brimwatch.runtime.pods import PodNames, asks

POLICY = Policy("observe")


def spec(target: str = "web", **match: Any) -> TargetSpec:
    return TargetSpec(target, Match(**match), POLICY)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(spec(container="*"), False, id="a container"),
        pytest.param(spec(pod=PodMatch()), False, id="any pod"),
        pytest.param(spec(pod=PodMatch(qos="BestEffort")), False, id="a class, which stands in the path"),
        pytest.param(spec(pod=PodMatch(namespace="shop")), True, id="a namespace"),
        pytest.param(spec(pod=PodMatch(labels=(("app", "*"),))), True, id="a label"),
        pytest.param(spec(name="x", exclude=Match(pod=PodMatch(name="x"))), True, id="an exception"),
        pytest.param(spec("{container}", container="*"), False, id="a name by container"),
        pytest.param(spec("{pod}", container="*"), True, id="a name by pod"),
    ],
)
def test_names_are_asked_for_where_no_path_tells_them(given: TargetSpec, expected: bool) -> None:
    assert asks(given) is expected


class Bench:
    """Names of pods under a configuration."""

    def __init__(self, server: ApiServer, token_file: Path) -> None:
        self.server = server
        self.kubernetes = Kubernetes(server.url, str(token_file), node=NODE)
        self.story, self.events = story()
        self.books: list[PodBook] = []
        self.names = PodNames(self.story)
        self.names.attach = self.books.append

    def configure(self, *targets: TargetSpec, kubernetes: Kubernetes | None = None) -> None:
        self.names.configure(Config(targets, {}, {}, kubernetes=kubernetes or self.kubernetes))

    def told(self) -> list[str]:
        return [recorded.event.name for recorded in self.events.since(0)]

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.005)

    def run(self, tale: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            try:
                await tale()
            finally:
                await self.names.close()

        asyncio.run(whole())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    server = ApiServer().start()
    (tmp_path / "token").write_text(TOKEN)
    yield Bench(server, tmp_path / "token")
    server.stop()


def test_nobody_is_asked_while_no_target_asks(bench: Bench) -> None:
    async def tale() -> None:
        bench.configure(spec(pod=PodMatch()))
        await bench.names.settle(0.1)
        assert bench.books == []
        assert bench.names.capable(spec(pod=PodMatch())) is None

    bench.run(tale)
    assert bench.server.asked == []


def test_a_reload_keeps_the_watch_or_begins_another_or_ends_it(bench: Bench) -> None:
    named, labelled = spec(pod=PodMatch(namespace="shop")), spec(pod=PodMatch(labels=(("app", "x"),)))

    async def tale() -> None:
        bench.server.put(pod_object("web"))
        bench.configure(named)
        await bench.names.settle(10)
        (book,) = bench.books
        assert len(book) == 1
        await bench.until(lambda: bench.names.capable(named))
        bench.configure(named, spec("other", name="x"))
        assert bench.server.watches == 1
        bench.configure(named, labelled)
        assert len(book) == 1, "what is known is kept"
        await bench.until(lambda: bench.server.watches == 2)
        bench.configure(spec("other", name="x"))
        assert bench.names.capable(named) is False
        assert bench.books == [book]

    bench.run(tale)
    assert bench.told() == []


def test_a_watch_that_cannot_begin_says_what_to_do_and_later_that_nobody_asks(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("NODE_NAME", raising=False)

    async def tale() -> None:
        bench.configure(spec(pod=PodMatch(namespace="shop")), kubernetes=Kubernetes())
        assert bench.told() == ["collector_blind"]
        bench.configure(spec(pod=PodMatch(namespace="shop")))
        await bench.until(lambda: "collector_recovered" in bench.told())
        bench.server.stop()
        await bench.until(lambda: bench.told().count("collector_blind") == 2)
        bench.configure(spec(name="x"))
        assert bench.told().count("collector_recovered") == 2

    bench.run(tale)


def test_who_looks_once_does_not_wait_for_ever(bench: Bench) -> None:
    async def tale() -> None:
        bench.server.stop()
        bench.configure(spec(pod=PodMatch(namespace="shop")))
        await bench.names.settle(0.1)

    bench.run(tale)
    assert bench.told() == ["collector_blind"]


def test_the_watch_is_loaded_by_the_first_target_that_asks() -> None:
    program = (
        "import sys, brimwatch.runtime.engine;"
        "print(sorted(name for name in sys.modules if 'pod_' in name or name.endswith('discover.pods')))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
