"""How do processes come under watch and leave it? The result of a discovery pass, applied to the record.

Does *not* cover finding them (`discover`) nor looking at them (`looks`).
"""

from __future__ import annotations

import errno
import os
import resource
import time
from collections.abc import Callable

from brimwatch.act.exits import exited
from brimwatch.config.settings import TargetSpec
from brimwatch.core.course import rejudged
from brimwatch.core.decide import lowered
from brimwatch.discover.roster import FoundTarget, Member
from brimwatch.errors import MalformedProcFile
from brimwatch.model import Policy, ProcessId
from brimwatch.procfs.descriptor import ceiling
from brimwatch.procfs.stat import read_stat
from brimwatch.procfs.status import read_status
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import GROUP, Subject, Target, Watched
from brimwatch.sample.host import HostSampler
from brimwatch.sample.member import MemberSampler

DEAD = "ZXx"  # states of proc_pid_stat(5): what only waits to be asked how it ended
LINGER = 300.0  # seconds that a templated target which lost its last process keeps its counters


class Membership:
    """Targets by name, in the order of the configuration."""

    def __init__(
        self,
        procfs: str,
        story: Story,
        make_sampler: Callable[[Target, Member], MemberSampler],
        host: HostSampler,
        forget: Callable[[Subject], None],
        linger: float = LINGER,
    ) -> None:
        self.targets: dict[str, Target] = {}
        self.lost: Callable[[Subject, ProcessId, float], None] = self.drop  # says what became of it, and drops it
        self.released: Callable[[int], None] = lambda _: None  # a pidfd is about to be closed
        self._procfs = procfs
        self._story = story
        self._make_sampler = make_sampler
        self._host = host
        self._forget = forget
        self._linger = linger
        self._out_of_descriptors = False
        self._last: tuple[FoundTarget, ...] | None = None
        self._present: set[str] = set()
        self._unsettled = False  # what we hold is not what the last pass found

    def apply(self, found: tuple[FoundTarget, ...], now: float, wall: float) -> list[Subject]:
        """Bring the record in line with a discovery pass; returns the subjects that are new."""
        if found is self._last and not self._unsettled:
            self._expire(self._present, now)
            return []
        self._last, self._unsettled = found, False
        fresh: list[Subject] = []
        present: set[str] = set()
        for entry in found:
            present.add(entry.name)
            target = self.targets.get(entry.name)
            if target is None:
                target = self.targets[entry.name] = Target(entry.name, entry.spec, entry.template)
                self._story.declare(target)
            if target.spec is not entry.spec:
                self._respecify(target, entry.spec, now)
            self._update(target, entry.members, now, wall, fresh)
        for name in [name for name in self.targets if name not in present]:
            self._clear(self.targets[name], now)
        self._present = present
        self._expire(present, now)
        return fresh

    def all_looked_at(self) -> bool:
        """Has everybody who was found had a first look?"""
        return all(subject.looks for target in self.targets.values() for subject in target.subjects.values())

    def drop(self, subject: Subject, process: ProcessId, now: float) -> None:
        """A process is gone: close what was held for it, and the subject where it was the last one."""
        watched = subject.watched.pop(process, None)
        if watched is None:
            return
        self._unsettled = True
        watched.sampler.close()
        if watched.pidfd >= 0:
            self.released(watched.pidfd)
            os.close(watched.pidfd)
        target = subject.target
        target.processes -= 1
        self._story.member_lost(subject, watched.member, subject.sample)
        if not subject.watched:
            self._remove(subject, now)
            if not target.subjects:
                self._story.target_lost(target)

    def close(self) -> None:
        """Give up every descriptor."""
        for target in self.targets.values():
            for subject in target.subjects.values():
                for watched in subject.watched.values():
                    watched.sampler.close()
                    if watched.pidfd >= 0:
                        self.released(watched.pidfd)
                        os.close(watched.pidfd)

    def _respecify(self, target: Target, spec: TargetSpec, now: float) -> None:
        """The configuration changed: tiers that did not keep their state, a different kind of subject starts anew."""
        old = target.spec
        target.respecify(spec)
        if (old.grouped, old.match.host) != (spec.grouped, spec.match.host):
            self._clear(target, now)
        self._story.declare(target)
        if old.policy != spec.policy:
            for subject in target.subjects.values():
                self._rejudge(subject, old.policy, now)

    def _rejudge(self, subject: Subject, old: Policy, now: float) -> None:
        before = subject.judgement
        if before is None:
            return
        policy = subject.target.spec.policy
        subject.judgement, change = rejudged(before, old, policy, now)
        if change is not None:
            subject.ladder = lowered(subject.ladder, change.after, policy, now)
        if change is not None and subject.sample is not None:
            self._story.changed(subject, change, subject.sample)
            subject.since_wall = time.time()

    def _clear(self, target: Target, now: float) -> None:
        for subject in list(target.subjects.values()):
            if subject.host is not None:
                self._remove(subject, now)
            for process in list(subject.watched):
                self._let_go(subject, process, now)

    def _let_go(self, subject: Subject, process: ProcessId, now: float) -> None:
        """A pass may see an end before a look does; what only matches no more has not ended.

        In the middle of its exit a process has no command line any more: it is kept until its end is seen, or a kill by
        the kernel, in which a large process takes a tenth of a second to give everything back, would not be counted.
        """
        if self.is_ending(process):
            self._unsettled = True
        elif self._has_ended(process, subject.watched[process].pidfd):
            self.lost(subject, process, now)
        else:
            self.drop(subject, process, now)

    def is_ending(self, process: ProcessId) -> bool:
        """Has its exit begun, or a kill reached it, and is it not over yet?"""
        try:
            found = read_stat(self._procfs, process.pid)
            if found.start_ticks != process.start_ticks or found.state in DEAD:
                return False
            return found.is_exiting or read_status(self._procfs, process.pid).is_being_killed
        except (OSError, MalformedProcFile):
            return False

    def _has_ended(self, process: ProcessId, pidfd: int) -> bool:
        if pidfd >= 0:
            return exited(pidfd)
        try:
            found = read_stat(self._procfs, process.pid)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return found.start_ticks != process.start_ticks or found.state in DEAD

    def _update(
        self, target: Target, members: tuple[Member, ...], now: float, wall: float, fresh: list[Subject]
    ) -> None:
        if target.spec.match.host:
            if not target.subjects:
                subject = self._add_subject(target, GROUP, now, wall, fresh)
                subject.host = self._host
            return
        was_empty = not target.subjects
        wanted = {member.identity: member for member in members}
        for subject in list(target.subjects.values()):
            for process in [process for process in subject.watched if process not in wanted]:
                self._let_go(subject, process, now)
        for identity, member in wanted.items():
            key = GROUP if target.spec.grouped else identity
            held = target.subjects.get(key)
            known = held.watched.get(identity) if held is not None else None
            if known is not None:
                self._keep(target, known, member)
                continue
            watched = self._watch(target, member)
            if watched is None:
                self._unsettled = True
                continue
            subject = held or self._add_subject(target, key, now, wall, fresh)
            subject.watched[identity] = watched
            target.processes += 1
            self._story.member_found(subject, member)
        if was_empty and target.subjects:
            self._story.target_found(target)

    def _keep(self, target: Target, known: Watched, member: Member) -> None:
        """The same process still; where it runs another program now, its growth begins anew."""
        if member.exe is None and known.member.exe is not None and not member.cmdline:
            return  # on its way out: no program and no cgroup any more, and a new sampler would forget who killed it
        if known.member.exe != member.exe:
            known.sampler.close()
            known.sampler = self._make_sampler(target, member)
        known.member = member

    def _add_subject(self, target: Target, key: ProcessId, now: float, wall: float, fresh: list[Subject]) -> Subject:
        slot = None if key == GROUP else target.slots.take(now)
        if slot is None and key != GROUP:
            self._story.slots_exhausted(target, now)
        subject = Subject(target, key, slot, wall)
        target.subjects[key] = subject
        target.absent_since = None
        target.several = target.several or len(target.subjects) > 1
        fresh.append(subject)
        if self._story.tap is not None:
            self._story.tap.joined(subject, now, wall)
        return subject

    def _remove(self, subject: Subject, now: float) -> None:
        target = subject.target
        if subject.slot is not None:
            target.slots.give_back(subject.slot, now)
        target.subjects.pop(subject.key, None)
        if not target.subjects:
            target.absent_since = now
        self._forget(subject)

    def _expire(self, present: set[str], now: float) -> None:
        """Forget templated targets that have been empty for a while, and configured ones that are no longer written."""
        for name, target in list(self.targets.items()):
            if name in present or target.subjects:
                continue
            gone = now - target.absent_since if target.absent_since is not None else self._linger
            if gone >= self._linger or not target.template:
                del self.targets[name]
                self._story.forget(target)

    def _watch(self, target: Target, member: Member) -> Watched | None:
        """Hold a process by its pidfd and its files, if it still is the one that was found."""
        pid, start_ticks = member.identity
        pidfd, sampler = -1, None
        try:
            pidfd = self._pidfd(pid)
            sampler = self._make_sampler(target, member)
            # Only now: a PID used again between the pass and pidfd_open would otherwise be held in its place.
            if read_stat(self._procfs, pid).start_ticks == start_ticks:
                return Watched(member, pidfd, sampler)
        except (ProcessLookupError, PermissionError):
            pass  # gone again, or not ours to see: the next pass decides anew
        if pidfd >= 0:
            os.close(pidfd)
        if sampler is not None:
            sampler.close()
        return None

    def _pidfd(self, pid: int) -> int:
        """A pidfd to hold, or -1 where descriptors are scarce: sockets and reads need some as well."""
        try:
            pidfd = os.pidfd_open(pid)
            if pidfd < ceiling():
                return pidfd
            os.close(pidfd)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
        if not self._out_of_descriptors:
            self._out_of_descriptors = True
            self._story.descriptors_exhausted(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        return -1
