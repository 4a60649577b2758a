"""What follows from a look inside a process? Each sentence with the bytes that it would win.

The holes of glibc's malloc and those of Python's pools are two different things: malloc_trim(3) gives back the former,
and nothing gives back the latter but the end of the last object in each arena of 1 MiB.
"""

from __future__ import annotations

import os
from collections import Counter

from brimwatch.inspect.report import Report, Thread
from brimwatch.units import Bytes, format_bytes, format_ratio

WORTH_SAYING = 16 * 1024 * 1024  # bytes below which nothing is said
LARGE = 0.25  # share of the pools that one type has to take to be spoken of
MANY_ARENAS = 8
MANY_IDLE = 4
_POOLS = {"_worker": "ThreadPoolExecutor"}  # by the innermost frame of a thread that waits for work
_PATH_OF_POOL = "concurrent/futures/thread.py"


def trimmable(report: Report) -> str | None:
    """What malloc_trim gives back."""
    glibc = report.allocators.get("glibc")
    if glibc is None or glibc.trimmable < WORTH_SAYING:
        return None
    return (
        f"malloc_trim would return {format_bytes(glibc.trimmable)}: glibc's malloc holds {format_bytes(glibc.held)} "
        f"and hands out {format_bytes(glibc.used)} of it. The action `trim` asks for it."
    )


def holes(report: Report) -> str | None:
    """What nothing gives back at once."""
    pools = report.allocators.get("pymalloc")
    if pools is None or pools.held - pools.used < max(WORTH_SAYING, pools.held // 4):
        return None
    return (
        f"{format_bytes(pools.held - pools.used)} of the {format_bytes(pools.held)} in Python's pools are holes. "
        "malloc_trim does not give them back: they are used again for new small objects, and fall to the system only "
        "where all objects of an arena have gone. A restart would win them; a lower peak avoids them."
    )


def many_arenas(report: Report) -> str | None:
    """Free memory that only its own threads can use."""
    glibc = report.allocators.get("glibc")
    if glibc is None or glibc.arenas is None or glibc.arenas < MANY_ARENAS or glibc.free_elsewhere < WORTH_SAYING:
        return None
    return (
        f"{glibc.arenas - 1:,} arenas beside malloc's main one hold {format_bytes(glibc.free_elsewhere)} that is free, "
        "each for its own threads: MALLOC_ARENA_MAX=2 in its environment would save up to that much after a restart."
    )


def torn_pages(report: Report) -> str | None:
    """Free memory of malloc's that no trim gives back: there is a block in use on each of its pages."""
    glibc = report.allocators.get("glibc")
    if glibc is None:
        return None
    free = glibc.held - glibc.used
    elsewhere = glibc.free_elsewhere if many_arenas(report) else 0  # spoken of already
    stuck = min(free - glibc.trimmable, free - elsewhere)
    if stuck < max(WORTH_SAYING, glibc.held // 4):
        return None
    fewer = "MALLOC_ARENA_MAX=2 in its environment, or " if glibc.arenas is not None and glibc.arenas > 1 else ""
    return (
        f"{format_bytes(stuck)} of the {format_bytes(glibc.held)} that glibc's malloc holds are free and do not come "
        "back: they lie on pages with blocks in use, which malloc_trim leaves. A restart of the worker would win them; "
        f"{fewer}another malloc such as jemalloc (by LD_PRELOAD) may keep them from gathering."
    )


def largest_type(report: Report) -> str | None:
    """What fills the pools."""
    pools = report.allocators.get("pymalloc")
    types = () if report.python is None else report.python.types
    first = next((one for one in types if not one.name.startswith("(")), None)
    if pools is None or first is None or first.bytes < max(WORTH_SAYING, LARGE * pools.used):
        return None
    share = format_ratio(first.bytes / pools.used)
    return (
        f"About {first.objects:,} objects of type '{first.name}' take {format_bytes(first.bytes)}, {share} of what "
        "Python's small objects take: if their number grows without end, look for who keeps them."
    )


def mapped_alone(report: Report) -> str | None:
    """Large blocks, which are given back when they are freed."""
    split, rss = report.split, report.sizes.rss
    if split is None or split.other is None or not rss or split.python is None:
        return None
    if split.other < max(2 * WORTH_SAYING, rss // 2):
        return None
    return (
        f"{format_bytes(split.other)} lie in blocks that were mapped on their own (arrays, long texts, buffers): each "
        "goes back to the system as soon as the program lets go of it."
    )


def idle_threads(report: Report) -> str | None:
    """A pool larger than its work; known with --stacks only."""
    python = report.python
    if python is None or not python.stacks:
        return None
    idle = Counter(_place(thread) for thread in python.threads if thread.state == "idle" and thread.frame)
    if not idle:
        return None
    place, number = idle.most_common(1)[0]
    if number < max(MANY_IDLE, len(python.threads) // 2):
        return None
    stacks = None if report.split is None else report.split.stacks
    won = "" if not stacks else f", whose stacks take about {format_bytes(_part(stacks, number, report.threads))}"
    return f"{number:,} of {len(python.threads):,} threads idle in {place}{won}: a smaller pool would do the same work."


def twins(report: Report) -> str | None:
    """The same program several times over."""
    found, rss = report.twins, report.sizes.rss
    if found is None or not found.number or not rss or found.rss + rss < WORTH_SAYING:
        return None
    others = f"{found.number:,} other process{'es run' if found.number > 1 else ' runs'}"
    return (
        f"{others} the same program: together with this one {format_bytes(found.rss + rss)} are resident, shared pages "
        f"counted again. If one instance is meant, the other{'s' if found.number > 1 else ''} would win "
        f"{format_bytes(found.rss)}."
    )


def _place(thread: Thread) -> str:
    name, _, path = (thread.frame or "").partition(" (")
    path = path.removesuffix(")")
    if path.endswith(_PATH_OF_POOL) and name in _POOLS:
        return _POOLS[name]
    return f"{name} ({os.path.basename(path)})"


def _part(whole: Bytes, number: int, all_of_them: int) -> Bytes:
    return Bytes(whole * number // max(1, all_of_them))
