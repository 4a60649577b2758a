"""Are the figures of a Python process, seen from outside, those that it gives of itself? On every CPython there is."""

from typing import Any

import pytest
from tests.inspect.pythons import PYTHONS, Looked, pool_size, start_python

from brimwatch.inspect.found import Interpreter
from brimwatch.inspect.interpreter import find_interpreter
from brimwatch.inspect.memory import Memory
from brimwatch.inspect.objects import count_objects, find_lists
from brimwatch.inspect.pymalloc import count_pools, list_pools
from brimwatch.inspect.type_sample import sample_types

pytestmark = [pytest.mark.live, pytest.mark.parametrize("python", PYTHONS)]

LOADED = "kept = [{'a': i, 'b': [i]} for i in range(200000)]\n"
HOLES = LOADED + "kept = kept[::9]\n"
THREADS = "e = threading.Event()\nfor i in range(34): threading.Thread(target=e.wait, daemon=True).start()\n"
TYPES = """
class Order:
    def __init__(self, number): self.number = number; self.text = str(number)
class Slim:
    __slots__ = ("value",)
    def __init__(self, value): self.value = value
kept = [Order(i) for i in range(60000)], [Slim(i + 0.5) for i in range(120000)]
"""


def interpreter_of(looked: Looked) -> Interpreter:
    found = find_interpreter(looked.memory(), looked.maps(), f"/proc/{looked.pid}")
    assert found is not None
    return found


def lists_of(looked: Looked) -> int:
    """Where its lists begin. A page that is touched between two of our reads makes one try fail."""
    state = interpreter_of(looked).state
    assert state is not None
    found = [lists for lists in (find_lists(looked.memory(), state) for _ in range(5)) if lists is not None]
    assert found
    return found[0]


@pytest.mark.parametrize(
    ("setup", "share"),
    [
        pytest.param("", 0.04, id="fresh"),
        pytest.param(LOADED, 0.01, id="loaded"),
        pytest.param(HOLES, 0.01, id="full of holes"),
    ],
)
def test_blocks(spawn: Any, python: str, setup: str, share: float) -> None:
    looked = start_python(spawn, python, setup)
    counted = count_pools(Memory(looked.pid), looked.heap(), pool_size(python))
    assert counted.blocks == pytest.approx(looked.said["blocks"], rel=share)
    assert counted.used <= counted.held
    assert (counted.whole, counted.swapped) == (True, 0)


def test_holes_are_held_and_not_used(spawn: Any, python: str) -> None:
    looked = start_python(spawn, python, LOADED)
    before = count_pools(Memory(looked.pid), looked.heap(), pool_size(python))
    looked.do("kept = kept[::9]")
    after = count_pools(Memory(looked.pid), looked.heap(), pool_size(python))
    assert before.used / before.held > 0.9
    assert after.used / after.held < 0.4


@pytest.mark.parametrize(("setup", "threads"), [pytest.param("", 1, id="one"), pytest.param(THREADS, 35, id="many")])
def test_threads_are_exact(spawn: Any, python: str, setup: str, threads: int) -> None:
    looked = start_python(spawn, python, setup)
    found = interpreter_of(looked)
    assert (found.threads, looked.said["threads"]) == (threads, threads)


def test_tracked_objects_are_exact_but_for_two(spawn: Any, python: str) -> None:
    looked = start_python(spawn, python, LOADED)
    objects = count_objects(looked.memory(), lists_of(looked), 30.0).objects
    assert objects is not None
    assert 0 <= objects - looked.said["objects"] <= 3


CHURN = {
    "growing": "for i in range(600): kept[i % 1000] = [[] for j in range(2000)]\n",
    "replacing": "for i in range(900000): kept[i % 100000] = [i]\n",
}


@pytest.mark.parametrize("kind", CHURN)
def test_under_churn_objects_are_right_or_refused(spawn: Any, python: str, kind: str) -> None:
    looked = start_python(spawn, python, "kept = [[i] for i in range(100000)]\n")
    lists = lists_of(looked)
    least = looked.said["objects"]
    assert looked.process.stdin is not None
    looked.process.stdin.write(CHURN[kind])
    looked.process.stdin.flush()
    seen = [count_objects(looked.memory(), lists, 30.0) for _ in range(20)]
    assert {one.why for one in seen if one.objects is None} <= {
        "its garbage collector ran meanwhile",
        "the process changed its lists while they were walked",
        "a part of its lists is not in memory, or went while they were walked",
    }
    most = least + (1_200_000 if kind == "growing" else 0)
    counts = [one.objects for one in seen if one.objects is not None]
    assert [count for count in counts if not least * 0.995 <= count <= most * 1.005] == []


def test_while_its_collector_runs_objects_are_exact_or_refused(spawn: Any, python: str) -> None:
    looked = start_python(spawn, python, LOADED)
    lists = lists_of(looked)
    truth = looked.said["objects"]
    assert looked.process.stdin is not None
    looked.process.stdin.write("for i in range(60): gc.collect()\n")
    looked.process.stdin.flush()
    seen = [count_objects(looked.memory(), lists, 30.0).objects for _ in range(12)]
    assert [objects for objects in seen if objects is not None and not 0 <= objects - truth <= 30] == []
    assert None in seen


def test_the_largest_types_by_name(spawn: Any, python: str) -> None:
    looked = start_python(spawn, python, TYPES)
    size = pool_size(python)
    pools = list_pools(Memory(looked.pid), looked.heap(), size)
    shares = {share.name: share for share in sample_types(looked.memory(), pools, size)}
    assert shares["Slim"].objects == pytest.approx(120_000, rel=0.45)
    assert shares["Order"].objects == pytest.approx(60_000, rel=0.45)
    assert shares["float"].objects == pytest.approx(120_000, rel=0.45)


def test_a_look_changes_nothing(spawn: Any, python: str) -> None:
    setup = LOADED + "import mmap\nhole = mmap.mmap(-1, 1 << 28)\nprivate = mmap.mmap(-1, 1 << 26, mmap.MAP_PRIVATE)\n"
    looked = start_python(spawn, python, setup)
    looked.do("pass")
    before = looked.resident()
    size = pool_size(python)
    for _ in range(3):
        count_pools(Memory(looked.pid), looked.heap(), size)
        sample_types(looked.memory(), list_pools(Memory(looked.pid), looked.heap(), size), size)
        count_objects(looked.memory(), lists_of(looked), 30.0)
    assert looked.resident() == before
