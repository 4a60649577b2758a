"""Does the book of pods stay what the API server says, whatever happens on the way? Against a server on loopback."""

import pytest
from tests.runtime.api_server import NODE, pod_object
from tests.runtime.pod_bench import Bench

from brimwatch.runtime import pod_watch
from brimwatch.runtime.pod_watch import PodWatch, pause


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

    async def compacting(watch: PodWatch, query: dict[str, str], seen: set[str]) -> tuple[str, str]:
        if "continue" in query and not forgotten:
            forgotten.append(query)
            bench.server.compact()
        return await page(watch, query, seen)

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
        await bench.until(lambda: bench.server.watches >= 2)

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


def test_pauses_grow_to_a_bound_and_are_spread() -> None:
    assert [pause(failures, 0.0) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pause(10**9, 1.0) == 30.0
