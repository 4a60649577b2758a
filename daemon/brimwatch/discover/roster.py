"""Which processes belong to which target now? One pass over all processes for all targets.

A pass in which nothing happened lists /proc, compares, and hands out the same objects as before. Does *not* hold the
processes that it finds (pidfds and files are the loop's), nor give them numbers (`slots`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from brimwatch.config.settings import TargetSpec
from brimwatch.discover.agents import Agents
from brimwatch.discover.assembly import Assembly, Families
from brimwatch.discover.births import Births
from brimwatch.discover.catalogue import NO_VERDICT, Catalogue
from brimwatch.discover.claims import Claims
from brimwatch.discover.elsewhere import Elsewhere
from brimwatch.discover.facts import EVERYTHING, NOTHING, FactSource
from brimwatch.discover.member import FoundTarget, Member, ScanReport
from brimwatch.discover.names import NameBook
from brimwatch.discover.patience import renew
from brimwatch.discover.scene import Scene
from brimwatch.discover.seat import NEVER, Seat
from brimwatch.discover.table import Changes, ProcessTable
from brimwatch.units import Seconds

if TYPE_CHECKING:
    from brimwatch.discover.pods import PodBook

__all__ = ["FoundTarget", "Member", "Roster", "ScanReport"]

_CLOSELY = 64  # members whose exec is looked for at each pass; where there are more, they take turns


class _Rules(NamedTuple):
    """All that changes with the configuration."""

    catalogue: Catalogue
    scene: Scene
    names: NameBook


class Roster:
    """Keeps the processes of all targets. `own_pid` is ours as `procfs` numbers it; it is found out where not given.

    `adopts(pid)`: does this child of ours, an orphan that came to us, belong to the first target?
    """

    def __init__(
        self,
        procfs: str,
        targets: tuple[TargetSpec, ...],
        run_dirs: tuple[str, ...] = (),
        own_pid: int | None = None,
        births: Births | None = None,
        adopts: Callable[[int], bool] | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.report = ScanReport()
        self._procfs = procfs
        self._run_dirs = run_dirs
        self._births = births or Births()
        self._adopts = adopts
        self._elsewhere = elsewhere
        self._table = ProcessTable(procfs, self._births)
        self._facts = FactSource(procfs)
        self._own_pid = own_pid if own_pid is not None else self._table.own_pid
        self._seats: dict[int, Seat] = {}
        self._pointed: dict[int, tuple[int, ...]] = {}
        self._closely: tuple[int, ...] = ()
        self._denied: dict[str, int] = {}
        self._assembly = Assembly()
        self._unsettled = True  # the next pass has to assign, whatever it finds
        self._rules = self._compile(targets)

    def scan(self, now: float) -> tuple[FoundTarget, ...]:
        """Make one pass at `now` (monotonic seconds).

        Configured targets are all there, in file order, with no members where nothing matches; a template's targets are
        there while they have members. The very same tuple comes back when nothing has changed. How it went is in
        `report`. Raises OSError where `procfs` itself cannot be listed.
        """
        started = time.perf_counter()
        renew()
        renamed = self._renamed()
        due = [seat for seat in self._seats.values() if seat.refresh_at <= now or seat in renamed]
        changes = self._table.scan(now, (*self._closely, *(seat.row.identity.pid for seat in due)))
        moved = self._take_over(changes, now)
        for seat in due:
            if self._table.rows.get(seat.row.identity.pid) is seat.row and seat.row not in changes.changed:
                moved |= self._judge(seat, now, afresh=False)
        moved |= self._rules.scene.look(self._table.rows)
        if moved or self._unsettled:
            self._point(now)
            self._assign(now)
        self._tell(time.perf_counter() - started)
        return self._assembly.found

    def know(self, pods: PodBook) -> None:
        """Look names of pods up in there from now on."""
        self._facts.pods = pods

    def _renamed(self) -> frozenset[Seat]:
        """Who is in a pod that is known otherwise than in the last pass."""
        news = self._facts.pods.news() if self._facts.pods is not None else None
        if not news:
            return frozenset()
        return frozenset(seat for seat in self._seats.values() if any(place.uid in news for place in seat.pods))

    def replace(self, targets: tuple[TargetSpec, ...], run_dirs: tuple[str, ...] | None = None) -> None:
        """Go on with another configuration.

        Targets that are written as before keep the orphans that they have taken, and a `pid` keeps its meaning.
        """
        if run_dirs is not None:
            self._run_dirs = run_dirs
        before = self._rules
        self._rules = self._compile(targets)
        self._rules.scene.inherit(before.scene)
        places = {(spec.name, spec.match): index for index, spec in reversed(tuple(enumerate(targets)))}
        for seat in self._seats.values():
            if seat.claim is not None:
                spec = before.catalogue.specs[seat.claim.target]
                index = places.get((spec.name, spec.match))
                seat.claim = None if index is None else seat.claim._replace(target=index)
            seat.verdict, seat.pointers, seat.pointed = NO_VERDICT, (), ()
            seat.refresh_at = 0.0
        self._pointed = {}
        self._unsettled = True

    def _compile(self, targets: tuple[TargetSpec, ...]) -> _Rules:
        catalogue = Catalogue(targets)
        agents = Agents(self._run_dirs, self._births, self._procfs, self._elsewhere)
        scene = Scene(self._procfs, (spec.match for spec in targets), agents, self._births)
        return _Rules(catalogue, scene, NameBook(catalogue.configured))

    def _take_over(self, changes: Changes, now: float) -> bool:
        """Give new processes a seat and take it from those that have gone; True where anything did change."""
        for row in changes.gone:
            seat = self._seats.get(row.identity.pid)
            if seat is not None and seat.row is row:
                del self._seats[row.identity.pid]
        for row in changes.new:
            if self._table.rows.get(row.identity.pid) is row:
                seat = self._seats[row.identity.pid] = Seat(row)
                self._judge(seat, now, afresh=True)
        for row in changes.changed:
            seat = self._seats.get(row.identity.pid)
            if seat is not None and seat.row is row:
                self._judge(seat, now, afresh=True)
        return any(changes)

    def _judge(self, seat: Seat, now: float, afresh: bool) -> bool:
        """Read what a process shows and say which targets that fits; True where the answer is another than before."""
        row, catalogue = seat.row, self._rules.catalogue
        if row.dead or (row.kernel and not seat.pointers):
            seat.verdict, seat.pointed, seat.denied, seat.refresh_at = NO_VERDICT, (), NOTHING, NEVER
            return True
        wanted = EVERYTHING if seat.shown is not None else catalogue.wanted_by(seat.pointers)
        seat.refresh_at = NEVER
        if wanted:
            seat.plan(now, afresh)
        try:
            # One whose leader has ended shows nothing any more, and goes on as what it was.
            facts = self._facts.read(row, wanted) if row.state != "Z" else seat.shown
        except OSError:  # gone, and missed by the next pass; or out of descriptors, and tried again
            seat.refresh_at = now
            return False
        if facts is None:
            return False
        seat.pods = () if facts.place is None else facts.place.pods
        before = (seat.verdict, seat.pointed, seat.shown)
        if not row.kernel:
            seat.verdict = catalogue.judge(facts, len(self._seats))
        seat.pointed, refused = catalogue.judge_pointed(seat.pointers, facts)
        seat.denied = seat.verdict.denied | refused
        if seat.shown is not None:
            seat.shown = facts
        return before != (seat.verdict, seat.pointed, seat.shown)

    def _point(self, now: float) -> None:
        """Find the processes that targets mean by PID or pidfile."""
        catalogue, scene, rows = self._rules.catalogue, self._rules.scene, self._table.rows
        pointed: dict[int, tuple[int, ...]] = {}
        for index in catalogue.pointed:
            process = scene.meant(catalogue.specs[index].match)
            row = None if process is None else rows.get(process.pid)
            if row is not None and row.identity == process:
                pointed[process.pid] = (*pointed.get(process.pid, ()), index)
        for pid in self._pointed.keys() | pointed.keys():
            seat = self._seats.get(pid)
            if seat is not None and seat.pointers != pointed.get(pid, ()):
                seat.pointers = pointed.get(pid, ())
                self._judge(seat, now, afresh=False)
        self._pointed = pointed

    def _assign(self, now: float) -> None:
        """Decide every process anew, and make targets of the result."""
        rules, seats = self._rules, self._seats
        Claims(seats, rules.catalogue, rules.scene.holds, self._own_pid, self._adopts).settle()
        families: Families = {}
        self._unsettled = False
        for seat in seats.values():
            if seat.claim is None:
                seat.shown = None
            elif self._shows(seat, now):
                families.setdefault((seat.claim.target, seat.claim.name), {})[seat.row.identity] = seat
        self._assembly.assemble(families, seats, rules.catalogue, rules.names)
        self._closely = self._assembly.pids if len(self._assembly.pids) <= _CLOSELY else ()
        self._denied = dict(Counter(key for seat in seats.values() for key in seat.denied))

    def _shows(self, seat: Seat, now: float) -> bool:
        """Read all that a member shows, once; False where it has gone meanwhile."""
        if seat.shown is None:
            try:
                seat.shown = self._facts.read(seat.row, EVERYTHING)
            except OSError:
                self._unsettled = True
                return False
            if seat.refresh_at == NEVER:
                seat.plan(now, afresh=True)
        return True

    def _tell(self, duration: float) -> None:
        unseen = {"stat": self._table.unreadable, "agent": self._rules.scene.denied}
        denied = self._denied | {key: count for key, count in unseen.items() if count}
        dropped, problems = self._assembly.dropped, self._rules.scene.problems
        self.report = ScanReport(len(self._seats), dropped, denied, problems, Seconds(duration))
