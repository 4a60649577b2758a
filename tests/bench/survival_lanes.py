"""How do many runs share one machine? Side by side, as many as there are lanes and as fast as it is good for."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.bench.survival_daemon import LANES, Watch
from tests.bench.survival_plan import Row
from tests.bench.survival_run import Fate, run

FASTEST = 1100  # MB/s of all together: one core writes 2,600 MB/s of fresh pages, and Brimwatch wants to run as well


class Lanes:
    """Work that waits for room: at most `count` at a time, at most `fastest` MB/s, and a number for each."""

    def __init__(self, rows: Sequence[Row], count: int, fastest: int) -> None:
        self._changed = threading.Condition()
        self._waiting, self._free, self._left = list(rows), list(range(count)), fastest

    @contextmanager
    def next(self) -> Iterator[tuple[Row, int] | None]:
        """The first row that there is room for, and the number of a lane that nobody else is in; None at the end."""
        with self._changed:
            row = self._changed.wait_for(lambda: self._fitting() or not self._waiting)
            if not isinstance(row, Row):
                yield None
                return
            self._waiting.remove(row)
            number = self._free.pop(0)
            self._left -= row.course.rate
        try:
            yield row, number
        finally:
            with self._changed:
                self._free.append(number)
                self._left += row.course.rate
                self._changed.notify_all()

    def _fitting(self) -> Row | None:
        return next((row for row in self._waiting if self._free and row.course.rate <= self._left), None)


def measure(
    rows: Sequence[Row], watch: Watch | None, done: Callable[[Row, list[Fate]], None], lanes: int = LANES
) -> int:
    """Run all rows, hand each to `done` when it is complete; how many kills by the kernel were there to be noticed."""
    # What takes longest first, each kind in turn: slow ones run beside the fast ones, of which there is room for one.
    order = sorted(rows, key=lambda row: -row.course.rate * row.course.seconds)
    turns = [row for index in range(max(row.runs for row in rows)) for row in order if index < row.runs]
    room, lock = Lanes(turns, lanes, FASTEST), threading.Lock()
    fates: dict[Row, list[Fate]] = {row: [] for row in rows}

    def work() -> None:
        while True:
            with room.next() as found:
                if found is None:
                    return
                row, number = found
                fate = run(row.course, f"{row.by}-{number}", None if row.by == "nothing" else watch)
            with lock:
                fates[row].append(fate)
                if len(fates[row]) == row.runs:
                    done(row, fates[row])

    with ThreadPoolExecutor(lanes) as pool:
        for answer in [pool.submit(work) for _ in range(lanes)]:
            answer.result()
    return sum(fate.kills for row in rows if row.by != "nothing" for fate in fates[row])
