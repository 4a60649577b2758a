"""What does the roster remember of one process from pass to pass?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from brimwatch.discover.catalogue import NO_VERDICT, Candidate, Verdict
from brimwatch.discover.facts import NOTHING, Facts
from brimwatch.discover.member import Member
from brimwatch.discover.table import Process
from brimwatch.model import ProcessId

if TYPE_CHECKING:
    from brimwatch.procfs.pod_paths import PodPlace

NEVER = float("inf")
_FIRST_GAP = 1.0  # seconds until a young process's facts are read again; then twice as long each time
_LAST_GAP = 64.0  # ... up to this: titles, cgroups and users of old processes seldom change
_BLIND_GAP = 5.0  # ... or this, where an exec is not seen by other means


class Claim(NamedTuple):
    """To which target a process belongs, and through whom.

    `root` is the topmost process that the target took by itself. `direct`: the process meets the match itself.
    """

    target: int  # its place in the file
    name: str
    root: ProcessId
    direct: bool


class Seat:
    """The place of one process."""

    __slots__ = (
        "claim",
        "denied",
        "gap",
        "member",
        "member_of",
        "pods",
        "pointed",
        "pointers",
        "refresh_at",
        "row",
        "shown",
        "verdict",
    )

    def __init__(self, row: Process) -> None:
        self.row = row
        self.verdict: Verdict = NO_VERDICT
        self.pointers: tuple[int, ...] = ()  # targets that mean this process by PID or pidfile
        self.pointed: tuple[Candidate, ...] = ()  # ... and what its facts say to them
        self.pods: tuple[PodPlace, ...] = ()  # around it, as its cgroup says
        self.denied: frozenset[str] = NOTHING  # keys of matches that could not be compared with it
        self.claim: Claim | None = None
        self.shown: Facts | None = None  # everything, once it is a member
        self.member: Member | None = None  # as it was last handed on, and the facts it was made of
        self.member_of: Facts | None = None
        self.gap = 0.0
        self.refresh_at = NEVER

    def candidates(self) -> tuple[Candidate, ...]:
        """The targets that can take this process, in file order."""
        if not self.pointed:
            return self.verdict.candidates
        return tuple(sorted((*self.verdict.candidates, *self.pointed), key=lambda candidate: candidate.target))

    def plan(self, now: float, afresh: bool) -> None:
        """Say when the facts shall be read again; `afresh` after a fork or an exec, when they still change."""
        last = _BLIND_GAP if self.row.blind else _LAST_GAP
        if not afresh:
            self.gap = min(last, max(_FIRST_GAP, 2 * self.gap))
        elif self.gap or self.row.young_until > now:
            self.gap = _FIRST_GAP
        else:  # those that were there before us take turns
            self.gap = last
            now -= self.row.identity.pid % last
        self.refresh_at = now + self.gap
