"""Does a process live in a cgroup v2 with a hard limit? With Brimwatch all do, with nothing and with the peers none."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench.survival_cgroup import hierarchy
from tests.bench.survival_daemon import TIER, Watch, watching
from tests.bench.survival_lanes import measure
from tests.bench.survival_plan import RUNS, Row
from tests.bench.survival_run import LIMIT, Course, Fate
from tests.bench.survival_table import Table

RATE = 50  # MB/s: software emulation does no more of it side by side
LANES = 2
SLICE = """
[Slice]
ManagedOOMMemoryPressure=kill
ManagedOOMMemoryPressureLimit=10%
"""
FILLS = Row("cache", Course("cache", RATE), "nothing", RUNS)
table = Table()


def alive(fates: list[Fate]) -> int:
    return sum(fate.alive for fate in fates)


def runs(row: Row, watch: Watch | None = None, subject: str | None = None) -> list[Fate]:
    """All runs of one row, in the table."""
    found: list[Fate] = []

    def done(row: Row, fates: list[Fate]) -> None:
        found.extend(fates)
        table.add(row, fates, subject)

    measure([row], watch, done, LANES)
    return found


def systemctl(*words: str) -> str:
    return subprocess.run(["systemctl", *words], capture_output=True, text=True).stdout.strip()


def check_brimwatch() -> None:
    """Hooks save all, with and without a ceiling; what has nothing to drop is killed, and that is known."""
    with tempfile.TemporaryDirectory() as name, watching(Path(name)) as watch:
        for by in ("hooks", "ceiling"):
            fates = runs(Row("cache", Course("cache", RATE), by), watch)
            assert alive(fates) == RUNS, fates
            # On a slow host 15 s of work may not come as far as the tier; that must not be so of all.
            assert any(fate.drops > 0 for fate in fates), fates
            assert all(fate.drops > 0 or (fate.peak or 0) < 1.05 * TIER * LIMIT for fate in fates), fates
        # Hooks that find nothing cost time, and on a slow host 15 s of work do not fill the cgroup: it has longer.
        (fate,) = runs(Row("nothing to drop", Course("keep", RATE, 60.0), "hooks", 1), watch)
        assert (fate.alive, fate.kills) == (False, 1), fate
        end = time.monotonic() + 30
        while watch.kills_told() < 1 and time.monotonic() < end:
            time.sleep(0.1)
        assert watch.kills_told() == 1, watch.events("oom_killed")
        (fate,) = runs(Row("nothing to drop", Course("keep", RATE), "ceiling", 1), watch)
        assert (fate.alive, fate.kills, fate.refused > 0) == (True, 0, True), fate
        assert watch.kills_told() == 1, watch.events("oom_killed")


def check_nothing() -> None:
    """The kernel kills each of them, and memory.events says so."""
    fates = runs(FILLS)
    assert [(fate.alive, fate.kills) for fate in fates] == [(False, 1)] * RUNS, fates


def check_earlyoom() -> None:
    """It looks at the machine, which has memory left."""
    systemctl("start", "earlyoom")
    assert systemctl("is-active", "earlyoom") == "active"
    runs(FILLS, subject="earlyoom")
    assert systemctl("is-active", "earlyoom") == "active"
    systemctl("stop", "earlyoom")


def check_systemd_oomd() -> None:
    """It looks at the pressure of a slice that asks for it, over 30 seconds, and what it does is to kill."""
    Path("/run/systemd/system/bench.slice").write_text(SLICE)
    systemctl("daemon-reload")
    systemctl("start", "systemd-oomd", "bench.slice")
    assert systemctl("is-active", "systemd-oomd", "bench.slice") == "active\nactive"
    os.environ["BENCH_CGROUP"] = "/sys/fs/cgroup/bench.slice"
    end = time.monotonic() + 30
    while "/bench.slice" not in (said := subprocess.run(["oomctl"], capture_output=True, text=True).stdout):
        assert time.monotonic() < end, said
        time.sleep(0.5)
    runs(FILLS, subject="systemd-oomd")
    del os.environ["BENCH_CGROUP"]
    systemctl("stop", "systemd-oomd")


root, version = hierarchy()
assert version == 2, root
for check in (check_nothing, check_brimwatch, check_earlyoom, check_systemd_oomd):
    check()
table.show()
