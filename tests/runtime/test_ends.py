"""Does the end of a process wake whoever watches it near its limit, and nobody else?"""

import asyncio
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from tests.runtime.doubles import PROCESS, subject

from brimwatch.discover.roster import Member
from brimwatch.model import Limit, ProcessId, Reading, Sample, Tier
from brimwatch.quantity import Quantity
from brimwatch.runtime.ends import Ends
from brimwatch.runtime.subject import Subject, Watched
from brimwatch.units import Bytes

pytestmark = pytest.mark.live
HALF = Limit(Bytes(100), "cgroup")


def at(headroom: int, limit: Limit = HALF) -> Sample:
    return Sample(1.0, {Quantity.RSS: Reading(1.0, 1.0)}, limit, Bytes(headroom))


@pytest.mark.parametrize(
    ("tiers", "sample", "forgotten", "woken"),
    [
        pytest.param((Tier.WARNING,), None, False, True, id="in a tier"),
        pytest.param((), at(49), False, True, id="above half of its cgroup's limit"),
        pytest.param((), at(51), False, False, id="not at rest"),
        pytest.param((), at(1, Limit(Bytes(100), "machine")), False, False, id="not where the machine is the limit"),
        pytest.param((Tier.WARNING,), None, True, False, id="not once its descriptor is given back"),
    ],
)
def test_whose_end_wakes_the_loop(
    spawn: "Callable[..., subprocess.Popen[Any]]",
    tiers: tuple[Tier, ...],
    sample: Sample | None,
    forgotten: bool,
    woken: bool,
) -> None:
    process = spawn(["sleep", "60"])
    pidfd = os.pidfd_open(process.pid)
    one = subject(active=tiers)
    one.sample = sample
    nobody: Any = None
    member = Member(ProcessId(process.pid, 1), "sleep", "/sleep", "", 0, 1, None, None, None, True, False)
    one.watched[PROCESS] = Watched(member, pidfd, nobody)
    hastened: list[Subject] = []

    async def run() -> None:
        over = asyncio.Event()
        ends = Ends(lambda subject, _: hastened.append(subject))
        ends.heed(one)
        if forgotten:
            ends.forget(pidfd)
        copy = os.dup(pidfd)  # added later, so it is told later: what is to be woken has been by then
        asyncio.get_running_loop().add_reader(copy, over.set)
        process.kill()
        await asyncio.wait_for(over.wait(), 10)
        await asyncio.sleep(0)
        asyncio.get_running_loop().remove_reader(copy)
        ends.forget(pidfd)
        os.close(copy)

    try:
        asyncio.run(run())
    finally:
        os.close(pidfd)
    assert hastened == ([one] if woken else [])
    assert (one.ended_at is not None) is woken
