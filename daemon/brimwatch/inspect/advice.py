"""What would an experienced engineer say about these figures? Only what they prove, each with its bytes.

Every rule is a function of the report that returns a sentence, or None where it has nothing to say. What follows from a
look inside the process (holes in allocators, large types, idle threads) is in `advice_inside`.
"""

from __future__ import annotations

from collections.abc import Callable

from brimwatch.inspect import advice_inside as inside
from brimwatch.inspect.report import Report
from brimwatch.units import format_bytes, format_ratio

NEAR = 0.1  # share of a limit that is left when it is said to be near
WORTH_SAYING = 16 * 1024 * 1024  # bytes below which nothing is said
MANY_THREADS = 64
MANY_ALIKE = 16
LOOSE = 10  # times the resident set that the virtual set must be to be spoken of


def near_the_limit(report: Report) -> str | None:
    """How far the end is, where it is near."""
    bounds = report.bounds
    if bounds.limit is None or bounds.headroom is None or bounds.headroom > NEAR * bounds.limit.bytes:
        return None
    left, limit = format_bytes(max(0, bounds.headroom)), format_bytes(bounds.limit.bytes)
    if bounds.limit.source == "cgroup":
        return f"{left} are left below the cgroup's limit of {limit}: raise it, or get memory back now."
    return f"{left} of the machine's {limit} are left: the next to ask for more may wake the OOM killer."


def page_cache(report: Report) -> str | None:
    """Usage that looks like a leak and is none."""
    bounds = report.bounds
    if not bounds.usage or not bounds.file_cache or bounds.file_cache < max(WORTH_SAYING, bounds.usage // 4):
        return None
    return (
        f"{format_bytes(bounds.file_cache)} of the cgroup's {format_bytes(bounds.usage)} are page cache that the "
        "kernel drops by itself before it kills: no leak, nothing to win."
    )


def swapped(report: Report) -> str | None:
    """What was pushed out."""
    swap = report.sizes.swap
    if not swap or swap < WORTH_SAYING:
        return None
    return f"{format_bytes(swap)} of it are in swap: the resident set understates what it holds by that much."


def given_back_already(report: Report) -> str | None:
    """Memory marked free that still counts."""
    if report.mappings is None or report.mappings.freed < WORTH_SAYING:
        return None
    return (
        f"{format_bytes(report.mappings.freed)} of the resident set were already given back (MADV_FREE): the kernel "
        "takes them when it needs them, and only then does the resident set fall."
    )


def huge_pages(report: Report) -> str | None:
    """Memory in huge pages, which is resident whole or not at all."""
    anon = report.sizes.anon
    if report.mappings is None or not anon or report.mappings.huge < max(WORTH_SAYING, anon // 4):
        return None
    return (
        f"{format_bytes(report.mappings.huge)} of {format_bytes(anon)} anonymous memory lie in huge pages: where the "
        "program frees single objects, 2 MiB stay resident for the last one. Compare with transparent huge pages off."
    )


def shared_memory(report: Report) -> str | None:
    """Shared memory outlives the process."""
    shmem, rss = report.sizes.shmem, report.sizes.rss
    if not shmem or not rss or shmem < max(WORTH_SAYING, rss // 4):
        return None
    return (
        f"{format_bytes(shmem)} of the resident set are shared memory (tmpfs, memfd, shared anonymous): it counts in "
        "every process that touched it, and stays as long as anyone holds it."
    )


def loose_addresses(report: Report) -> str | None:
    """A large virtual set alone is no fault."""
    rss, vms = report.sizes.rss, report.sizes.vms
    if not rss or not vms or vms < LOOSE * rss or vms < 1_000_000_000:
        return None
    bound = report.bounds.soft.get("address space")
    harm = (
        "no limit counts them"
        if bound is None
        else f"only the limit on the address space ({format_bytes(bound)}) counts them"
    )
    return (
        f"The virtual set is {vms / rss:,.0f} times the resident one: {format_bytes(vms - rss)} of reserved addresses "
        f"without pages behind them. Harmless: {harm}."
    )


def many_threads(report: Report) -> str | None:
    """A pool that grows is a leak of its own kind."""
    if report.threads < MANY_THREADS or not report.thread_groups or report.thread_groups[0].number < MANY_ALIKE:
        return None
    largest = report.thread_groups[0]
    stack = report.bounds.soft.get("stack size")
    reserved = "" if stack is None else f", by default up to {format_bytes(stack)} of addresses each for its stack"
    return (
        f"{largest.number:,} of {report.threads:,} threads are named '{largest.name}'{reserved}: if their number "
        "grows, bound that pool."
    )


def open_files(report: Report) -> str | None:
    """Descriptors run out like memory does."""
    open_now, most = report.bounds.open_files, report.bounds.soft.get("open files")
    if open_now is None or not most or open_now < 0.8 * most:
        return None
    return f"{open_now:,} of at most {most:,} files are open: the next failures may not be about memory at all."


def was_larger(report: Report) -> str | None:
    """A limit must hold the peak, not the moment."""
    rss, peak = report.sizes.rss, report.sizes.peak_rss
    if not rss or not peak or peak < 1.5 * rss or peak - rss < WORTH_SAYING:
        return None
    return (
        f"It has held {format_bytes(peak)}, {format_bytes(peak - rss)} more than now: a limit between the two "
        "would have ended it."
    )


def killed_before(report: Report) -> str | None:
    """The kernel was here."""
    kills = report.bounds.oom_kills
    if not kills:
        return None
    return f"The kernel has killed {kills:,} process{'es' if kills > 1 else ''} of this cgroup for want of memory."


def unbounded(report: Report) -> str | None:
    """Where nothing holds it, the whole machine pays."""
    bounds, rss = report.bounds, report.sizes.rss
    if not rss or bounds.limit is None or bounds.limit.source != "machine" or rss < 0.1 * bounds.limit.bytes:
        return None
    return (
        f"No cgroup bounds it, and it holds {format_ratio(rss / bounds.limit.bytes)} of the machine: a limit would "
        "make it fail alone instead of taking others along."
    )


def spared(report: Report) -> str | None:
    """Others die in its place."""
    if report.bounds.oom_score_adj != -1000:
        return None
    return "The OOM killer never takes it (oom_score_adj -1000): others are killed in its place."


def replaced_program(report: Report) -> str | None:
    """A restart will not bring the same program back."""
    if report.origin.exe is None or not report.origin.exe.endswith(" (deleted)"):
        return None
    return "Its program file was replaced or removed since it started: a restart runs another version."


RULES: tuple[Callable[[Report], str | None], ...] = (
    near_the_limit,
    killed_before,
    inside.trimmable,
    inside.holes,
    inside.many_arenas,
    inside.torn_pages,
    inside.largest_type,
    inside.mapped_alone,
    inside.idle_threads,
    inside.twins,
    swapped,
    given_back_already,
    page_cache,
    huge_pages,
    shared_memory,
    many_threads,
    open_files,
    was_larger,
    unbounded,
    loose_addresses,
    spared,
    replaced_program,
)


def advise(report: Report) -> tuple[str, ...]:
    """Every sentence that the figures carry, the most urgent first."""
    return tuple(sentence for rule in RULES if (sentence := rule(report)) is not None)
