"""What wakes the loop before a look is due? Pressure on the machine or in a cgroup, and what happens to its limit.

A wake-up is a look at whom it concerns, and glances down to 2 ms for a while: where tasks wait for memory a limit is
near. Nothing depends on it: without triggers looks and glances keep their pace.

asyncio waits for EPOLLIN, which files of the kernel always show; so they are in an epoll, itself in the loop. Each
pressure file has one of its own: asking whether it is ready takes the event (psi_trigger_poll in kernel/sched/psi.c),
and the loop has asked already when it calls us. That its epoll was readable is all that is left of the event.
"""

from __future__ import annotations

import asyncio
import os
import select
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from brimwatch.core.pace import RESTING
from brimwatch.procfs.trigger import open_pressure_trigger
from brimwatch.runtime.subject import Subject
from brimwatch.sample.alarms import PSI
from brimwatch.sample.cgroup import CgroupSampler
from brimwatch.sample.slow import failure_reason

ALERT = 2.0  # seconds after a wake-up in which growth is expected: a window of pressure


class _Source(NamedTuple):
    """A descriptor that is waited for. `counts`: an eventfd."""

    cgroup: CgroupSampler
    counts: bool = False


class Wakes:
    """`hasten(subject, due)` asks for a look at `due` (monotonic seconds); `everyone` are all subjects."""

    def __init__(
        self, procfs: str, hasten: Callable[[Subject, float], None], everyone: Callable[[], Iterable[Subject]]
    ) -> None:
        self._procfs = procfs
        self._hasten = hasten
        self._everyone = everyone
        self._sources: dict[int, _Source] = {}
        self._subjects: dict[CgroupSampler, set[Subject]] = {}
        self._poll: select.epoll | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pressure = -1
        self._pressed: dict[CgroupSampler | None, select.epoll] = {}
        self.reasons: dict[str, str] = {}  # of the machine, as those of `sample.alarms`

    def start(self) -> None:
        """Wait on the running loop from now on."""
        self._poll = select.epoll()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._poll.fileno(), self._woken)
        try:
            self._pressure = open_pressure_trigger(f"{self._procfs}/pressure/memory")
        except OSError as error:
            self.reasons[PSI] = failure_reason(error) or str(error)
        else:
            self.reasons[PSI] = ""
            self._add_pressure(self._pressure, None)

    def stop(self) -> None:
        """Wait for nothing more."""
        if self._poll is None or self._loop is None:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(self._poll.fileno())
        for cgroup in tuple(self._pressed):
            self._drop_pressure(cgroup)
        self._poll.close()
        self._poll = None
        if self._pressure >= 0:
            os.close(self._pressure)
            self._pressure = -1

    def heed(self, subject: Subject) -> None:
        """A look was taken: what happens in the cgroups that limit the subject wakes it from now on."""
        sample = subject.sample
        if self._poll is None or sample is None or sample.limit is None or sample.limit.source != "cgroup":
            return
        for watched in subject.watched.values():
            cgroup = watched.sampler.cgroup
            known = self._subjects.get(cgroup)
            if known is None or not cgroup.is_armed:
                self._arm(cgroup)
                known = self._subjects.setdefault(cgroup, set())
            known.add(subject)

    def forget(self, subject: Subject) -> None:
        """The subject is gone. Cgroups that nobody is in any more have closed their descriptors."""
        for cgroup in [one for one, known in self._subjects.items() if subject in known]:
            self._subjects[cgroup].discard(subject)
            if not self._subjects[cgroup]:
                del self._subjects[cgroup]
                self._drop_pressure(cgroup)

    def _arm(self, cgroup: CgroupSampler) -> None:
        if not cgroup.arm():
            return
        alarms = cgroup.alarms
        self._add_pressure(alarms.pressure, cgroup)
        self._add(alarms.events, _Source(cgroup, counts=True), select.EPOLLIN)
        self._add(cgroup.usage.events_descriptor, _Source(cgroup), select.EPOLLPRI)

    def _add(self, descriptor: int, source: _Source, mask: int) -> None:
        if descriptor < 0 or self._poll is None:
            return
        try:
            self._poll.register(descriptor, mask)
        except FileExistsError:
            self._poll.modify(descriptor, mask)
        except PermissionError:
            return  # a plain file, in a tree made for a test: nothing ever happens to it
        self._sources[descriptor] = source

    def _add_pressure(self, descriptor: int, cgroup: CgroupSampler | None) -> None:
        self._drop_pressure(cgroup)
        if descriptor < 0 or self._loop is None:
            return
        poll = self._pressed[cgroup] = select.epoll()
        poll.register(descriptor, select.EPOLLPRI)
        self._loop.add_reader(poll.fileno(), self._under_pressure, cgroup)

    def _drop_pressure(self, cgroup: CgroupSampler | None) -> None:
        poll = self._pressed.pop(cgroup, None)
        if poll is None:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(poll.fileno())
        poll.close()

    def _under_pressure(self, cgroup: CgroupSampler | None) -> None:
        subjects = self._on_machine() if cgroup is None else self._subjects.get(cgroup, ())
        self._alert(subjects, time.monotonic())
        if any(shown & select.EPOLLERR for _, shown in self._pressed[cgroup].poll(0)):
            self._drop_pressure(cgroup)  # the cgroup was removed: it would say so for ever

    def _woken(self) -> None:
        if self._poll is None:
            return
        for descriptor, _ in self._poll.poll(0):
            source = self._sources[descriptor]
            if source.counts:
                os.read(descriptor, 8)
            # Reading the events is what ends their readiness. Of a cgroup that was removed they stay ready for ever.
            if not source.cgroup.usage.look_for_oom_kills():
                self._poll.unregister(descriptor)
                del self._sources[descriptor]
            self._alert(self._subjects.get(source.cgroup, ()), time.monotonic())

    def _on_machine(self) -> Iterable[Subject]:
        for subject in self._everyone():
            sample = subject.sample
            if sample is not None and sample.limit is not None and sample.limit.source == "machine":
                yield subject

    def _alert(self, subjects: Iterable[Subject], now: float) -> None:
        for subject in tuple(subjects):
            looked = 0.0 if subject.sample is None else subject.sample.at
            subject.alert_until = max(subject.alert_until, now + ALERT)
            self._hasten(subject, max(now, looked + RESTING))
