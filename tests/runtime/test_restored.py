"""Does what an earlier run left reach everybody who has to know it: the ladder, the journal, and a recording?"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import pytest
from tests.runtime.doubles import Clock, Shelf
from tests.runtime.replaying import replayed

from brimwatch.act.kinds import ACTIONS
from brimwatch.config.load import load
from brimwatch.model import Attempt, Reason, Tier, Verdict
from brimwatch.record.catalogue import Level
from brimwatch.record.journal_rows import BUDGET, STATE
from brimwatch.record.log import Format, Log
from brimwatch.runtime.boot import clock_of
from brimwatch.runtime.engine import Engine
from brimwatch.runtime.manual import Order
from brimwatch.runtime.memory import Memory
from brimwatch.runtime.options import Options

pytestmark = pytest.mark.live

CONFIG = """
    global: {{interval: 10ms}}
    targets: [{{name: self, match: {{pid: {pid}}}, policy: one}}]
    policies: {{one: {{cooldown: 1h, tiers: {{critical: {{when: {{rss: {rss}}}, do: [{do}]}}}}}}}}
    actions:
      note: {{exec: [/bin/true], at_most: 1/h}}
      ask: {{signal: SIGURG, at_most: 1/h}}
"""


def engine(shelf: Shelf, do: str = "note", rss: str = "1MB") -> Engine:
    """An engine with this store in the place of a journal."""
    config = load(CONFIG.format(pid=os.getpid(), do=do, rss=rss), "test", ACTIONS)
    made = Engine(config, Options(listen_address=None), Log(Format.LOGFMT, Level.ERROR), asyncio.get_running_loop())
    made.continuity.memory = Memory(shelf, clock_of("/proc"))
    return made


def shelf() -> Shelf:
    now = clock_of("/proc")()
    return Shelf(Clock(now.wall, now.mono, now.boot))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_recording_knows_where_a_subject_stood_that_an_earlier_run_knew() -> None:
    async def test() -> None:
        kept = shelf()
        first = engine(kept)
        first.watch.look_once()
        assert first.membership.targets["self"].subjects.popitem()[1].tier is Tier.CRITICAL
        await first.close()

        second = engine(kept)
        second.continuity.memory.take_up(kept.of(STATE), None)
        listener = second.recorder.open()
        assert listener is not None
        second.watch.look_once()
        told = [one.event.name.value for one in second.events.since()]
        assert "tier_entered" not in told
        second.end_recordings("done")
        agreement = replayed(await listener.take(0.0) or b"")
        assert ([event.name.value for event in agreement.left], agreement.differences) == ([], [])
        await second.close()

    run(test)


def test_a_run_by_hand_is_counted_in_journal_and_recording_as_any_other() -> None:
    async def test() -> None:
        kept = shelf()
        made = engine(kept, "ask", "100GB")
        listener = made.recorder.open()
        assert listener is not None

        async def answer(*_: object) -> Attempt:
            now = time.monotonic()
            return Attempt(Verdict.FAILED, now, now, Reason.ERROR)

        made.performer.for_another = answer  # type: ignore[method-assign] # a signal would end the test
        made.watch.start()
        await made.manual.carry_out(Order("self", Tier.CRITICAL))
        assert [len(row.body["runs"]) for row in kept.of(BUDGET)] == [1]  # type: ignore[arg-type]
        rows = await listener.take(0.0) or b""
        assert b'"row":"spent","runs":[["self","ask"' in rows.replace(b", ", b",").replace(b": ", b":")
        await made.close()

    run(test)
