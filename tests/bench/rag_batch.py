"""Does the batch job that dies at 2 GB finish below 1.5 GB with the same result? At full size, under `brimwatch guard`.

The limit is that of a memory cgroup where one can be made, else RLIMIT_DATA.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.figure import emit, say
from tests.live.memory_cgroup import memory_cgroup
from tests.targets.batch_job.records import GROUPS, RECORDS

ROOT = Path(__file__).parent.parent.parent
LIMIT = 2_000_000_000
TIERS = ("--warning", "rss=1GB", "--critical", "rss=1.5GB", "--critical-do", "reclaim")


def run(folder: Path) -> None:
    """The naive job without a limit and at 2 GB, and the one with the blocks at 2 GB."""
    expected = job(folder, "naive", "naive, no limit", ())
    with limited() as (limit, join):
        job(folder, "naive", f"naive, {limit} of 2 GB", join)
        found = job(folder, "blocks", f"blocks, {limit} of 2 GB", join)
    same = expected is not None and found == expected
    emit("rag_batch", "same_result", int(same), "1", RECORDS, "blocks against naive", groups=GROUPS)


@contextmanager
def limited() -> Iterator[tuple[str, tuple[str, ...]]]:
    """What limits, and the words that put what follows them under it."""
    try:
        with memory_cgroup() as cgroup:
            cgroup.limit(LIMIT)
            yield "memory cgroup", ("sh", "-c", f'echo $$ > {cgroup.directory}/cgroup.procs; exec "$@"', "sh")
    except BaseException as refused:
        if type(refused).__name__ != "Skipped":  # how pytest says that there is no cgroup to be had
            raise
        say(f"{refused}; by RLIMIT_DATA then")
        yield "RLIMIT_DATA", ("sh", "-c", f'ulimit -d {LIMIT // 1024}; exec "$@"', "sh")


def job(folder: Path, build: str, name: str, join: tuple[str, ...]) -> Any:
    """Run one under guard, print what it took; its result, None where it died."""
    say(f"the batch job: {name}")
    summary = folder / f"{build}.json"
    guard = (sys.executable, "-m", "brimwatch", "guard", *TIERS, "--summary", str(summary), "--")
    known = os.environ | {"BRIMWATCH_RUN_DIR": str(folder / "run")}
    command = [*join, *guard, sys.executable, "-m", f"tests.targets.batch_job.{build}"]
    ran = subprocess.run(command, cwd=ROOT, env=known, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    told = json.loads(summary.read_text())
    for figure, value, unit in (
        ("exit_code", ran.returncode, "1"),
        ("peak_rss_bytes", told["peak_process_rss_bytes"], "bytes"),
        ("duration", told["duration_seconds"], "s"),
        ("reclaimed", told["reclaimed_bytes"], "bytes"),
    ):
        emit("rag_batch", figure, value, unit, RECORDS, name, groups=GROUPS)
    return json.loads(ran.stdout) if ran.returncode == 0 else None
