"""Does the batch job that dies at its limit finish with the blocks, under guard, with the same result?

A tenth of the data set, and a tenth of the limits; `make bench-rag` does it at full size.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.live.guard_run import GUARD, account
from tests.live.memory_cgroup import memory_cgroup
from tests.rag.running import ROOT

pytestmark = pytest.mark.live

SHARE = 10
DIES_AT, STAYS_BELOW = 2_000_000_000 // SHARE, 1_500_000_000 // SHARE


def run(build: str, *words: str, share: int = SHARE, **environment: str) -> "subprocess.CompletedProcess[str]":
    known = {**os.environ, "PYTHONPATH": str(ROOT / "daemon"), **environment}
    command = [*words, sys.executable, "-m", f"tests.targets.batch_job.{build}", str(share)]
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, timeout=100)


def result(ran: "subprocess.CompletedProcess[str]") -> Any:
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_the_naive_job_is_killed_at_its_limit_and_the_one_with_blocks_finishes_with_the_same_result(
    tmp_path: Path,
) -> None:
    naive, blocks = tmp_path / "naive.json", tmp_path / "blocks.json"
    expected = result(run("naive"))
    with memory_cgroup() as cgroup:
        cgroup.limit(DIES_AT)
        join = ("sh", "-c", f'echo $$ > {cgroup.directory}/cgroup.procs; exec "$@"', "sh")
        killed = run("naive", *join, *GUARD, "--summary", str(naive), "--")
        tiers = ("--warning", "rss=100MB", "--critical", "rss=150MB", "--critical-do", "reclaim")
        ran = run(
            "blocks", *join, *GUARD, *tiers, "--summary", str(blocks), "--",
            BATCH_LIMIT=str(STAYS_BELOW), BRIMWATCH_RUN_DIR=str(tmp_path / "run"),
        )  # fmt: skip

    assert killed.returncode == 137
    assert account(naive)["oom_kills"]["cgroup"] == 1
    assert result(ran) == expected
    assert (expected["records"], expected["groups"]) == (1635, 444)
    assert account(blocks)["peak_process_rss_bytes"] < STAYS_BELOW
    assert account(blocks)["exit_code"] == 0


@pytest.mark.parametrize(
    ("environment", "hits"),
    [
        pytest.param({}, True, id="with references kept"),
        pytest.param({"BATCH_CACHE": "0"}, False, id="with none kept, each made again"),
    ],
)
def test_the_result_does_not_depend_on_the_mode(environment: dict[str, str], hits: bool) -> None:
    ran = run("blocks", share=50, **environment)
    told = json.loads(ran.stderr.splitlines()[-1])
    assert result(ran) == result(run("naive", share=50))
    assert (told["cache"]["hits"] > 0) is hits
    assert told["batches"] >= 327 / 5


def test_near_the_limit_records_pass_one_by_one(tmp_path: Path) -> None:
    ran = run("blocks", share=100, BATCH_LIMIT="27000000")
    told = json.loads(ran.stderr.splitlines()[-1])
    assert result(ran)["records"] == 163
    assert told["batches"] > 163 / 5
