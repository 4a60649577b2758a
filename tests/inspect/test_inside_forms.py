"""The inside of a process on the page for people and in the object for programs."""

from dataclasses import replace

from tests.inspect.test_forms import REPORT

from brimwatch.inspect.deep import unanswered
from brimwatch.inspect.found import Missing, TypeShare
from brimwatch.inspect.json_form import to_json
from brimwatch.inspect.report import Allocator, Python, Split, Thread, Twins
from brimwatch.inspect.text_form import render_text
from brimwatch.units import Bytes

MB = 1_000_000
INSIDE = replace(
    REPORT,
    python=Python(
        "3.11.7", objects=81234, blocks=412345, thread_count=3, stacks=True,
        threads=(Thread(1, "MainThread", "active", "run (app.py)"), *[Thread(2, "pool-1", "idle", "get (q.py)")] * 2),
        types=(TypeShare("Order", 60000, Bytes(25 * MB)), TypeShare("list", 5000, Bytes(5 * MB))),
    ),
    allocators={
        "pymalloc": Allocator(Bytes(60 * MB), Bytes(50 * MB), Bytes(0)),
        "glibc": Allocator(Bytes(300 * MB), Bytes(80 * MB), Bytes(214 * MB), 3),
    },
    split=Split(
        Bytes(50 * MB), Bytes(10 * MB), Bytes(80 * MB), Bytes(220 * MB), Bytes(MB), Bytes(289 * MB), Bytes(40 * MB),
        Bytes(0),
    ),
    twins=Twins(2, Bytes(400 * MB)),
)  # fmt: skip
PAGE = """\
RESIDENT, by who holds it
  Python objects           50.0 MB   up to 512 bytes each, in pymalloc's pools
  pymalloc holes           10.0 MB   free parts of pools: not given back by malloc_trim
  glibc used               80.0 MB   handed out by malloc
  glibc free              220.0 MB   malloc_trim would return 214.0 MB of it
  stacks                    1.0 MB
  other anonymous         289.0 MB   large blocks mapped on their own, data of libraries
  files                    40.0 MB   programs, libraries, mapped files
  shared memory                0 B
"""
PYTHON = """\
PYTHON 3.11.7, 81,234 objects tracked, 412,345 blocks, 3 threads
       objects       bytes    share  type, estimated from a sample of its small objects
        60,000     25.0 MB   50.0 %  Order
         5,000      5.0 MB   10.0 %  list
"""
STACKS = """\
STACKS of 3 Python threads, by their innermost frames
       2  idle    get (q.py)   pool-1, ...
       1  active  run (app.py)   MainThread

THE SAME PROGRAM
  2 more with alike arguments, 400.0 MB resident together
"""


def test_the_page_says_who_holds_what_and_what_every_thread_does() -> None:
    page = render_text(INSIDE)
    assert [part for part in (PAGE, PYTHON, STACKS) if part not in page] == []


def test_the_object_has_the_names_of_the_contract() -> None:
    found = to_json(INSIDE)
    assert found["python"] == {
        "version": "3.11.7", "free_threaded": False, "objects": 81234, "blocks": 412345, "thread_count": 3,
        "threads": [
            {"tid": 1, "name": "MainThread", "state": "active", "frame": "run (app.py)"},
            *[{"tid": 2, "name": "pool-1", "state": "idle", "frame": "get (q.py)"}] * 2,
        ],
        "types": [
            {"name": "Order", "count": 60000, "bytes": 25 * MB}, {"name": "list", "count": 5000, "bytes": 5 * MB},
        ],
    }  # fmt: skip
    assert found["allocators"] == {
        "pymalloc": {"held_bytes": 60 * MB, "used_bytes": 50 * MB, "trimmable_bytes": 0, "arenas": None},
        "glibc": {"held_bytes": 300 * MB, "used_bytes": 80 * MB, "trimmable_bytes": 214 * MB, "arenas": 3},
    }
    assert found["same_program"] == {"count": 2, "rss_bytes": 400 * MB}
    assert sum(value for value in found["resident"].values() if value) == 690 * MB  # type: ignore[attr-defined]


def test_what_was_asked_for_and_is_not_there_is_told_with_its_reason() -> None:
    bare = replace(REPORT, missing=(Missing("python", "no CPython interpreter is in it"), Missing("stacks", "gone")))
    assert unanswered(bare, stacks=True, types=True) == (
        Missing("stacks", "gone"), Missing("types", "no CPython interpreter is in it"),
    )  # fmt: skip
    assert unanswered(bare, stacks=False, types=False) == ()
    assert unanswered(INSIDE, stacks=True, types=True) == ()
