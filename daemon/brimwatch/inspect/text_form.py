"""How does a report look to an engineer at three in the morning? Advice, sizes, limits, then the rest."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from brimwatch.inspect.report import Origin, Report
from brimwatch.units import Bytes, format_bytes, format_duration, format_ratio

WIDTH = 100
SHOWN = 10  # rows of a table; the rest is one line
_STATES = {
    "R": "running",
    "S": "asleep",
    "D": "waiting for a disk or a lock, and not to be interrupted",
    "T": "stopped",
    "t": "stopped by a debugger",
    "Z": "a zombie",
    "X": "dead",
    "I": "idle",
}
_UNKNOWN = "unknown"


def render_text(report: Report) -> str:
    """The whole page, at most 100 columns but for what has no blanks to break at; ends in a newline."""
    parts = [_heading(report), _advice(report), _sizes(report), _bounds(report)]
    parts += [_mappings(report), _threads(report), _missing(report)]
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def _size(size: Bytes | None) -> str:
    return _UNKNOWN if size is None else format_bytes(size)


def _row(name: str, value: str, remark: str = "") -> str:
    return f"  {name:<22}{value:>10}   {remark}".rstrip()


def _wrapped(text: str, first: str = "  ", rest: str = "  ") -> Iterator[str]:
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _heading(report: Report) -> Iterator[str]:
    origin = report.origin
    yield from _wrapped(f"{origin.pid}  {origin.cmdline or f'[{origin.comm}]'}", "", "      ")
    yield from _wrapped("; ".join(_who(origin)))
    facts = [f"{report.threads:,} thread{'s' if report.threads != 1 else ''}"]
    if report.sizes.vms is not None and report.bounds.open_files is not None:
        most = report.bounds.soft.get("open files")
        facts.append(f"{report.bounds.open_files:,} open files" + (f" of at most {most:,}" if most else ""))
    if report.sizes.vms is not None and report.bounds.signals is not None:
        facts.append(f"catches {' '.join(report.bounds.signals) or 'no signal'}")
    yield from _wrapped("; ".join(facts))
    for name, value in (("program", origin.exe), ("unit", origin.unit), ("container", origin.container)):
        if value is not None:
            yield f"  {name} {value}"
    if origin.cgroup is not None:
        yield f"  cgroup {origin.cgroup}"


def _who(origin: Origin) -> Iterator[str]:
    name = "kernel thread" if origin.kernel_thread else f"'{origin.comm}'"  # no repr: it is escaped already
    yield f"{name}, {_STATES.get(origin.state, origin.state)}"
    yield f"for {format_duration(origin.age)}, with {format_duration(origin.cpu)} of CPU"
    if origin.uid is not None:
        yield f"user {origin.user or origin.uid}"
    if origin.ppid:
        yield f"child of {origin.ppid}" + (f" '{origin.parent}'" if origin.parent is not None else "")


def _advice(report: Report) -> Iterator[str]:
    if report.advice:
        yield "ADVICE"
    for sentence in report.advice:
        yield from _wrapped(sentence, "  - ", "    ")


def _sizes(report: Report) -> Iterator[str]:
    sizes = report.sizes
    if sizes.rss is None and sizes.vms is None:
        return
    yield "SIZES"
    peak = "" if sizes.peak_rss is None else f"its peak: {format_bytes(max(sizes.peak_rss, sizes.rss or 0))}"
    yield _row("resident set", _size(sizes.rss), peak)
    if sizes.anon is not None:
        yield _row("  anonymous", _size(sizes.anon), "heaps and stacks: only the process itself can give it back")
        yield _row("  file", _size(sizes.file), "programs, libraries, mapped files: the kernel can drop it")
        yield _row("  shared memory", _size(sizes.shmem), "tmpfs, memfd, shared anonymous")
    yield _row("proportional set", _size(sizes.pss), "shared pages divided among those who share them")
    yield _row("unique set", _size(sizes.uss), "what its end would give back")
    yield _row("swapped out", _size(sizes.swap))
    yield _row("virtual set", _size(sizes.vms), "reserved addresses; pages are behind the resident ones alone")


def _bounds(report: Report) -> Iterator[str]:
    bounds = report.bounds
    if report.sizes.vms is None:
        return
    yield "LIMIT"
    if bounds.limit is None:
        yield _row("limit", _UNKNOWN)
    else:
        source = "the tightest on the way up from its cgroup"
        yield _row(
            "limit", _size(bounds.limit.bytes), source if bounds.limit.source == "cgroup" else "the machine's memory"
        )
    if bounds.working_set is not None:
        share = (
            "" if bounds.limit is None else f"{format_ratio(bounds.working_set / bounds.limit.bytes)} of the limit; "
        )
        yield _row("working set", _size(bounds.working_set), share + "its cgroup's usage less inactive file")
        yield _row("  inactive file pages", _size(bounds.file_cache), "of the cgroup; the kernel drops them by itself")
    if bounds.headroom is not None:
        yield _row("headroom", _size(bounds.headroom), "until allocations fail or the OOM killer comes")
    if bounds.machine_total is not None:
        yield _row("machine available", _size(bounds.machine_available), f"of {format_bytes(bounds.machine_total)}")
    if bounds.oom_score is not None:
        adjusted = "" if not bounds.oom_score_adj else f"; adjusted by {bounds.oom_score_adj:+d}"
        yield _row("OOM score", str(bounds.oom_score), f"the killer takes the highest{adjusted}")
    for name in ("address space", "data size"):  # the kernel heeds no limit on the resident set
        if name in bounds.soft:
            yield _row(f"ulimit, {name}", format_bytes(bounds.soft[name]))


def _mappings(report: Report) -> Iterator[str]:
    mappings = report.mappings
    if mappings is None or not mappings.groups:
        return
    yield f"MAPPINGS, the largest of {mappings.kinds:,} kinds, {mappings.count:,} in all"
    yield f"  {'resident':>10}  {'proportional':>12}  {'swapped':>10}  {'virtual':>10}  {'count':>6}  what"
    for group in mappings.groups[:SHOWN]:
        sizes = f"{format_bytes(group.rss):>10}  {format_bytes(group.pss):>12}  {format_bytes(group.swap):>10}"
        yield f"  {sizes}  {format_bytes(group.vms):>10}  {group.number:>6,}  {group.name}"
    rest = mappings.rss - sum(group.rss for group in mappings.groups[:SHOWN])
    if mappings.kinds > SHOWN:
        yield f"  {format_bytes(rest):>10}  in {mappings.kinds - SHOWN:,} more"


def _threads(report: Report) -> Iterator[str]:
    groups = report.thread_groups
    if report.threads < 2 or not groups:
        return
    yield f"THREADS, {report.threads:,} by name"
    for group in groups[:SHOWN]:
        yield f"  {group.number:>10,}  {group.name}"
    if len(groups) > SHOWN:
        yield f"  {sum(group.number for group in groups[SHOWN:]):>10,}  with {len(groups) - SHOWN:,} other names"


def _missing(report: Report) -> Iterator[str]:
    if report.missing:
        yield "NOT KNOWN"
    reasons: dict[str, list[str]] = {}
    for missing in report.missing:
        reasons.setdefault(missing.why, []).append(missing.what)
    for why, what in reasons.items():
        yield from _wrapped(f"{', '.join(what)}: {why}", "  - ", "    ")
