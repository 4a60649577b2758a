"""How large is a value? Known ones are compared with what the interpreter says, unknown ones are not guessed at."""

import array
import datetime
import decimal
import enum
import sys
import threading
import tracemalloc
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass
from typing import Any

import numpy
import pytest

from brimwatch.hooks.sizes import MOST_OBJECTS, estimate

size = sys.getsizeof


@dataclass(slots=True)
class Slotted:
    text: str
    unset: int = 0


class Plain:
    def __init__(self, held: object) -> None:
        self.held = held


class Words(str):
    pass


class Color(enum.Enum):
    RED = "red"


class Deceitful:
    @property
    def nbytes(self) -> int:
        raise SystemError("no")


class Negative:
    nbytes = -5


text = "x" * 1000
twice = [text, text]
array_of_ten = numpy.zeros(10)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, size(None), id="nothing"),
        pytest.param(text, size(text), id="text"),
        pytest.param(True, size(True), id="a truth"),
        pytest.param(array.array("d", [1.0] * 50), size(array.array("d", [1.0] * 50)), id="an array of the library"),
        pytest.param(decimal.Decimal("1.5"), size(decimal.Decimal("1.5")), id="a decimal"),
        pytest.param(datetime.date(2026, 1, 1), size(datetime.date(2026, 1, 1)), id="a date"),
        pytest.param([text], size([text]) + size(text), id="a list counts what is in it"),
        pytest.param(twice, size(twice) + size(text), id="what is met twice counts once"),
        pytest.param({"a": [1]}, size({"a": 1}) + size("a") + size([1]) + size(1), id="a dict in depth"),
        pytest.param(deque([text]), size(deque([text])) + size(text), id="a deque"),
        pytest.param(Slotted(text, 5), size(Slotted(text)) + size(text) + size(5), id="slots"),
        pytest.param(array_of_ten, 80 + object.__sizeof__(array_of_ten), id="numpy tells it"),
        pytest.param(numpy.array([text], dtype=object), None, id="objects in an array"),
        pytest.param(b"", size(b""), id="empty"),
    ],
)
def test_what_is_understood_is_counted(value: Any, expected: int | None) -> None:
    if expected is None:
        expected = size(value) + size(text)
    assert estimate(value) == expected


@pytest.mark.parametrize(
    "value",
    [Plain(text), Words(text), OrderedDict(a=text), defaultdict(list, a=[text]), {"t": (text, {text})}, Plain([text])],
    ids=lambda value: type(value).__name__,
)
def test_text_within_anything_written_in_python_is_found(value: Any) -> None:
    found = estimate(value)
    assert found is not None
    assert len(text) < found < len(text) + 1200


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(threading.Lock(), id="a lock"),
        pytest.param((n for n in range(3)), id="a generator"),
        pytest.param(iter([1]), id="an iterator"),
        pytest.param([threading.Lock()], id="a list with a lock"),
        pytest.param(Deceitful(), id="a size that raises"),
        pytest.param(Negative(), id="a size below zero"),
        pytest.param(list(range(MOST_OBJECTS + 1)), id="more objects than are looked at"),
        pytest.param(sys.stderr, id="a file"),
    ],
)
def test_what_is_not_understood_is_unknown(value: Any) -> None:
    assert estimate(value) is None


def test_a_view_counts_as_what_it_keeps_alive() -> None:
    assert (estimate(numpy.zeros(100_000)[:3]) or 0) >= 800_000
    assert (estimate(memoryview(bytes(5000))[:2]) or 0) >= 5000


def test_pandas_tells_its_texts_too() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: `make test` brings it")
    frame = pandas.DataFrame({"a": pandas.Series([text] * 3, dtype=object)})
    assert (estimate(frame) or 0) > 3000


def test_a_cycle_ends() -> None:
    ring: list[object] = []
    ring.append(ring)
    assert estimate(ring) == size(ring)


def test_depth_needs_no_stack() -> None:
    deep: list[object] = []
    for _ in range(MOST_OBJECTS - 10):
        deep = [deep]
    assert estimate(deep) is not None


def test_classes_functions_and_modules_belong_to_the_program() -> None:
    assert estimate([Plain, estimate, threading, len]) == size([1, 2, 3, 4])
    assert estimate(Color.RED) is not None


def test_an_estimate_is_near_what_python_allocates() -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        value = [{"name": f"customer {n}", "prices": [n + 1000.5] * 3, "tags": (f"tag {n}",)} for n in range(1500)]
        real = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    found = estimate(value)
    assert found is not None
    assert 0.85 * real < found < 1.1 * real
