"""What is known of a change that is in force: whose it is, when it ends, and whether it has bought any time?"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from brimwatch.act.undo import CgroupChange, Hold, LimitChange
from brimwatch.act.undo_store import RecordFile
from brimwatch.model import Action, Tier
from brimwatch.quantity import Quantity
from brimwatch.runtime.subject import Subject
from brimwatch.units import Bytes, format_duration

if TYPE_CHECKING:  # loaded with the first change: most daemons make none
    from brimwatch.core.bought import Bought


class InForce:
    """One change in force. `subject` and `action` are None for one that an earlier daemon made."""

    __slots__ = (
        "action", "before", "failed", "file", "hold", "made", "resident", "retry_at", "subject", "task", "tier",
        "timer", "why",
    )  # fmt: skip

    def __init__(
        self,
        hold: Hold,
        file: RecordFile,
        subject: Subject | None,
        tier: Tier,
        action: Action | None,
        resident: Bytes | None = None,
    ) -> None:
        """`resident`: what the process with a limit of its own held just before, bytes."""
        self.hold = hold
        self.file = file
        self.subject = subject
        self.tier = tier
        self.action = action
        self.timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None
        self.failed = ""  # why it was to be undone, where that failed; it is tried again
        self.retry_at = 0.0
        self.made = time.monotonic()
        self.why = ""  # it was found to be of no use
        self.before: float | None = None  # growth until then, bytes per second
        self.resident = resident

    @property
    def left(self) -> bool:
        """Whether a process with a change of its own is no member of its group any more."""
        change = self.hold.undo.change
        return (
            self.subject is not None and isinstance(change, LimitChange) and change.process not in self.subject.watched
        )

    def begin(self) -> None:
        """On the loop, right after it was made: what was before?"""
        from brimwatch.core.bought import BEFORE, growth

        if self.subject is not None:
            self.before = growth([row for row in self.subject.history.rows(self.made - BEFORE) if row.at <= self.made])

    def bought(self) -> Bought:
        """What it has bought until now, by the looks at its subject."""
        from brimwatch.core.bought import Bought, by_brake, by_ceiling, growth

        if self.subject is None:
            return Bought(None, None)
        change, rows = self.hold.undo.change, self.subject.history.rows(self.made)
        if isinstance(change, CgroupChange):
            return by_brake(self.before, rows, change.ours, self._silent(self.subject))
        now, room = self._resident_now(), _room(self.action)
        rise = None if now is None or self.resident is None else now - self.resident
        return Bought(self.before, growth(rows)) if room is None else by_ceiling(self.before, rows, rise, room)

    def _silent(self, subject: Subject) -> float:
        """For how many seconds under it a rung that asks the subject has waited for its answer."""
        firing, sample = subject.ladder.firing, subject.sample
        if firing is None or firing.attempt is not None or not firing.action.cooperative or sample is None:
            return 0.0
        return sample.at - max(firing.started, self.made)

    def _resident_now(self) -> float | None:
        """The resident set of the one process that a limit is for, at its last look."""
        change, subject = self.hold.undo.change, self.subject
        if subject is None or not isinstance(change, LimitChange) or change.process not in subject.watched:
            return None
        sample = subject.watched[change.process].sampler.last
        return None if sample is None else sample.value(Quantity.RSS)


def told_busy(entry: InForce | None) -> str:
    """One in force is never extended: `max` is how long a target may be held at all."""
    if entry is None:
        return "another one is being set just now"
    undo = entry.hold.undo
    if undo.until is None:
        return f"{undo.action} is in force already"
    left = format_duration(max(0.0, undo.until - time.time()))
    return f"{undo.action} is in force already, for another {left}"


def _room(action: Action | None) -> Bytes | None:
    """How much a ceiling lets a process grow."""
    from brimwatch.act.set_rlimit import FLOOR, Ceiling  # loaded with the configuration that names one

    options = None if action is None else action.options
    return Bytes(max(options.above, FLOOR)) if isinstance(options, Ceiling) else None
