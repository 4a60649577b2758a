import asyncio

import pytest
from tests.act.commands import attempt_of, command, shell, told
from tests.act.processes import request_for

from brimwatch.act.run_command import run
from brimwatch.model import Attempt, Reason, Verdict

pytestmark = pytest.mark.live


def test_a_flood_of_output_is_read_and_dropped() -> None:
    """A gigabyte of `y` would fill memory, or stop the command at a full pipe."""
    before = peak_rss()
    attempt = attempt_of(shell("yes | head -c 1000000000; echo; echo done", seconds=60.0))
    assert told(attempt) == (Verdict.RUN, None)
    assert attempt.detail.endswith(": done")
    assert peak_rss() - before < 20_000_000


def test_an_endless_flood_ends_with_its_time_and_leaves_the_loop_to_others() -> None:
    async def flood() -> tuple[Attempt, int]:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.001)
                turns += 1

        counting = asyncio.create_task(count())
        attempt = await run(request_for(command("/usr/bin/yes", seconds=1.0), kind="exec"))
        counting.cancel()
        return attempt, turns

    attempt, turns = asyncio.run(flood())
    assert told(attempt) == (Verdict.FAILED, Reason.DEADLINE)
    assert attempt.detail.endswith(", ended: y")
    assert turns > 10


def peak_rss() -> int:
    with open("/proc/self/status") as stream:
        return next(int(line.split()[1]) * 1024 for line in stream if line.startswith("VmHWM"))
