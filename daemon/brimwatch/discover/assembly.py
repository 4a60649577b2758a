"""How do claims become targets with members? Unchanged ones are handed on as the same objects.

So the loop tells by `is` what it need not look at.
"""

from __future__ import annotations

from collections.abc import Mapping

from brimwatch.discover.catalogue import Catalogue
from brimwatch.discover.facts import Facts
from brimwatch.discover.member import FoundTarget, Member
from brimwatch.discover.names import NameBook
from brimwatch.discover.seat import Seat
from brimwatch.model import ProcessId

Families = dict[tuple[int, str], dict[ProcessId, Seat]]  # by (index of the target, name that its template made)

_FAR = 256  # ancestors that are looked through for another member


class Assembly:
    """What was found last. `pids` are those of all members, `dropped` counts processes that a full template refused."""

    def __init__(self) -> None:
        self.found: tuple[FoundTarget, ...] = ()
        self.pids: tuple[int, ...] = ()
        self.dropped = 0
        self._targets: dict[str, FoundTarget] = {}

    def assemble(self, families: Families, seats: Mapping[int, Seat], catalogue: Catalogue, names: NameBook) -> None:
        """Put `found` together: configured targets in file order, a template's targets by name in its place."""
        self.dropped = 0
        names.keep(families.keys())
        found: list[FoundTarget] = []
        made = self._templates(families, catalogue, names)
        pids: list[int] = []
        for index, spec in enumerate(catalogue.specs):
            template = catalogue.templates[index]
            for name, key in sorted(made.get(index, ())) if template else ((spec.name, (index, spec.name)),):
                family = families.get(key)
                gathered = gather(family, seats) if family else ()
                pids.extend(member.identity.pid for member in gathered)
                target = FoundTarget(name, spec, gathered, template)
                known = self._targets.get(name)
                same = known is not None and known.spec is spec and known.members == gathered
                found.append(known if same and known is not None else target)
        self.pids = tuple(pids)
        self._targets = {target.name: target for target in found}
        if tuple(found) != self.found or not self.found:
            self.found = tuple(found)

    def _templates(
        self, families: Families, catalogue: Catalogue, names: NameBook
    ) -> dict[int, list[tuple[str, tuple[int, str]]]]:
        """By template: the names of its targets, with the keys of their families."""
        made: dict[int, list[tuple[str, tuple[int, str]]]] = {}
        for key, family in families.items():
            index, value = key
            if catalogue.templates[index]:
                name = names.name(index, value)
                if name is None:
                    self.dropped += len(family)
                else:
                    made.setdefault(index, []).append((name, key))
        return made


def gather(family: Mapping[ProcessId, Seat], seats: Mapping[int, Seat]) -> tuple[Member, ...]:
    """The members of one target from its seats; what is still the same is the same object as in the last pass."""
    above = {identity: _member_above(seat, seats) for identity, seat in family.items()}
    parents = set(above.values())
    members = []
    for identity in sorted(family, key=_by_start):
        seat = family[identity]
        # One whose parents have gone is no root as long as the process that it stems from lives.
        orphan = seat.claim is not None and seat.claim.root != identity and seat.claim.root in family
        members.append(_member(seat, above[identity] is None and not orphan, identity in parents))
    return tuple(members)


def _by_start(identity: ProcessId) -> tuple[int, int]:
    return identity.start_ticks, identity.pid


def _member_above(seat: Seat, seats: Mapping[int, Seat]) -> ProcessId | None:
    """The nearest ancestor that belongs to the same target."""
    claim = seat.claim
    above = seats.get(seat.row.ppid)
    for _ in range(_FAR):
        if above is None or claim is None:
            return None
        other = above.claim
        if other is not None and other.target == claim.target and other.name == claim.name:
            return above.row.identity
        above = seats.get(above.row.ppid)
    return None


def _member(seat: Seat, is_root: bool, parent: bool) -> Member:
    row, known = seat.row, seat.member
    facts = seat.shown or Facts(row.comm)
    place = (row.ppid, is_root, parent)
    if known is not None and seat.member_of == facts and place == (known.ppid, known.is_root, known.parent_of_member):
        return known
    cgroup = facts.place
    container = None if cgroup is None else cgroup.container
    seat.member_of = facts
    seat.member = Member(
        row.identity,
        row.comm,
        facts.exe,
        facts.cmdline,
        facts.uid,
        row.ppid,
        None if cgroup is None else cgroup.paths,
        None if cgroup is None else cgroup.unit,
        None if container is None else container.id,
        is_root,
        parent,
        None if container is None else container.pod_uid,
    )
    return seat.member
