"""How do the stages fit together? Every part is made here once, and handed what it needs."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

from brimwatch.act.kinds import ACTIONS
from brimwatch.agent.dial import Ground
from brimwatch.agent.places import directories
from brimwatch.config.load import load_file
from brimwatch.config.presets import default_config, single_process_config
from brimwatch.config.settings import Config, TargetSpec
from brimwatch.discover.agents import Agents as Sockets
from brimwatch.discover.elsewhere import Elsewhere
from brimwatch.discover.roster import Member, Roster
from brimwatch.model import Action, ProcessId, Reason
from brimwatch.procfs.meminfo import read_meminfo
from brimwatch.quantity import Quantity
from brimwatch.record.events import EventLog
from brimwatch.record.log import Log
from brimwatch.record.metrics import Metrics
from brimwatch.record.redact import redact
from brimwatch.record.snapshot import Snapshot
from brimwatch.runtime.agents import Agents
from brimwatch.runtime.boot import clock_of, read_boot_id
from brimwatch.runtime.continuity import Continuity
from brimwatch.runtime.evidence import Evidence
from brimwatch.runtime.introspect import Introspection
from brimwatch.runtime.keeper import Keeper
from brimwatch.runtime.lanes import Lanes
from brimwatch.runtime.looks import Accept, Looks
from brimwatch.runtime.loop import Watch
from brimwatch.runtime.manual import Manual
from brimwatch.runtime.membership import Membership
from brimwatch.runtime.options import Options
from brimwatch.runtime.ourselves import ancestors, user_name
from brimwatch.runtime.perform import Performer
from brimwatch.runtime.picture import Painter
from brimwatch.runtime.pods import PodNames
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject, Target, receivers
from brimwatch.sample.cgroups import CgroupCache
from brimwatch.sample.host import HostSampler
from brimwatch.sample.member import MemberSampler
from brimwatch.sample.slow import SlowRead

if TYPE_CHECKING:  # 600 objects that a daemon which nobody listens to does not need
    from brimwatch.core.recorded import Terms
    from brimwatch.runtime.recorder import Recorder

SWAP = frozenset({Quantity.SWAP})
PRUNE = 3600.0  # seconds between two looks at which runs no budget sees any more


def load_config(options: Options) -> Config:
    """The configuration that the options ask for. Raises ConfigError."""
    if options.pid is not None and options.config_file is None:
        config = single_process_config(options.pid, options.interval, ACTIONS)
    elif options.config_file is not None:
        config = load_file(options.config_file, ACTIONS)
    else:
        config = default_config(ACTIONS)
    if options.interval is not None:
        config = replace(config, interval=options.interval)
    return replace(config, dry_run=config.dry_run or options.dry_run)


class Engine:
    """The daemon without its doors: discovery, looks, actions and records on one event loop."""

    def __init__(
        self,
        config: Config,
        options: Options,
        log: Log,
        loop: asyncio.AbstractEventLoop,
        storage: str | None = None,
    ) -> None:
        """`storage`: the folder that is ours to write to, None where nothing is kept."""
        self.config = config
        self.metrics = Metrics()
        self.events = EventLog()
        self.story = Story(self.metrics, self.events, log)
        self.started_wall = time.time()
        self.loaded_wall = self.started_wall
        self.config_ok = True
        self._procfs = options.procfs
        self._cgroups = CgroupCache(options.procfs)
        self._host = HostSampler(options.procfs, self._cgroups, config.interval)
        self._ancestors = ancestors(options.procfs)
        self.lanes: Lanes[SlowRead] = Lanes(loop)
        self.introspection = Introspection(options.procfs, self.story, loop, config.introspection_budget)
        self.membership = Membership(options.procfs, self.story, self._sampler, self._host, self._forget)
        self.keeper = Keeper(self.story, options.procfs, loop)
        self.evidence = Evidence(self.story, redact, storage, config.retention, loop)
        self.continuity = Continuity(self.events, self.story, clock_of(options.procfs))
        # One looks at every process, where a target asks which have an agent; the other at those under watch.
        self._lookouts = tuple(Elsewhere(Ground(options.procfs, config.run_dir)) for _ in range(2))
        self.agents = Agents(options.procfs, self.story, lambda: iter(self.membership.targets.values()))
        self.pods = PodNames(self.story)
        view, capable = self.agents.view, self.agents.capable
        self._painter = Painter(redact, user_name, view, capable, lambda: self.watch.wakes.reasons, self._sources)
        self.performer = self._performer()
        self.looks = Looks(
            self.membership,
            self.story,
            self.performer.run,
            self.performer.stop,
            self._read,
            self._guard,
            self.continuity,
            self.evidence,
        )
        self.continuity.spend = self.looks.take_up
        self.membership.lost = self.looks.lost
        self.looks.tier_changed = self._tier_changed
        roster = Roster(
            options.procfs, config.targets, run_dirs(config), adopts=options.adopts, elsewhere=self._lookouts[0]
        )
        self.watch = Watch(self.membership, self.looks, roster, self.story, config, options.procfs)
        self.watch.rising = self.performer.foresee
        self.pods.attach = roster.know
        self.manual = Manual(
            self.membership, self.looks, self.performer, self.story, self._answered, self._guard, describe
        )
        self.performer.give_way = self.manual.give_way
        self._apply(config)
        self._recorder: Recorder | None = None
        self._pruned = time.monotonic()

    def _performer(self) -> Performer:
        return Performer(
            ACTIONS,
            self._procfs,
            self.story,
            self._answered,
            self.continuity.tell,
            self.keeper.brakes,
            self.evidence.keeper,
            self.agents,
        )

    def reconfigure(self, config: Config) -> None:
        """Put another configuration in force; what has not changed keeps its state."""
        self.config = config
        self.loaded_wall = time.time()
        self._apply(config)
        if self._recorder is not None:
            self._recorder.reconfigured()
        self.watch.configure(config)

    @property
    def recorder(self) -> Recorder:
        """Who hands on every look to those who listen; made, and its modules loaded, for the first of them."""
        if self._recorder is None:
            from brimwatch.runtime.recorder import Recorder

            boot_id = read_boot_id(self._procfs)
            self._recorder = Recorder(self.story, self.events, self._terms, lambda: self.looks.spent, boot_id)
        return self._recorder

    def end_recordings(self, reason: str) -> None:
        """Tell whoever listens that no more will come."""
        if self._recorder is not None:
            self._recorder.end(reason)

    async def close(self) -> None:
        """Stop looking, give up running rungs, release every descriptor and lane."""
        self.watch.stop()
        try:
            await self.manual.close()
            self._give_up()
            await self.performer.close()
            await self.agents.close()
            await self.pods.close()
        except Exception as error:  # noqa: BLE001 - what fails to stop must not keep brakes in force
            self.story.fault("end", error)
        await self.keeper.close()
        self.evidence.close()
        await self.continuity.end()
        self.membership.close()
        self._host.close()
        self.introspection.close()
        self.lanes.close()

    def snapshot(self) -> Snapshot:
        """What is known now; no target is touched."""
        return Snapshot(
            wall=time.time(),
            at=time.monotonic(),
            targets=self._painter.targets(self.membership.targets.values()),
            host=self._painter.host(self._host.last, dict(self._host.pressure)),
            dry_run=self.config.dry_run,
            interval=self.config.interval,
            config_source=self.config.source,
            config_ok=self.config_ok,
            config_loaded_wall=self.loaded_wall,
            started_wall=self.started_wall,
            webhook_queue=len(self.continuity.outbox.queue),
            introspection_cpu=self.introspection.cpu,
        )

    def housekeeping(self, now: float) -> None:
        """Once an interval: give up on stuck reads, keep the host's figures fresh, let old evidence go."""
        self.lanes.expire(now)
        self.keeper.sweep(now)
        self.continuity.housekeeping(now)
        self._host.look(now)
        for read in self._host.due(now):
            self._read(ProcessId(0, 0), read, self._host.accept)
        self.evidence.housekeeping(now)
        if now - self._pruned >= PRUNE:
            self._pruned = now
            self.looks.count(self.looks.spent.pruned(self.config.actions, now))
        self.introspection.tick(now, self.membership.targets.values())
        self.agents.look(now)

    def _apply(self, config: Config) -> None:
        self.introspection.configure(config.introspection_budget)
        self.looks.interval = config.interval
        self.looks.dry_run = config.dry_run
        self.keeper.configure(config)
        self.evidence.retain(config.retention)
        self.continuity.configure(config)
        for lookout in self._lookouts:
            lookout.ground = Ground(self._procfs, config.run_dir)
        self.agents.configure(config, Sockets(run_dirs(config), procfs=self._procfs, elsewhere=self._lookouts[1]))
        self.pods.configure(config)
        self.looks.swap_matters = read_meminfo(self._procfs).swap_total > 0

    def _terms(self) -> Terms:
        from brimwatch.core.recorded import Terms

        looks, config = self.looks, self.config
        return Terms(looks.interval, looks.dry_run, looks.swap_matters, config.digest, config.source)

    def _sources(self, spec: TargetSpec) -> dict[str, bool]:
        pods = self.pods.capable(spec)
        return self.looks.limits.capable(spec.limit_file) | ({} if pods is None else {"pods": pods})

    def _sampler(self, target: Target, member: Member) -> MemberSampler:
        # What a rung wins is measured with swap, so that has to be fresh where there is any.
        wanted = target.wanted | SWAP if self.looks.swap_matters else target.wanted
        return MemberSampler(member.identity, self._procfs, wanted, self._cgroups, member.cgroup, self.config.interval)

    def _tier_changed(self, subject: Subject) -> None:
        self.keeper.changed(subject)
        self.agents.tier_changed(subject)

    def _forget(self, subject: Subject) -> None:
        self.performer.let_go(subject, Reason.VANISHED)
        if self.story.tap is not None:
            self.story.tap.removed(subject)
        self.looks.give_up(subject, Reason.VANISHED)
        self.watch.forget(subject)
        self.keeper.lost(subject)
        self.continuity.gone(subject)

    def _give_up(self) -> None:
        for target in self.membership.targets.values():
            for subject in target.subjects.values():
                self.performer.let_go(subject, Reason.STOPPED)
                self.looks.give_up(subject, Reason.STOPPED)

    def _answered(self, subject: Subject) -> None:
        if subject.due != float("inf"):
            self.watch.hurry(subject)

    def _read(self, owner: Hashable, read: SlowRead, accept: Accept) -> None:
        def done(read: SlowRead, result: object, cost: float) -> None:
            accept(read, result, time.monotonic(), cost)

        # A quick read waits for no lock of the target: one that is stuck does not keep it from being made.
        self.lanes.submit((owner, read.quick), read, read.read, done, read.quick)

    def _guard(self, subject: Subject) -> Reason | None:
        """Why none of the subject's processes may be ended."""
        if any(process.pid in self._ancestors for process in subject.watched):
            return Reason.PROTECTED
        if any(watched.member.parent_of_member for watched in receivers(subject)):
            return Reason.PARENT
        return None


def run_dirs(config: Config) -> tuple[str, ...]:
    """Where agents that see the same files as we have their sockets, whoever their user is."""
    return directories(config.run_dir, os.geteuid())


def describe(action: Action) -> str:
    """What an action would do, for a person, as far as its kind says."""
    told = getattr(ACTIONS[action.kind], "describe", None)
    return str(told(action.options)) if told is not None else f"be run (its kind is {action.kind})"
