"""Does a search find what brute force finds, in little memory, and by words when memory is short?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.hooks.blocks.vectors.conftest import brute_force, embeddings, fill, recall

from brimwatch import hooks
from brimwatch.hooks import VectorStore
from brimwatch.hooks.request import Request
from brimwatch.hooks.vectors.search import widen

Opened = Callable[..., VectorStore]


@pytest.mark.parametrize(("dtype", "least"), [("float16", 0.99), ("float32", 1.0)])
def test_ten_nearest_are_those_of_brute_force_in_float32(opened: Opened, dtype: str, least: float) -> None:
    vectors, queries = embeddings(2000, 128), embeddings(50, 128, seed=1)
    store = opened(dtype=dtype)
    fill(store, vectors)
    assert recall(store, vectors, queries) >= least
    assert store.info()["file_bytes"] == pytest.approx(2000 * 129 * (2 if dtype == "float16" else 4), rel=0.01)


def test_vectors_in_memory_stay_under_two_megabytes_while_they_grow_a_hundred_times(opened: Opened) -> None:
    store, queries, sizes = opened(), embeddings(20, 128, seed=1), []
    for number in (300, 29_700):
        fill(store, embeddings(number, 128, seed=number), first=len(store))
        for query in queries:
            store.search(query)
        sizes.append(store.size_bytes())
        resident = mapped_resident(store._collection.path)
        assert resident < 300_000, "pages of the map are given back piece by piece"
    assert len(store) == 30_000
    assert max(sizes) < 2_000_000
    assert store.info()["hot"] == 50
    assert store.info()["file_bytes"] > 30_000 * 256


def mapped_resident(path: str) -> int:
    """Bytes of this file's map that are in this process's resident set. Source: proc_pid_smaps(5)."""
    found, ours = 0, False
    with open("/proc/self/smaps") as file:
        for line in file:
            if "-" in line.split()[0]:
                ours = line.rstrip().endswith(path)
            elif ours and line.startswith("Rss:"):
                found += int(line.split()[1]) * 1024
    return found


def test_every_float16_widens_to_itself() -> None:
    bits = numpy.arange(65536, dtype=numpy.uint16)
    every = bits[(bits & 0x7C00) != 0x7C00].view(numpy.float16).reshape(-1, 1)  # without NaN and infinity
    wide = numpy.empty(every.shape, numpy.float32)
    widen(every, wide)
    assert numpy.array_equal(wide, every.astype(numpy.float32))
    assert numpy.array_equal(numpy.signbit(wide), numpy.signbit(every))


def test_priorities_weigh_what_is_found(opened: Opened) -> None:
    store = opened()
    for key, priority in (("a", 0.3), ("b", 0.5), ("c", 0.7), ("d", 1.0)):
        store.add(key, [1.0, 0.1], f"the word of {key}", priority)
    store.add("other", [-1.0, 0.0], "nothing", 0.3)
    assert [hit.key for hit in store.search([1.0, 0.1])] == ["d", "c", "b", "a", "other"]
    assert [hit.key for hit in store.search(text="word")] == ["d", "c", "b", "a"]
    assert store.search([1.0, 0.1], k=2)[1].score == pytest.approx(0.7, abs=1e-3)
    store.close()
    plain = opened(weigh=False)
    assert {round(hit.score, 3) for hit in plain.search([1.0, 0.1], k=4)} == {1.0}


def test_under_pressure_words_are_searched_and_the_answer_says_so(opened: Opened, enter: Callable[[str], None]) -> None:
    store = opened()
    store.add("fever", [1.0, 0.0], "Fever and a cough since Monday")
    store.add("knee", [0.0, 1.0], "A swollen knee, no fever", priority=0.3)
    answer = store.search([0.0, 1.0], "knee")
    assert (answer.how, answer.why, [hit.key for hit in answer]) == ("vectors", None, ["knee", "fever"])
    for tier in ("critical", "emergency"):
        enter(tier)
        answer = store.search([1.0, 0.0], "swollen knee?")
        assert (answer.how, answer.why, [hit.key for hit in answer]) == ("keywords", f"tier {tier}", ["knee"])
        answer = store.search([1.0, 0.0], k=1)
        assert (answer.how, answer.why, answer[0].key, answer[0].text[:5]) == ("hot", f"tier {tier}", "fever", "Fever")
    enter("warning")
    assert store.search([1.0, 0.0], "knee").how == "vectors"
    answer = store.search(text='"fever" OR NOT NEAR(x) *) text:')
    assert (answer.how, answer.why, len(answer)) == ("keywords", "no vector", 2)
    assert (len(store.search(text="?!")), store.info()["keyword_searches"]) == (0, 4.0)


def test_the_hot_set_keeps_what_matters_longer_but_nothing_for_ever(opened: Opened) -> None:
    store = opened(hot=3)
    for number in range(8):
        store.add(f"k{number}", numpy.eye(8)[number], priority=1.0 if number == 0 else 0.3)
    for number in (0, 1, 2, 3, 4, 5, 6, 7):
        store.search(numpy.eye(8)[number], k=1)
    assert "k0" in dict(store._hot.items())
    for _ in range(4):
        for number in range(1, 8):
            store.search(numpy.eye(8)[number], k=1)
    assert "k0" not in dict(store._hot.items())
    assert (len(store._hot), store.hit_ratio()) == (3, 0.0)
    store.search(numpy.eye(8)[7], k=1)
    assert store.hit_ratio() == 1 / 37


uses = st.lists(st.tuples(st.integers(0, 20), st.sampled_from((0.3, 0.5, 0.7, 1.0))))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 6), st.integers(0, 3000), uses)
def test_the_hot_set_is_never_over_its_bounds(most: int, most_bytes: int, uses: list[tuple[int, float]]) -> None:
    from brimwatch.hooks.vectors.hot import HotSet

    hot = HotSet(most, most_bytes)
    for key, priority in uses:
        if hot.get(str(key)) is None:
            hot.put(str(key), numpy.zeros(key * 10, numpy.float16), priority)
        assert len(hot) <= most
        assert 0 <= hot.bytes <= most_bytes
        assert hot.bytes == sum(row[1] for row in hot._rows.values())


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(0, 7)),
        st.tuples(st.just("delete"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("open again"), st.booleans(), st.just(0)),
    ),
    max_size=15,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_it_holds_what_was_added_and_not_deleted_whatever_happens_in_between(tmp_path_factory: Any, load: Any) -> None:
    path = str(tmp_path_factory.mktemp("random") / "v")
    store, model = VectorStore(path), dict[str, int]()
    try:
        for kind, what, axis in load:
            if kind == "add":
                keys = [f"k{key}" for key in what]
                store.add_many(keys, [numpy.eye(8)[axis]] * len(keys), [f"axis{axis}"] * len(keys), 1.0)
                model.update(dict.fromkeys(keys, axis))
            elif kind == "delete":
                assert store.delete(f"k{what}") == (model.pop(f"k{what}", None) is not None)
            else:
                if what and store._collection.file is not None:  # as if the process had ended in bad order
                    store._collection.writable = False
                store.close()
                store = VectorStore(path)
            assert len(store) == len(model)
            if store._collection.file is not None:
                assert store._collection.file.header.count <= 10 + 4, "rows of deleted vectors are used again"
            for axis in {*model.values()}:
                near = {hit.key for hit in store.search(numpy.eye(8)[axis], k=20) if hit.score > 0.9}
                assert near == {key for key, found in model.items() if found == axis}
                assert {hit.key for hit in store.search(text=f"axis{axis}", k=20)} == near
    finally:
        store.close()


def test_asked_for_memory_it_gives_the_buffer_then_hot_vectors(opened: Opened, ask: Callable[..., Request]) -> None:
    store = opened(hot=200, max_in_memory=150_000)
    fill(store, embeddings(400, 256))
    for query in embeddings(200, 256, seed=1):
        store.search(query, k=3)
    held, buffer = store.size_bytes(), store._searcher.bytes
    assert 140_000 < held <= 150_000
    assert store.shrink(ask("warning", needed_bytes=1000)) == buffer
    for tier, most in (("warning", 37_500), ("critical", 18_750), ("emergency", 7_500)):
        store.shrink(ask(tier))
        assert most - 1500 < store.size_bytes() <= most
    query = embeddings(1, 256, seed=5)
    assert {hit.key for hit in store.search(query, k=3)} == brute_force(embeddings(400, 256), query[0], 3)


def test_files_are_for_their_owner_alone(opened: Opened, path: str) -> None:
    opened().add("a", [1.0], "what nobody else may read")
    found = {file.name: file.stat().st_mode & 0o777 for file in Path(path).parent.iterdir()}
    assert {f"v.vectors{end}" for end in ("", ".texts", ".texts-wal", ".lock")} <= found.keys()
    assert set(found.values()) == {0o600}


def test_it_registers_itself_with_what_it_wants_shown(opened: Opened) -> None:
    store = opened(name="notes")
    store.add("a", [1.0, 2.0])
    store.search([1.0, 2.0])
    shown = hooks.status()["caches"]["notes"]
    assert (shown["info"]["vectors"], shown["info"]["dimensions"], shown["info"]["variance_retained"]) == (1, 2, 1)
    assert len(shown["info"]) <= 8
    assert hooks.reclaim("emergency", names=["notes"])["hooks"][0]["outcome"] == "ran"
    assert numpy.allclose(store.get("a"), [0.447, 0.894], atol=1e-3)
    assert store.get("b") is None
