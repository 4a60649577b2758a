"""Does the process live? Programs that fill a memory cgroup with a hard limit, with Brimwatch and without.

Does *not* cover what needs cgroup v2, real peers or a real memory.high: tests/vm/jobs/survival runs the same there.
"""

import tempfile
from pathlib import Path

from tests.bench.figure import emit, say
from tests.bench.survival_cgroup import hierarchy
from tests.bench.survival_daemon import LANES, watching
from tests.bench.survival_lanes import measure
from tests.bench.survival_peer import earlyoom
from tests.bench.survival_plan import SUBJECTS, Row, configured, hopeless, rows
from tests.bench.survival_table import BENCH, Table

RATES = (50, 200, 500, 1000)  # MB/s
INTERVAL = "100ms"  # longest gap between two looks, so that 1 GB/s from one moment to the next is seen


def run() -> None:
    """Print every figure. Raises MissingProgramError where no memory cgroup can be made."""
    hierarchy()
    plan = [*rows(RATES, (200, 500), (200, 1000)), *configured((), (200,)), *hopeless()]
    other = configured(RATES, ())
    count = sum(row.runs for row in (*plan, *other))
    say(f"survival: {count} runs, {LANES} at most side by side; about seven minutes")
    table = Table()
    with tempfile.TemporaryDirectory(prefix="brimwatch-bench-") as name, earlyoom(Path(name)) as peer:
        kills = _watched(Path(name), INTERVAL, plan, table)
        _watched(Path(name), "1s", other, table)
        emit(BENCH, "would_have_acted", peer.acts(), "times", count, "earlyoom --dryrun, on the host", kills=kills)
    table.show()


def _watched(folder: Path, interval: str, plan: list[Row], table: Table) -> int:
    """Run rows under one daemon; how many kills by the kernel there were."""
    own = folder / interval
    own.mkdir()
    with watching(own, interval) as watch:
        kills = measure(plan, watch, table.add)
        emit(BENCH, "kills_told", watch.kills_told(), "kills", kills, SUBJECTS["hooks"], evidence="cgroup")
    return kills
