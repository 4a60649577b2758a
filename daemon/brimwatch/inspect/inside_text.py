"""How does the inside of a process look to an engineer? Who holds the resident set, then Python, types and threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from brimwatch.inspect.report import Report
from brimwatch.units import Bytes, format_bytes, format_ratio

SHOWN = 20  # frames


def _row(name: str, size: Bytes | None, remark: str = "") -> Iterator[str]:
    if size is not None:
        yield f"  {name:<22}{format_bytes(size):>10}   {remark}".rstrip()


def holders(report: Report) -> Iterator[str]:
    """Who holds the resident set."""
    split, rss = report.split, report.sizes.rss
    if split is None or rss is None:
        return
    yield "RESIDENT, by who holds it"
    yield from _row("Python objects", split.python, "up to 512 bytes each, in pymalloc's pools")
    yield from _row("pymalloc holes", split.pymalloc_holes, "free parts of pools: not given back by malloc_trim")
    yield from _row("glibc used", split.glibc_used, "handed out by malloc")
    trimmable = report.allocators["glibc"].trimmable if "glibc" in report.allocators else Bytes(0)
    yield from _row("glibc free", split.glibc_free, f"malloc_trim would return {format_bytes(trimmable)} of it")
    yield from _row("stacks", split.stacks)
    yield from _row("other anonymous", split.other, "large blocks mapped on their own, data of libraries")
    yield from _row("files", split.file, "programs, libraries, mapped files")
    yield from _row("shared memory", split.shared)


def interpreter(report: Report) -> Iterator[str]:
    """Python itself, and the largest types."""
    python = report.python
    if python is None:
        return
    facts = [f"PYTHON {python.version}{' (free-threaded)' if python.free_threaded else ''}"]
    for number, what in (
        (python.objects, "objects tracked"),
        (python.blocks, "blocks"),
        (python.thread_count, "threads"),
    ):
        if number is not None:
            facts.append(f"{number:,} {what}")
    yield ", ".join(facts)
    if not python.types:
        return
    yield f"  {'objects':>12}  {'bytes':>10}  {'share':>7}  type, estimated from a sample of its small objects"
    used = report.allocators["pymalloc"].used if "pymalloc" in report.allocators else 0
    for one in python.types:
        share = format_ratio(one.bytes / used) if used else ""
        yield f"  {one.objects:>12,}  {format_bytes(one.bytes):>10}  {share:>7}  {one.name}"


def stacks(report: Report) -> Iterator[str]:
    """What every Python thread is doing."""
    python = report.python
    if python is None or not python.stacks:
        return
    alike = Counter((thread.state, thread.frame or "") for thread in python.threads)
    yield f"STACKS of {len(python.threads):,} Python threads, by their innermost frames"
    for (state, frame), number in alike.most_common(SHOWN):
        first = next(one.name for one in python.threads if (one.state, one.frame or "") == (state, frame))
        name = first if number == 1 else f"{first}, ..."
        yield f"  {number:>6,}  {state:<6}  {frame}   {name}".rstrip()
    if len(alike) > SHOWN:
        yield f"  and {len(alike) - SHOWN:,} more frames"


def alike(report: Report) -> Iterator[str]:
    """Other processes of the same program."""
    found = report.twins
    if found is not None and found.number:
        yield "THE SAME PROGRAM"
        yield f"  {found.number:,} more with alike arguments, {format_bytes(found.rss)} resident together"
