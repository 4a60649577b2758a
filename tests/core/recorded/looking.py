"""What does the daemon's own window say at each look of a recorded trace, and what would a plain straight line say?"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from brimwatch.sample.window import LONG, LONG_POINTS, Ring, Window
from brimwatch.units import Bytes

HERE = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in HERE.glob("*.csv")))
LEAKS = tuple(name for name in NAMES if name.startswith("leak"))
OTHERS = tuple(name for name in NAMES if name not in LEAKS)

Points = list[tuple[float, float]]
Forecast = Callable[[float, float, float], float | None]  # time, held, limit: seconds to the limit, infinity, or None


class Look(NamedTuple):
    """One look: seconds since the start, bytes held, and the forecast in seconds."""

    at: float
    held: float
    left: float | None


def points(name: str) -> Points:
    """A trace at the speed of the service that it stands for."""
    lines = (HERE / f"{name}.csv").read_text().splitlines()
    pace = next(float(line.partition("pace: ")[2]) for line in lines if "pace: " in line)
    rows = (line.split(",") for line in lines if line[0].isdigit())
    return [(float(at) * pace, float(held)) for at, held in rows]


def ours() -> Forecast:
    """The daemon's window, looked at and fitted as it would be."""
    window = Window(wanted=True)

    def look(at: float, held: float, limit: float) -> float | None:
        window.add(at, held)
        return window.time_to_limit(Bytes(int(limit - held)), Bytes(int(limit)))

    return look


def straight_line() -> Forecast:
    """Least squares over the same points, as PromQL's predict_linear does: no bounds, no doubt."""
    ring = Ring(LONG_POINTS, LONG)

    def look(at: float, held: float, limit: float) -> float | None:
        ring.add(at, held)
        known = ring.points(at)
        if len(known) < 2:
            return None
        middle = sum(time for time, _ in known) / len(known)
        mean = sum(value for _, value in known) / len(known)
        spread = sum((time - middle) ** 2 for time, _ in known)
        slope = sum((time - middle) * (value - mean) for time, value in known) / spread
        return max(0.0, limit - held) / slope if slope > 0 else math.inf

    return look


def looks(name: str, limit: float, forecast: Forecast) -> Iterator[Look]:
    """The trace once more, with what is forecast at each look."""
    for at, held in points(name):
        yield Look(at, held, forecast(at, held, limit))


def end_of(name: str) -> tuple[float, float]:
    """When a leak meets its limit, and that limit: its last look, where it would have been killed."""
    return points(name)[-1]


def limit_above(name: str, share: float) -> float:
    """The limit of which the highest crest is that share."""
    return max(held for _, held in points(name)) / share
