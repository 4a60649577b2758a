"""Is what was seen of a runtime ahead of time believed for a while, once, and of that process alone?"""

import asyncio
import os
from typing import Any

import pytest

from brimwatch.act import foreseen
from brimwatch.act.evidence import Observed, image_of
from brimwatch.act.foreseen import Foreseen
from brimwatch.model import ProcessId
from brimwatch.procfs.stat import read_stat

OURSELVES = ProcessId(os.getpid(), read_stat("/proc", os.getpid()).start_ticks)
GONE = ProcessId(2**22 - 1, 1)


async def looked(process: ProcessId, known: Foreseen) -> Observed | None:
    known.look(process, "/proc")
    while known._tasks:
        await asyncio.sleep(0.001)
    return known.take(process)


def test_what_was_seen_is_handed_out_once() -> None:
    known = Foreseen()
    observed = asyncio.run(looked(OURSELVES, known))
    assert observed is not None
    assert observed.image == image_of(os.getpid(), "/proc")
    assert known.take(OURSELVES) is None


def test_a_process_that_is_gone_is_not_known() -> None:
    assert asyncio.run(looked(GONE, Foreseen())) is None


def test_what_was_seen_too_long_ago_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreseen, "BELIEVED", 0.0)
    assert asyncio.run(looked(OURSELVES, Foreseen())) is None


def test_a_process_is_looked_at_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    observe = foreseen.observe

    async def counted(pid: int, *more: Any) -> Observed:
        looks.append(pid)
        return await observe(pid, *more)

    monkeypatch.setattr(foreseen, "observe", counted)

    async def run() -> None:
        known = Foreseen()
        known.look(OURSELVES, "/proc")
        known.look(OURSELVES, "/proc")
        assert await looked(OURSELVES, known) is not None

    asyncio.run(run())
    assert looks == [OURSELVES.pid]
