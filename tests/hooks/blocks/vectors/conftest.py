"""What do tests of vectors share? Vectors that look like embeddings, a store, and what brute force would find."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from brimwatch.hooks import VectorStore


@functools.cache
def axes(dimensions: int) -> Any:
    """Directions at right angles."""
    return numpy.linalg.qr(numpy.random.default_rng(99).standard_normal((dimensions, dimensions)))[0]


def embeddings(number: int, dimensions: int, seed: int = 0) -> Any:
    """Directions with a spectrum that falls, as those of language models do: most of them lies in a few dimensions."""
    random = numpy.random.default_rng(seed)
    strength = (1 + numpy.arange(dimensions)) ** -0.9
    return ((random.standard_normal((number, dimensions)) * strength) @ axes(dimensions).T).astype(numpy.float32)


def brute_force(vectors: Any, query: Any, k: int) -> set[str]:
    """Keys `k0`, `k1` ... of the nearest by cosine, in float32 and in memory."""
    units = vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)
    return {f"k{n}" for n in numpy.argsort(-(units @ query))[:k]}


def recall(store: VectorStore, vectors: Any, queries: Any, k: int = 10) -> float:
    found = [len({hit.key for hit in store.search(query, k=k)} & brute_force(vectors, query, k)) for query in queries]
    return sum(found) / (k * len(queries))


def fill(store: VectorStore, vectors: Any, first: int = 0) -> None:
    store.add_many([f"k{first + n}" for n in range(len(vectors))], vectors, priorities=1.0)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "v.vectors")


@pytest.fixture
def opened(path: str) -> Iterator[Callable[..., VectorStore]]:
    """`opened(**options)` is a store at `path`, closed afterwards."""
    stores: list[VectorStore] = []

    def begin(**options: Any) -> VectorStore:
        stores.append(VectorStore(path, **options))
        return stores[-1]

    yield begin
    for store in stores:
        store.close()
