"""How is one kind of crossing shown, as a figure and as a row for a person?"""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from tests.bench.figure import emit, say


class Row(NamedTuple):
    """Delays of one kind of crossing in seconds; a negative one was a reading before the target's own."""

    figure: str
    subject: str
    rate: float  # bytes per second
    work: str
    delays: Sequence[float]
    load: float  # the load average when it had been measured
    missed: int = 0  # crossings that nothing followed in time

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.delays)

    @property
    def p99(self) -> float:
        """The delay that one of a hundred is longer than; of fewer than a hundred the longest."""
        return sorted(self.delays)[int(len(self.delays) * 0.99)]


def report(rows: Sequence[Row]) -> None:
    """One line of JSON for each: the value is the p99."""
    for row in rows:
        figures: dict[str, object] = {"p50": None, "missed": row.missed}
        if row.delays:
            figures["p50"] = float(f"{row.p50:.4g}")
        details = {"megabytes_per_second": int(row.rate / 1e6), "work": row.work, "crossings": len(row.delays)}
        value = row.p99 if row.delays else None
        emit("reaction", row.figure, value, "s, p99", 1, row.subject, **figures, **details, load=round(row.load, 1))


def show(rows: Sequence[Row]) -> None:
    """The same as a table on standard error: p50 and p99 in milliseconds, a column for each rate."""
    rates = sorted({row.rate for row in rows})
    say(f"{'p50 / p99 in ms at MB/s':58}" + "".join(f"{rate / 1e6:>18.0f}" for rate in rates))
    for figure, subject, work in dict.fromkeys((row.figure, row.subject, row.work) for row in rows):
        cells = {row.rate: row for row in rows if (row.figure, row.subject, row.work) == (figure, subject, work)}
        texts = [_cell(cells.get(rate)) for rate in rates]
        say(f"{subject + ', ' + work:38}{figure.removeprefix('crossing_to_'):20}" + "".join(texts))


def _cell(row: Row | None) -> str:
    if row is None or not row.delays:
        return f"{'' if row is None else 'none':>18}"
    return f"{row.p50 * 1e3:>9.2f} /{row.p99 * 1e3:>7.2f}"
