"""How do many runs share one machine? Side by side, as many as there are lanes and as fast as it is good for."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.bench.survival_daemon import LANES, Watch
from tests.bench.survival_plan import Row
from tests.bench.survival_run import Course, Fate, run

FASTEST = 1300  # MB/s of all together: one core writes 2,600 MB/s of fresh pages, and Brimwatch wants to run as well


class Lanes:
    """Room for courses: at most `count` at a time, at most `fastest` MB/s, and one number for each."""

    def __init__(self, count: int, fastest: int) -> None:
        self._changed = threading.Condition()
        self._free, self._left = list(range(count)), fastest

    @contextmanager
    def lane(self, course: Course) -> Iterator[int]:
        """Wait for room; the number of a lane that nobody else is in."""
        with self._changed:
            self._changed.wait_for(lambda: self._free and course.rate <= self._left)
            number = self._free.pop(0)
            self._left -= course.rate
        try:
            yield number
        finally:
            with self._changed:
                self._free.append(number)
                self._left += course.rate
                self._changed.notify_all()


def measure(
    rows: Sequence[Row], watch: Watch | None, done: Callable[[Row, list[Fate]], None], lanes: int = LANES
) -> int:
    """Run all rows, hand each to `done` when it is complete; how many kills by the kernel were there to be noticed."""
    room, lock = Lanes(lanes, FASTEST), threading.Lock()
    fates: dict[Row, list[Fate]] = {row: [] for row in rows}

    def one(row: Row) -> None:
        with room.lane(row.course) as number:
            fate = run(row.course, f"{row.by}-{number}", None if row.by == "nothing" else watch)
        with lock:
            fates[row].append(fate)
            if len(fates[row]) == row.runs:
                done(row, fates[row])

    # The slow and long ones run beside the fast ones, which can only run one at a time.
    order = sorted(rows, key=lambda row: -row.course.rate * row.course.seconds)
    turns = [row for index in range(max(row.runs for row in rows)) for row in order if index < row.runs]
    with ThreadPoolExecutor(lanes) as pool:
        for answer in [pool.submit(one, row) for row in turns]:
            answer.result()
    return sum(fate.kills for row in rows if row.by != "nothing" for fate in fates[row])
