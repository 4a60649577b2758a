"""What can be listened to in a running engine? Everything that judging and deciding takes in, in its order.

While nobody listens there is no tap, and each place costs one comparison.
"""

from __future__ import annotations

from typing import Protocol

from brimwatch.core.budget import Spent
from brimwatch.discover.roster import Member
from brimwatch.model import Attempt, Decision, Reason, Sample
from brimwatch.runtime.subject import Subject, Target


class Tap(Protocol):
    """Called on the loop, in the middle of a look: it must be quick, and must not raise."""

    def declared(self, target: Target) -> None:
        """A target is known from now on, or judged by another policy."""

    def joined(self, subject: Subject, now: float, wall: float) -> None:
        """A subject is new."""

    def passed(self, subject: Subject, member: Member, found: bool) -> None:
        """A process came under watch, or left."""

    def restored(self, subject: Subject) -> None:
        """A subject is found to be one that an earlier run knew, and goes on where it stood."""

    def look(self, subject: Subject, sample: Sample, tick: int, guard: Reason | None) -> None:
        """A subject was looked at, and is about to be judged."""

    def spent(self, subject: Subject, spent: Spent) -> None:
        """Budgets changed by what is decided for this subject."""

    def counted(self, spent: Spent) -> None:
        """Budgets changed by what no look has decided."""

    def started(self, subject: Subject, decision: Decision) -> None:
        """A rung starts."""

    def answered(self, subject: Subject, decision: Decision, attempt: Attempt) -> None:
        """A rung answered, and its ladder is about to be told."""

    def stopped(self, subject: Subject) -> None:
        """What runs for the subject is given up."""

    def gone(self, subject: Subject, now: float) -> None:
        """The last process of the subject was found gone at a look."""

    def removed(self, subject: Subject) -> None:
        """The subject is no longer watched."""
