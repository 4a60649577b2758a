"""What does a look inside add to a report? Interpreter, allocators, types, threads, twins, and who holds what.

The memory of the process is read and nothing of it changed; its threads go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from brimwatch.inspect.advice import advise
from brimwatch.inspect.asking import PATIENCE, Gaps
from brimwatch.inspect.census import take_census
from brimwatch.inspect.found import Census, Interpreter, Missing, TypeShare, Want
from brimwatch.inspect.report import Allocator, Python, Report, Split, Thread
from brimwatch.inspect.stacks import NoStacks, Stack, dump_stacks
from brimwatch.inspect.threads import group_names, read_threads
from brimwatch.inspect.twins import find_twins
from brimwatch.inspect.type_sample import SAMPLE
from brimwatch.model import ProcessId
from brimwatch.units import Bytes, Seconds

FINER = 2000  # pools that are sampled where more than the usual ten types are asked for
TYPES = 10
MOST = Seconds(10.0)  # CPU seconds that each reader may take
Show = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep to look: how many types, whether stacks are asked for, CPU seconds that each reader may take."""

    types: int = TYPES
    stacks: bool = False
    most: Seconds = MOST


def look_inside(report: Report, escape: Show, depth: Depth = Depth(), procfs: str = "/proc") -> Report:
    """The report with what its inside tells, and with the advice that follows from that.

    Raises ProcessLookupError where the process has ended meanwhile.
    """
    if report.sizes.rss is None:
        return report
    process = ProcessId(report.origin.pid, report.origin.start_ticks)
    gaps = Gaps(PATIENCE + 4 * depth.most)
    wants = frozenset(Want)
    sample = SAMPLE if depth.types <= TYPES else FINER
    census = gaps.ask_patiently("inside", lambda: take_census(procfs, process, wants, depth.most, sample))
    threads = gaps.ask("threads", lambda: read_threads(f"{procfs}/{process.pid}")) or ()
    threads = tuple(one._replace(name=escape(one.name)) for one in threads)
    twins = gaps.ask("the same program", lambda: find_twins(procfs, process.pid))
    if census is not None:
        report = _with_census(report, census, escape, depth.types)
    if depth.stacks:
        report, threads = _with_stacks(report, threads, gaps, escape)
    if report.python is not None:
        report = replace(report, python=replace(report.python, threads=threads))
    found = () if census is None else tuple(one._replace(why=escape(one.why)) for one in _missing_of(census))
    report = replace(report, twins=twins, missing=(*report.missing, *gaps.missing, *found))
    return replace(report, advice=advise(report))


def _with_census(report: Report, census: Census, escape: Show, types: int) -> Report:
    ratio = report.complete_ratio
    return replace(
        report,
        python=None if census.python is None else _python(census, census.python, escape, types),
        allocators=_allocators(census),
        split=_split(report, census),
        complete_ratio=None if ratio is None else ratio * census.complete_ratio,
    )


def _missing_of(census: Census) -> tuple[Missing, ...]:
    """What the look inside did not find; where all of it was refused, that is said of what it is for."""
    if census.denied and census.python is None and census.arenas is None:
        return tuple(Missing(what, census.missing[0].why) for what in ("python", "allocators"))
    return census.missing


def _python(census: Census, found: Interpreter, escape: Show, types: int) -> Python:
    shares = (TypeShare(escape(name), number, size) for name, number, size in census.types[:types])
    return Python(
        version=".".join(str(part) for part in found.version if part is not None),
        free_threaded=found.free_threaded,
        objects=census.objects,
        blocks=None if census.pools is None else census.pools.blocks,
        thread_count=found.threads,
        types=tuple(shares),
    )


def _allocators(census: Census) -> dict[str, Allocator]:
    found = {}
    if census.pools is not None:
        found["pymalloc"] = Allocator(census.pools.held, census.pools.used, Bytes(0))
    if census.arenas is not None:
        arenas = census.arenas
        found["glibc"] = Allocator(arenas.resident, arenas.used, arenas.trimmable, arenas.arenas, arenas.free_elsewhere)
    return found


def _split(report: Report, census: Census) -> Split | None:
    sizes, pools, arenas = report.sizes, census.pools, census.arenas
    if sizes.anon is None:
        return None
    split = Split(
        python=None if pools is None else pools.used,
        pymalloc_holes=None if pools is None else Bytes(pools.held - pools.used),
        glibc_used=None if arenas is None else arenas.used,
        glibc_free=None if arenas is None else Bytes(arenas.resident - arenas.used),
        stacks=census.stacks,
        file=sizes.file,
        shared=sizes.shmem,
    )
    told = (split.python, split.pymalloc_holes, split.glibc_used, split.glibc_free, split.stacks)
    return replace(split, other=Bytes(max(0, sizes.anon - sum(one or 0 for one in told))))


def _with_stacks(
    report: Report, threads: tuple[Thread, ...], gaps: Gaps, escape: Show
) -> tuple[Report, tuple[Thread, ...]]:
    """Names and frames as Python has them; threads that run no Python are left out of its list."""
    if report.python is None:
        gaps.note("stacks", "no CPython interpreter was found in it")
        return report, threads
    try:
        stacks = dump_stacks(report.origin.pid, escape)
    except NoStacks as error:
        gaps.note("stacks", str(error))
        return report, threads
    by_tid = {stack.tid: stack for stack in stacks}
    named = [by_tid[one.tid].name if one.tid in by_tid else one.name for one in threads]
    report = replace(report, thread_groups=group_names(named), python=replace(report.python, stacks=True))
    return report, tuple(map(_thread, stacks))


def _thread(stack: Stack) -> Thread:
    return Thread(stack.tid or 0, stack.name, "idle" if stack.idle else "active", stack.frame or None)


def unanswered(report: Report, stacks: bool, types: bool) -> tuple[Missing, ...]:
    """What was asked for by name and is not there, with the reason: the command has failed then."""
    asked = [*(["stacks"] if stacks else []), *(["types"] if types else [])]
    causes = {"stacks": ("stacks",), "types": ("types", "pools", "python", "pages", "mappings", "inside")}
    have = {"stacks": report.python is not None and report.python.stacks, "types": bool(_types_of(report))}
    reasons = {missing.what: missing.why for missing in reversed(report.missing)}
    return tuple(
        Missing(what, next((reasons[cause] for cause in causes[what] if cause in reasons), "nothing was found"))
        for what in asked
        if not have[what]
    )


def _types_of(report: Report) -> tuple[TypeShare, ...]:
    return () if report.python is None else report.python.types
