"""Which programs are run, under whose watch, how often? The rows of the survival benchmark."""

from dataclasses import dataclass

from tests.bench.survival_daemon import TIER
from tests.bench.survival_run import LIMIT, Course

RUNS = 10
FEW = 5  # runs of what is not the question itself
INTERPRETER = 14  # MB, besides what the program keeps
SUBJECTS = {
    "nothing": "nothing",
    "hooks": "brimwatch, hooks",
    "ceiling": "brimwatch, hooks and ceiling",
    "early": "brimwatch, hooks and early ceiling",
    "standard": "brimwatch, policy standard",
    "slow": "brimwatch, hooks, interval 1s",
}


@dataclass(frozen=True)
class Row:
    """One line of the table: what runs, under whose watch (a key of SUBJECTS), how often."""

    what: str
    course: Course
    by: str
    runs: int = RUNS


def base(rate: int) -> int:
    """MB that cannot be dropped, so that at the tier what can be is what grows in 100 ms."""
    return int(LIMIT * TIER / 1e6 - rate * 0.1 - INTERPRETER)


def rows(rates: tuple[int, ...], ceiling: tuple[int, ...], tight: tuple[int, ...]) -> list[Row]:
    """What can be saved, at these rates in MB/s, and what ends without help."""
    found = [Row("cache", Course("cache", rate), "hooks") for rate in rates]
    found += [Row("cache", Course("cache", rate), "ceiling") for rate in ceiling]
    found += [Row("cache as large as 100 ms", Course(f"cache+{base(rate)}", rate, 5), "hooks") for rate in tight]
    return found + [Row("cache", Course("cache", rate), "nothing") for rate in rates]


def configured(rates: tuple[int, ...], standard: tuple[int, ...]) -> list[Row]:
    """The same under other configurations: looks each second at rest, and a policy that rests for a minute."""
    found = [Row("cache", Course("cache", rate, 5), "slow", FEW) for rate in rates]
    return found + [Row("cache", Course("cache", rate), "standard", FEW) for rate in standard]


def hopeless() -> list[Row]:
    """What hooks cannot save; a ceiling that is there in time saves some of it."""
    return [
        Row("nothing to drop", Course("keep", 200, 5), "hooks", FEW),
        Row("nothing to drop", Course("keep", 200, 5), "ceiling", FEW),
        Row("nothing to drop, shared memory", Course("shared", 200, 5), "ceiling", FEW),
        Row("one call in C", Course("call", 1, 5), "hooks", FEW),
        Row("one call in C", Course("call", 1, 5), "early", FEW),
        Row("300 MB at once", Course("huge", 1, 5), "hooks", FEW),
        Row("300 MB at once", Course("huge", 1, 5), "early", FEW),
        Row("fork bomb", Course("forks", 50, 5), "ceiling", FEW),
        Row("begins before it is found", Course("cache", 1000, 5, at_once=True), "hooks", FEW),
    ]
