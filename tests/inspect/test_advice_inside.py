"""What follows from a look inside, with the bytes that it would win; and when nothing is said."""

from dataclasses import replace

import pytest

from brimwatch.inspect import advice_inside
from brimwatch.inspect.found import TypeShare
from brimwatch.inspect.report import Allocator, Bounds, Origin, Python, Report, Sizes, Split, Thread, Twins
from brimwatch.units import Bytes, Seconds

MB = 1_000_000
IDLE = Thread(7, "ThreadPoolExecutor-0_1", "idle", "_worker (concurrent/futures/thread.py)")
BUSY = Thread(8, "MainThread", "active", "run (app.py)")
PLAIN = Report(
    Origin(4242, "app", "app", "S", False, 1, None, Seconds(5.0), Seconds(1.0)),
    Sizes(rss=Bytes(500 * MB), anon=Bytes(450 * MB)),
    Bounds(),
    35,
)


def size(millions: float) -> Bytes:
    return Bytes(round(millions * MB))


def allocators(name: str, held: float, used: float, trimmable: float = 0, arenas: int = 1, away: float = 0) -> Report:
    one = Allocator(size(held), size(used), size(trimmable), arenas, size(away))
    return replace(PLAIN, allocators={name: one})


def typed(name: str, megabytes: float) -> Report:
    report = allocators("pymalloc", 200, 200)
    return replace(report, python=Python("3.11.7", types=(TypeShare(name, 1_000_000, size(megabytes)),)))


def threads(*several: Thread, stacks: bool = True) -> Report:
    return replace(PLAIN, python=Python("3.11.7", threads=several, stacks=stacks), split=Split(stacks=size(3.5)))


SAID = [
    pytest.param(
        allocators("glibc", 300, 50, 214),
        "malloc_trim would return 214.0 MB: glibc's malloc holds 300.0 MB and hands out 50.0 MB of it.",
        id="what malloc_trim returns",
    ),
    pytest.param(
        allocators("pymalloc", 300, 50),
        "250.0 MB of the 300.0 MB in Python's pools are holes. malloc_trim does not give them back",
        id="holes in pools, which malloc_trim does not return",
    ),
    pytest.param(
        allocators("glibc", 300, 50, 0, 17, 200),
        "16 arenas beside malloc's main one hold 200.0 MB that is free, each for its own threads: MALLOC_ARENA_MAX=2",
        id="arenas of many threads",
    ),
    pytest.param(
        allocators("glibc", 300, 100, 10),
        "190.0 MB of the 300.0 MB that glibc's malloc holds are free and do not come back: they lie on pages with "
        "blocks in use, which malloc_trim leaves. A restart of the worker would win them; another malloc such",
        id="free parts of pages in use",
    ),
    pytest.param(
        allocators("glibc", 300, 100, 10, 3, 10),
        "190.0 MB of the 300.0 MB that glibc's malloc holds are free and do not come back: they lie on pages with "
        "blocks in use, which malloc_trim leaves. A restart of the worker would win them; MALLOC_ARENA_MAX=2 in its",
        id="free parts of pages in several arenas",
    ),
    pytest.param(
        typed("Order", 90),
        "About 1,000,000 objects of type 'Order' take 90.0 MB, 45.0 % of what Python's small objects take",
        id="one type takes much of it",
    ),
    pytest.param(
        replace(PLAIN, split=Split(python=size(50), other=size(400))),
        "400.0 MB lie in blocks that were mapped on their own",
        id="large blocks",
    ),
    pytest.param(
        threads(*[IDLE] * 31, *[BUSY] * 4),
        "31 of 35 threads idle in ThreadPoolExecutor, whose stacks take about 3.1 MB: a smaller pool",
        id="a pool that waits",
    ),
    pytest.param(
        threads(*[IDLE._replace(frame="wait (lib/queue.py)")] * 5),
        "5 of 5 threads idle in wait (queue.py)",
        id="threads that wait elsewhere",
    ),
    pytest.param(
        replace(PLAIN, twins=Twins(1, size(300))),
        "1 other process runs the same program: together with this one 800.0 MB are resident, shared pages counted "
        "again. If one instance is meant, the other would win 300.0 MB.",
        id="a second instance",
    ),
    pytest.param(
        replace(PLAIN, twins=Twins(3, size(900))), "3 other processes run the same program", id="several instances"
    ),
]
RULES = (
    advice_inside.trimmable,
    advice_inside.holes,
    advice_inside.many_arenas,
    advice_inside.torn_pages,
    advice_inside.largest_type,
    advice_inside.mapped_alone,
    advice_inside.idle_threads,
    advice_inside.twins,
)


def said(report: Report) -> list[str]:
    return [sentence for rule in RULES if (sentence := rule(report)) is not None]


@pytest.mark.parametrize(("report", "begins"), SAID)
def test_what_is_said_carries_its_bytes(report: Report, begins: str) -> None:
    (sentence,) = said(report)
    assert sentence[: len(begins)] == begins


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(PLAIN, id="nothing is known of its inside"),
        pytest.param(allocators("glibc", 30, 20, 10), id="little would come back"),
        pytest.param(allocators("glibc", 300, 240, 0), id="a fifth of it on pages in use"),
        pytest.param(allocators("pymalloc", 300, 290), id="full pools"),
        pytest.param(allocators("pymalloc", 10, 2), id="few holes"),
        pytest.param(allocators("glibc", 300, 290, 0, 17, 5), id="many arenas that are full"),
        pytest.param(typed("Order", 10), id="a small type"),
        pytest.param(typed("(no object: keys of dicts, items of lists, text)", 190), id="what is no type"),
        pytest.param(threads(*[IDLE] * 31, stacks=False), id="no stacks were asked for"),
        pytest.param(threads(IDLE, *[BUSY] * 4), id="threads that work"),
        pytest.param(threads(*[IDLE] * 3), id="a handful of threads"),
        pytest.param(replace(PLAIN, twins=Twins(0, Bytes(0))), id="the only one"),
    ],
)
def test_what_is_not_worth_it_is_not_said(report: Report) -> None:
    assert said(report) == []
