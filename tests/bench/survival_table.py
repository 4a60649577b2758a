"""What do the runs of one row say? Figures, and a line of a table for people."""

import statistics

from tests.bench.figure import emit, say
from tests.bench.survival_plan import SUBJECTS, Row
from tests.bench.survival_run import LIMIT, Fate

BENCH = "survival"
PACED = ("cache", "keep", "shared")  # kinds whose requests all ask the same


class Table:
    """Rows that are complete, in the order in which they are to be read."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, int, str, str]] = []

    def add(self, row: Row, fates: list[Fate], subject: str | None = None) -> None:
        """One row: its figures at once, its line at the end. `subject` in place of the row's own."""
        named = subject or SUBJECTS[row.by]
        work = _emit(row, fates, named)
        done = "" if work is None else f"{work:>4.0%} of the work"
        ends = [fate for fate in fates if not fate.alive]
        told = f"{len(fates) - len(ends):>2} of {len(fates):<2} alive  {done:<16}"
        if ends:
            told += f"  dead after {statistics.median(fate.lived for fate in ends):.1f} s{_warning(row, ends)}"
        say(f"{row.what}, {row.course.rate} MB/s, {named}: {told.strip()}")
        self._lines.append((row.what, row.course.rate, named, told))

    def show(self) -> None:
        """All of it."""
        say(f"{LIMIT / 1e6:g} MB in a memory cgroup")
        for what, rate, named, told in sorted(self._lines):
            say(f"  {what:<31} {rate:>4} MB/s  {named:<35} {told}")


def _warning(row: Row, ends: list[Fate]) -> str:
    if row.by == "nothing":
        return ""
    warned = [fate.warned for fate in ends if fate.warned is not None]
    return f", a tier entered {statistics.median(warned) * 1e3:.0f} ms before" if warned else ", no tier entered"


def _emit(row: Row, fates: list[Fate], named: str) -> float | None:
    """Print the figures; the share of the work that was done, None where that says nothing."""
    course, runs = row.course, len(fates)
    details = {"workload": row.what, "megabytes_per_second": course.rate, "seconds": course.seconds}
    emit(BENCH, "alive", statistics.mean(fate.alive for fate in fates), "of all runs", runs, named, **details)
    ends = [fate for fate in fates if not fate.alive]
    if ends:
        warned = [fate.warned for fate in ends if fate.warned is not None]
        lived = statistics.median(fate.lived for fate in ends)
        before = round(statistics.median(warned), 4) if warned else None
        emit(BENCH, "lived", lived, "s", len(ends), named, **details, tier_entered_before=before)
    peaks = [fate.peak for fate in fates if fate.peak is not None]
    if peaks:
        emit(BENCH, "peak", max(peaks) / LIMIT, "of the limit", runs, named, **details)
    if not course.kind.startswith(PACED):
        return None
    work = sum(fate.answered for fate in fates) / (course.rate * course.seconds * runs)
    refused = round(sum(fate.refused for fate in fates) / runs)
    drops = statistics.median(fate.drops for fate in fates)
    emit(BENCH, "work_done", work, "of what was asked", runs, named, **details, refused=refused, drops=drops)
    return work
