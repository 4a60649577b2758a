"""Which target does each process belong to? The first in file order that matches it or has taken it as a child.

The rules, of which each is a test:
- A process that meets a match belongs to the first such target; nobody else has it.
- A target with `children` takes the descendants of its processes along, except those that an earlier target has and
  those under its `not`. Such an exception does not end the family: what descends from it is judged for itself.
- A descendant stays when its parents end and init adopts it, for as long as it lives; only an earlier target, or its
  own `not`, takes it away.
- We ourselves and what we start belong to nobody, unless their `pid` is written.
- Where we take in orphans, those that `adopts` names belong to the first target, as children of the process it means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from brimwatch.discover.catalogue import Candidate, Catalogue
from brimwatch.discover.rules import Residue
from brimwatch.discover.seat import Claim, Seat
from brimwatch.model import ProcessId

Holds = Callable[[Residue, ProcessId], bool]


class Claims:
    """One assignment of all processes. The result is in each seat's `claim`."""

    def __init__(
        self,
        seats: Mapping[int, Seat],
        catalogue: Catalogue,
        holds: Holds,
        own_pid: int | None,
        adopts: Callable[[int], bool] | None = None,
    ) -> None:
        self._seats = seats
        self._catalogue = catalogue
        self._holds = holds
        self._own_pid = own_pid
        self._adopts = adopts
        self._handed: dict[int, tuple[Claim, ...]] = {}  # PID to the claims that its children inherit
        self._ours: set[int] = set()

    def settle(self) -> None:
        """Decide every process, parents before their children."""
        seats, handed = self._seats, self._handed
        for pid in seats:
            line = []
            while pid not in handed and (seat := seats.get(pid)) is not None:
                handed[pid] = ()  # so that a circle of parents, impossible as it is, would end
                line.append(seat)
                pid = seat.row.ppid
            for seat in reversed(line):
                self._settle(seat)

    def _settle(self, seat: Seat) -> None:
        row = seat.row
        above = self._handed.get(row.ppid, ())
        if self._adopts is not None and row.ppid == self._own_pid and self._adopts(row.identity.pid):
            above = (self._adopted(seat),)
        mine = row.identity.pid == self._own_pid or row.ppid in self._ours
        if not (mine or above or seat.claim or seat.pointed or seat.verdict.candidates):
            return
        direct = self._direct(seat, mine)
        claim = self._first(seat, direct, above, mine)
        if mine and (direct is None or row.identity.pid == self._own_pid):
            self._ours.add(row.identity.pid)
        seat.claim = claim
        if claim is not None and self._catalogue.children[claim.target]:
            above = _hand_down(above, claim)
        self._handed[row.identity.pid] = above

    def _adopted(self, seat: Seat) -> Claim:
        """The first target's claim on an orphan: through the process that it means, while that lives."""
        spec = self._catalogue.specs[0]
        meant = None if spec.match.pid is None else self._seats.get(spec.match.pid)
        return Claim(0, spec.name, (seat if meant is None else meant).row.identity, False)

    def _direct(self, seat: Seat, mine: bool) -> Candidate | None:
        """The first target whose match the process meets itself."""
        if seat.row.dead:
            return None
        for candidate in seat.candidates():
            explicit = self._catalogue.explicit[candidate.target]
            if (mine or seat.row.kernel) and not explicit:
                continue
            if self._holds(candidate.residue, seat.row.identity):
                return candidate
        return None

    def _first(self, seat: Seat, direct: Candidate | None, above: tuple[Claim, ...], mine: bool) -> Claim | None:
        """The earliest of: met by itself, inherited from a living parent, kept from before."""
        identity = seat.row.identity
        if seat.row.dead:
            return None
        inherited = [claim for claim in above if self._may_inherit(seat, claim, mine)]
        kept = seat.claim
        if kept is not None and kept.root != identity and self._may_inherit(seat, kept, mine):
            inherited.append(kept)
        taken = min(inherited, key=lambda claim: claim.target, default=None)
        if direct is None or (taken is not None and taken.target < direct.target):
            return None if taken is None else taken._replace(direct=False)
        same = taken is not None and taken.target == direct.target and taken.name == direct.name and taken in above
        return Claim(direct.target, direct.name, taken.root if same and taken is not None else identity, True)

    def _may_inherit(self, seat: Seat, claim: Claim, mine: bool) -> bool:
        if seat.row.kernel or not self._catalogue.children[claim.target]:
            return False
        if mine and not self._catalogue.explicit[claim.target]:
            return False
        barred = seat.verdict.barred.get(claim.target)
        return barred is None or not self._holds(barred, seat.row.identity)


def _hand_down(above: tuple[Claim, ...], claim: Claim) -> tuple[Claim, ...]:
    """What the children inherit: the nearest claim of each target, in file order."""
    claim = claim._replace(direct=False)
    if claim in above:
        return above
    others = [one for one in above if one.target != claim.target]
    return tuple(sorted((*others, claim), key=lambda one: one.target))
