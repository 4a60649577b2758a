"""What does a reduction keep? Measured on vectors that it has not seen; too little, and nothing is reduced."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from tests.hooks.blocks.vectors.conftest import embeddings, fill, recall

from brimwatch.hooks import VectorStore
from brimwatch.hooks.vectors.libraries import VectorStoreError

Opened = Callable[..., VectorStore]


def test_half_of_the_dimensions_keep_the_variance_and_the_neighbours(opened: Opened) -> None:
    vectors, queries = embeddings(1000, 256), embeddings(40, 256, seed=1)
    store = opened(dimensions=128)
    fill(store, vectors[:500])
    assert store.info()["dimensions"] == 256
    fill(store, vectors[500:], first=500)  # by now there are four for each dimension
    shown = store.info()
    assert (shown["dimensions"], shown["input_dimensions"], shown["vectors"]) == (128, 256, 1000)
    assert 0.97 < shown["variance_retained"] < 1
    assert recall(store, vectors, queries) >= 0.9
    more = embeddings(200, 256, seed=3)
    fill(store, more, first=1000)
    assert recall(store, numpy.vstack([vectors, more]), queries) >= 0.9
    store.close()
    again = opened(dimensions=128)
    assert again.info() == {**shown, "vectors": 1200, "file_bytes": again.info()["file_bytes"]}
    assert again.search(more[7], k=1)[0].key == "k1007"


def test_where_too_little_would_be_kept_vectors_stay_as_they_are(opened: Opened) -> None:
    vectors = numpy.random.default_rng(0).standard_normal((600, 64)).astype(numpy.float32)
    store = opened(dimensions=32)
    fill(store, vectors)
    assert (store.info()["dimensions"], store.info()["variance_retained"]) == (64, 1.0)
    assert recall(store, vectors, vectors[:20] + 0.1) >= 0.99
    assert 0.4 < store.reduce() < 0.6
    assert store.info()["dimensions"] == 64
    store.close()
    forced = opened(dimensions=32, least_variance=0.0)
    assert forced.reduce() == pytest.approx(forced.info()["variance_retained"])
    assert forced.info()["dimensions"] == 32
    with pytest.raises(ValueError, match="cannot be reduced"):
        forced.reduce()


def test_numpy_and_scikit_learn_keep_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, kept = embeddings(600, 256), {}
    import sklearn.utils.extmath  # a program that has loaded it: then it is used

    for library in ("scikit-learn", "numpy"):
        if library == "numpy":
            monkeypatch.delitem(sys.modules, "sklearn.utils.extmath")
        with VectorStore(str(tmp_path / library), dimensions=48, least_variance=0.0) as store:
            fill(store, vectors)
            kept[library] = store.info()["variance_retained"]
            assert store.info()["dimensions"] == 48
    assert sklearn.utils.extmath.randomized_svd is not None
    assert kept["scikit-learn"] == pytest.approx(kept["numpy"], abs=0.005)


def test_a_damaged_matrix_is_noticed(opened: Opened, path: str) -> None:
    with opened(dimensions=8, least_variance=0.0) as store:
        fill(store, embeddings(64, 16))
    content = bytearray(Path(path).read_bytes())
    content[4096 + 100] ^= 0xFF
    Path(path).write_bytes(bytes(content))
    with pytest.raises(VectorStoreError, match="matrix by which vectors are reduced is damaged"):
        opened()


def test_two_threads_that_find_it_is_time_reduce_once(opened: Opened) -> None:
    store = opened(dimensions=8, least_variance=0.01)
    fill(store, embeddings(40, 16))
    before = store.info()
    store._reduce_once()
    store._reduce_once()
    assert (before["dimensions"], store.info()) == (8, before)
