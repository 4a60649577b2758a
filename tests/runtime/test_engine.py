"""Does the engine go on when a read of one target never returns? A FIFO that nobody writes to hangs for ever."""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.replaying import replayed

from brimwatch.act.kinds import ACTIONS
from brimwatch.config.load import load
from brimwatch.config.settings import Config
from brimwatch.model import Tier
from brimwatch.quantity import Quantity
from brimwatch.record.catalogue import Level
from brimwatch.record.log import Format, Log
from brimwatch.runtime.engine import Engine
from brimwatch.runtime.options import Options
from brimwatch.runtime.subject import Subject

pytestmark = pytest.mark.live

SHOWN = ("stat", "statm", "status", "cgroup", "cmdline", "comm", "exe", "smaps_rollup", "fd", "task", "root", "maps")


def show(procfs: Path, pid: int, hangs: str = "") -> None:
    """A process in a tree of our own, with links to what it really is, and a FIFO in the place of one file."""
    folder = procfs / str(pid)
    folder.mkdir(parents=True)
    for name in SHOWN:
        if name == hangs:
            os.mkfifo(folder / name)
        else:
            (folder / name).symlink_to(f"/proc/{pid}/{name}")


def machine(procfs: Path) -> None:
    procfs.mkdir()
    for name in ("meminfo", "pressure", "self", "uptime"):
        (procfs / name).symlink_to(f"/proc/{name}")


async def until(predicate: Callable[[], Any], deadline: float = 15.0) -> None:
    end = time.monotonic() + deadline
    while not predicate():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


def test_an_end_that_the_pass_sees_before_the_look_closes_the_running_rung(
    spawn: Callable[..., "subprocess.Popen[Any]"],
) -> None:
    target = spawn(["sleep", "60"])
    text = f"""
        targets: [{{name: job, match: {{pid: {target.pid}}}, policy: one}}]
        policies: {{one: {{tiers: {{emergency: {{when: {{rss: 1kB}}, do: [end]}}}}}}}}
        actions: {{end: {{signal: SIGTERM}}}}
    """

    async def test() -> list[str]:
        options = Options(listen_address=None)
        engine = Engine(
            load(text, "test", ACTIONS), options, Log(Format.LOGFMT, Level.ERROR), asyncio.get_running_loop()
        )
        engine.watch.look_once()
        await asyncio.to_thread(target.wait)
        engine.membership.apply((), time.monotonic(), time.time())
        told = [recorded.event.name.value for recorded in engine.events.since()]
        await engine.close()
        return told

    assert asyncio.run(test()) == ["target_found", "tier_entered", "action_ran", "target_lost"]


@pytest.mark.parametrize(
    ("dropped", "reason"), [(True, "vanished"), (False, "stopped")], ids=["matches no more", "at a stop"]
)
def test_a_rung_that_runs_has_an_outcome_though_nobody_waits_for_it(dropped: bool, reason: str) -> None:
    text = f"""
        targets: [{{name: job, match: {{pid: {os.getpid()}}}, policy: one}}]
        policies: {{one: {{tiers: {{emergency: {{when: {{rss: 1kB}}, do: [note]}}}}}}}}
        actions: {{note: {{exec: [/bin/sleep, '5']}}}}
    """

    async def test() -> None:
        config, log = load(text, "test", ACTIONS), Log(Format.LOGFMT, Level.ERROR)
        engine = Engine(config, Options(listen_address=None), log, asyncio.get_running_loop())
        engine.watch.look_once()
        listener = engine.recorder.open()
        await asyncio.sleep(0)
        if dropped:
            engine.watch.look_once()  # so that the recording knows how it stands
            engine.membership.apply((), time.monotonic(), time.time())
        await engine.close()
        told = [one.event for one in engine.events.since() if one.event.name.value.startswith("action_")]
        assert [(one.name.value, one.facts["reason"]) for one in told] == [("action_suppressed", reason)]
        engine.end_recordings("done")
        assert listener is not None
        agreement = replayed(await listener.take(0.0) or b"")
        if dropped:  # at a stop every recording has ended before
            assert (agreement.same, agreement.differences) == (1, [])

    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_tier_that_a_reload_takes_away_ends_then() -> None:
    text = """
        targets: [{{name: job, match: {{pid: {pid}}}, policy: one}}]
        policies:
          one: {{tiers: {{warning: {{when: {{rss: 1kB}}, do: [note]}}, critical: {{when: {{rss: {critical}}}}}}}}}
        actions: {{note: {{exec: [/bin/true]}}}}
    """

    async def test() -> None:
        def config(critical: str) -> Config:
            return load(text.format(pid=os.getpid(), critical=critical), "test", ACTIONS)

        log = Log(Format.LOGFMT, Level.ERROR)
        engine = Engine(config("2kB"), Options(listen_address=None), log, asyncio.get_running_loop())
        engine.watch.look_once()
        (subject,) = engine.membership.targets["job"].subjects.values()
        subject.since_wall -= 100.0
        engine.reconfigure(config("100GB"))
        engine.watch.look_once()
        left = next(one.event for one in engine.events.since() if one.event.name.value == "tier_left")
        assert left.facts["held_seconds"] == pytest.approx(100.0, abs=50.0)
        assert subject.since_wall == pytest.approx(time.time(), abs=50.0)
        assert (subject.tier, subject.ladder.firing) == (Tier.WARNING, None)  # going down runs nothing
        await engine.close()

    asyncio.run(test())


