"""Does the process live? Programs that fill a memory cgroup with a hard limit, with Brimwatch and without.

Rows whose names begin with `cannot` are those that nobody can save in this way: they are measured too.
"""

import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figure import emit, say
from tests.bench.survival_daemon import LANES, Watch, watching
from tests.bench.survival_peer import earlyoom
from tests.bench.survival_run import LIMIT, Course, Fate, run as run_course

BENCH = "survival"
RUNS = 10
FEW = 5  # of what ends the same way each time
FASTEST = 1400  # MB/s of all that run side by side: a core writes 2,600 MB/s of fresh pages, and others use it too
RATES = (50, 200, 500, 1000)
SUBJECTS = {
    "nothing": "nothing",
    "hooks": "brimwatch, hooks",
    "ceiling": "brimwatch, hooks and ceiling",
    "standard": "brimwatch, hooks, policy standard",
}


@dataclass(frozen=True)
class Row:
    """One line of the table: what runs, under whose watch, how often."""

    what: str
    course: Course
    watched_by: str  # a key of SUBJECTS
    runs: int = RUNS


def base(rate: int) -> int:
    """MB that cannot be dropped, so that at the tier (85 %) the rest is what grows in 100 ms, beside the interpreter."""
    return int(LIMIT * 0.85 / 1e6 - rate * 0.1 - 14)


def plan() -> list[Row]:
    """What is measured on a machine that can do 1 GB/s; the long ones first, so that the short fill the gaps."""
    rows = [Row("cache", Course("cache", rate), "hooks") for rate in RATES]
    rows += [Row("cache", Course("cache", rate), "ceiling") for rate in (200, 1000)]
    rows += [Row("cache, 100 ms of growth", Course(f"cache+{base(rate)}", rate, 5), "hooks") for rate in (200, 1000)]
    rows += [Row("cache", Course("cache", rate), "nothing") for rate in RATES]
    rows += [Row("cache", Course("cache", 200), "standard", FEW)]
    return rows + hopeless()


def hopeless() -> list[Row]:
    """What hooks cannot save; the ceiling saves some of it."""
    return [
        Row("cannot be dropped", Course("keep", 200, 5), "hooks", FEW),
        Row("cannot be dropped", Course("keep", 200, 5), "ceiling", FEW),
        Row("cannot be dropped, shared memory", Course("shared", 200, 5), "ceiling", FEW),
        Row("cannot run bytecode: one call in C", Course("call", 1, 5), "hooks", FEW),
        Row("cannot run bytecode: one call in C", Course("call", 1, 5), "ceiling", FEW),
        Row("cannot be foreseen: 300 MB at once", Course("huge", 1, 5), "hooks", FEW),
        Row("cannot be foreseen: 300 MB at once", Course("huge", 1, 5), "ceiling", FEW),
        Row("cannot be foreseen: fork bomb", Course("forks", 50, 5), "ceiling", FEW),
        Row("cannot be known yet: begins at once", Course("cache", 1000, 5, at_once=True), "hooks", FEW),
    ]


class Lanes:
    """Lets courses run side by side: `LANES` at most, no more MB/s than the machine is good for, one label each."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._free = list(range(LANES))
        self._speed = 0

    @contextmanager
    def lane(self, course: Course) -> Iterator[int]:
        """Wait for room; the number of a lane that nobody else is in."""
        with self._changed:
            self._changed.wait_for(lambda: self._free and self._speed + course.rate <= FASTEST)
            number = self._free.pop(0)
            self._speed += course.rate
        try:
            yield number
        finally:
            with self._changed:
                self._free.append(number)
                self._speed -= course.rate
                self._changed.notify_all()


def measure(rows: Sequence[Row], watch: Watch, done: Callable[[Row, list[Fate]], None]) -> int:
    """All runs of all rows, handed to `done` row by row; how many kills by the kernel Brimwatch was to see."""
    lanes, fates = Lanes(), {row: [] for row in rows}  # type: dict[Row, list[Fate]]
    lock, seen = threading.Lock(), 0

    def one(row: Row) -> None:
        nonlocal seen
        watched = watch if row.watched_by != "nothing" else None
        with lanes.lane(row.course) as number:
            fate = run_course(row.course, f"{row.watched_by}-{number}", watched)
        with lock:
            seen += fate.kills if watched is not None and not row.course.at_once else 0
            fates[row].append(fate)
            if len(fates[row]) == row.runs:
                done(row, fates[row])

    # Fast and slow in turn: two fast ones at a time leave lanes to the slow ones.
    order = sorted(rows, key=lambda row: -row.course.rate * row.course.seconds)
    turns = [row for index in range(RUNS) for row in order if index < row.runs]
    with ThreadPoolExecutor(LANES) as pool:
        for answer in [pool.submit(one, row) for row in turns]:
            answer.result()
    return seen


def report(row: Row, fates: list[Fate], subject: str | None = None) -> None:
    """The figures of one row."""
    subject = subject or SUBJECTS[row.watched_by]
    details = {"workload": row.what, "megabytes_per_second": row.course.rate, "seconds": row.course.seconds}
    alive = statistics.mean(fate.alive for fate in fates)
    emit(BENCH, "alive", alive, "of all runs", row.runs, subject, **details)
    work = sum(fate.answered for fate in fates) / (row.course.rate * row.course.seconds * row.runs)
    if row.course.kind.startswith(("cache", "keep", "shared")):
        refused = sum(fate.refused for fate in fates) / row.runs
        emit(BENCH, "work_done", work, "of what was asked", row.runs, subject, **details, refused=refused)
    lived = statistics.median(fate.lived for fate in fates)
    drops = statistics.median(fate.drops for fate in fates)
    peaks = [fate.peak for fate in fates if fate.peak is not None]
    peak = max(peaks) / LIMIT if peaks else None
    emit(BENCH, "lived", lived, "s", row.runs, subject, **details, drops=drops, peak_of_limit=peak)


class Table:
    """What a person reads at the end."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, int, str, str]] = []

    def add(self, row: Row, fates: list[Fate], subject: str | None = None) -> None:
        """One row that is complete."""
        report(row, fates, subject)
        alive = sum(fate.alive for fate in fates)
        work = sum(fate.answered for fate in fates) / (row.course.rate * row.course.seconds * row.runs)
        lived = statistics.median(fate.lived for fate in fates)
        told = f"{alive:>2} of {row.runs:<2} alive, {work:>4.0%} of the work, {lived:4.1f} s"
        self._lines.append((row.what, row.course.rate, subject or SUBJECTS[row.watched_by], told))
        say(f"{row.what}, {row.course.rate} MB/s, {subject or SUBJECTS[row.watched_by]}: {told}")

    def show(self) -> None:
        """All of it, in order."""
        for what, rate, subject, told in sorted(self._lines, key=lambda line: (line[0], line[1], line[2])):
            say(f"  {what:<36} {rate:>5} MB/s  {subject:<34} {told}")


def run() -> None:
    """Print every figure. Raises MissingProgramError where no memory cgroup can be made."""
    table = Table()
    with tempfile.TemporaryDirectory(prefix="brimwatch-bench-") as name, earlyoom(Path(name)) as peer:
        with watching(Path(name)) as watch:
            rows = plan()
            say(f"survival: {sum(row.runs for row in rows)} runs, {LANES} at most side by side, about seven minutes")
            kills = measure(rows, watch, table.add)
            emit(BENCH, "kills_told", watch.kills_told(), "kills", kills, SUBJECTS["hooks"], evidence="cgroup")
        emit(BENCH, "would_have_acted", peer.acts(), "times", kills, "earlyoom --dryrun, on the host")
    table.show()
