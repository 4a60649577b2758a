"""What do the tests of the keeper share? A cgroup of files, a subject in a tier, and a keeper of its changes."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.act.changing import MB, FakeCgroups

from brimwatch.act.kinds import ACTIONS
from brimwatch.act.undo import CgroupChange
from brimwatch.config.load import load
from brimwatch.config.settings import Config
from brimwatch.model import Decision, ProcessId, Tier, Verdict
from brimwatch.procfs.cgroup_place import Place
from brimwatch.record.catalogue import Level
from brimwatch.record.events import EventLog
from brimwatch.record.log import Format, Log
from brimwatch.record.metrics import Metrics
from brimwatch.runtime.keeper import Keeper
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject, Target
from brimwatch.units import Bytes, Seconds

OURS, PID = Bytes(390 * MB), 4000001
CONFIG = """
global: {{run_dir: {run}}}
targets: [{{name: shop, match: {{pid: 1}}, policy: p}}]
policies: {{p: {{tiers: {{critical: {{when: {{rss: 1MB}}, do: [{do}]}}}}}}}}
actions: {{brake: {{cgroup: {{memory.high: 98%}}, max: {max}}}, ask: {{signal: USR1}}}}
"""


class Scene:
    """A keeper over a cgroup of files, and a subject in the critical tier."""

    def __init__(self, folder: Path) -> None:
        self.cgroups = FakeCgroups(folder)
        self.app = self.cgroups.cgroup("/app", 300 * MB, 400 * MB)
        self.run = folder / "run"
        self.log = EventLog()
        self.keeper = self.make()
        spec = self.config().targets[0]
        self.subject = Subject(Target("shop", spec, False), ProcessId(PID, 100), None, 0.0)
        self.subject.watched[ProcessId(PID, 100)] = None  # type: ignore[assignment] # only that there is one
        self.tier(Tier.CRITICAL)

    def make(self) -> Keeper:
        story = Story(Metrics(), self.log, Log(Format.LOGFMT, Level.ERROR))
        return Keeper(story, self.cgroups.procfs, asyncio.get_running_loop())

    def config(self, do: str = "brake", longest: str = "10s") -> Config:
        return load(CONFIG.format(run=self.run, do=do, max=longest), "f.yaml", ACTIONS)

    def tier(self, tier: Tier) -> None:
        self.subject.judgement = _At(tier)  # type: ignore[assignment] # all that is asked of it

    def change(self, before: Bytes | None) -> CgroupChange:
        found = self.app.stat()
        place = Place(2, str(self.cgroups.mount), "/app", "/app", self.cgroups.procfs)
        return CgroupChange(place, found.st_dev, found.st_ino, OURS, before)

    async def brake(self, lasts: float | None = 10.0, before: Bytes | None = None) -> None:
        """Record a change and make it, as an action's thread does."""
        action = self.config().actions["brake"]
        brakes = self.keeper.brakes(self.subject, Decision(Tier.CRITICAL, action, 0, Verdict.RUN, 0.0))

        def make() -> None:
            hold = brakes.begin(self.change(before), None if lasts is None else Seconds(lasts))
            hold.make(self._write)

        await asyncio.to_thread(make)

    def _write(self) -> None:
        (self.app / "memory.high").write_text(str(OURS))

    @property
    def high(self) -> str:
        return (self.app / "memory.high").read_text().strip()

    @property
    def records(self) -> list[str]:
        folder = self.run / "undo"
        return sorted(os.listdir(folder)) if folder.exists() else []

    def told(self, name: str) -> list[Any]:
        return [one.event.facts for one in self.log.since() if one.event.name.value == name]

    async def until(self, predicate: Callable[[], Any]) -> None:
        end = time.monotonic() + 10
        while not predicate():
            assert time.monotonic() < end
            await asyncio.sleep(0.005)

    async def undone(self, reason: str) -> None:
        """Wait for the end of the change, which must have this reason, and leave nothing behind."""
        await self.until(lambda: self.told("action_undone"))
        assert [facts["reason"] for facts in self.told("action_undone")] == [reason]
        assert (self.high, self.records, self.keeper.in_force) == ("max", [], 0)


class _At:
    """A judgement that holds a tier."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