def test_what_fails_to_stop_keeps_no_brake_in_force() -> None:
    async def test() -> None:
        config = load("targets: [{name: none, match: {pidfile: /nonexistent}}]", "test", ACTIONS)
        engine = Engine(config, Options(listen_address=None), Log(Format.LOGFMT, Level.ERROR), asyncio.get_event_loop())

        async def fail() -> None:
            raise ValueError

        engine.manual.close = fail  # type: ignore[method-assign] # no order is known that would
        await engine.close()
        assert engine.keeper._closed
        assert [one.event.name.value for one in engine.events.since()] == ["internal_fault"]

    asyncio.run(test())


def test_a_read_that_hangs_costs_that_figure_of_that_target_and_nothing_else(
    spawn: Callable[..., "subprocess.Popen[Any]"], tmp_path: Path
) -> None:
    stuck, well = spawn(["sleep", "60"]), spawn(["sleep", "60"])
    procfs = tmp_path / "proc"
    machine(procfs)
    show(procfs, stuck.pid, hangs="smaps_rollup")
    show(procfs, well.pid)
    text = "targets:\n" + "".join(
        f"  - {{name: {name}, match: {{pid: {one.pid}}}, policy: observe}}\n"
        for name, one in (("stuck", stuck), ("well", well))
    )

    async def test() -> None:
        options = Options(listen_address=None, procfs=str(procfs))
        engine = Engine(
            load(text, "test", ACTIONS), options, Log(Format.LOGFMT, Level.ERROR), asyncio.get_running_loop()
        )
        engine.lanes.deadline = 0.2
        engine.looks.everything = True
        engine.watch.start()

        def subject(name: str) -> Subject:
            return next(iter(engine.membership.targets[name].subjects.values()))

        def value(name: str, quantity: Quantity) -> float | None:
            sample = subject(name).sample
            return None if sample is None else sample.value(quantity)

        await until(lambda: engine.lanes.running > 0)
        await asyncio.sleep(0.3)
        engine.lanes.expire(time.monotonic())
        await until(lambda: value("well", Quantity.PSS) and value("stuck", Quantity.THREADS))
        looks = subject("stuck").looks
        await until(lambda: subject("stuck").looks > looks)
        assert value("stuck", Quantity.PSS) is None
        assert value("stuck", Quantity.RSS)
        (watched,) = subject("stuck").watched.values()
        assert watched.sampler.capable["smaps_rollup"] is False
        assert engine.lanes.stuck == 1
        await asyncio.wait_for(engine.close(), 5)

    try:
        asyncio.run(test())
    finally:  # let the lane that still waits go
        os.close(os.open(procfs / str(stuck.pid) / "smaps_rollup", os.O_RDWR | os.O_NONBLOCK))
