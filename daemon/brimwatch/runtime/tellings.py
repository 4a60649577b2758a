"""Whom was told of a tier that still holds, and when must they hear again? Each entry that was told is told an end.

Alertmanager forgets an alert that is not repeated, so its alerts are sent again each minute while the tier holds; any
telling webhook hears once when the tier is left, or its process is gone. What an earlier run left open goes on where
the same tier of the same subject still holds, and ends where it does not, or where the subject is not found again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace

from brimwatch.act.webhook_message import Occasion, new_id
from brimwatch.core.moment import Moment
from brimwatch.core.phases import Phase
from brimwatch.model import Action, Tier
from brimwatch.record.journal_rows import ALERT, Kept
from brimwatch.runtime.outbox import Outbox
from brimwatch.runtime.outbox_queue import AGAIN, END, ENTRY, Message
from brimwatch.runtime.outbox_rows import read_occasion, read_process, read_tier
from brimwatch.runtime.store import Store
from brimwatch.runtime.subject import Subject
from brimwatch.units import format_duration

REPEAT = 60.0  # seconds between two repeats of an open alert
GRACE = 30.0  # seconds that an earlier run's subject has to be found again
Of = tuple[str, int, int]  # target, pid, start_ticks: whose tier it is


@dataclass(slots=True)
class Telling:
    """One entry that was told through one action, and not yet ended."""

    of: Of
    tier: Tier
    occasion: Occasion
    due: float  # monotonic seconds of the next repeat

    @property
    def series(self) -> str:
        """The name that its messages share."""
        return json.dumps([*self.of, self.tier.label, self.occasion.action])


class Tellings:
    """What is open, by subject."""

    def __init__(self, outbox: Outbox, store: Store, clock: Callable[[], Moment]) -> None:
        self._outbox = outbox
        self._store = store
        self._clock = clock
        self._open: dict[Of, dict[str, Telling]] = {}
        self._subjects: dict[Of, Subject] = {}
        self._unseen: set[Of] = set()  # an earlier run's, not found yet
        self._until = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def tell(self, subject: Subject, tier: Tier, rung: Action, occasion: Occasion) -> None:
        """A tier was entered: send that, and remember to tell its end."""
        now = self._clock()
        telling = Telling(_of(subject), tier, occasion, now.mono + REPEAT)
        series = telling.series
        self._open.setdefault(telling.of, {})[series] = telling
        self._subjects[telling.of] = subject
        self._unseen.discard(telling.of)
        self._keep(telling)
        self._outbox.accept(Message(new_id(), occasion.action, ENTRY, occasion, now, series, rung))

    def looked(self, subject: Subject) -> None:
        """A look may have ended a tier."""
        of = _of(subject)
        tellings = self._open.get(of)
        if tellings is None or subject.judgement is None:
            return
        self._unseen.discard(of)
        self._subjects[of] = subject
        held = active_tiers(subject)
        for telling in [one for one in tellings.values() if one.tier not in held]:
            self._end(telling, gone=False)

    def gone(self, subject: Subject) -> None:
        """No process is left."""
        for telling in tuple(self._open.get(_of(subject), {}).values()):
            self._end(telling, gone=True)

    def tick(self, now: float) -> None:
        """Repeat what is due (monotonic seconds), and end what an earlier run left and nobody found."""
        if self._unseen and now >= self._until:
            for of in tuple(self._unseen):
                for telling in tuple(self._open.get(of, {}).values()):
                    self._end(telling, gone=True)
            self._unseen.clear()
        for subject in tuple(self._subjects.values()):
            self.looked(subject)  # a new configuration may have ended its tier without a look
        for tellings in self._open.values():
            for telling in tellings.values():
                if now >= telling.due and telling.of not in self._unseen:
                    telling.due = now + REPEAT
                    self._repeat(telling)

    def take_up(self, rows: Iterable[Kept]) -> int:
        """What an earlier run left open; returns how many there are."""
        now, count = self._clock(), 0
        for row in rows:
            telling = _read(row, now.mono)
            if telling is None or telling.series in self._open.get(telling.of, {}):
                continue
            self._open.setdefault(telling.of, {})[telling.series] = telling
            self._unseen.add(telling.of)
            count += 1
        self._until = now.mono + GRACE
        return count

    def write_all(self) -> None:
        """Put everything that is open into a journal that is new, or works again."""
        for tellings in self._open.values():
            for telling in tellings.values():
                self._keep(telling)

    def _keep(self, telling: Telling) -> None:
        body = {"of": list(telling.of), "tier": telling.tier.label, "occasion": asdict(telling.occasion)}
        self._store.put(ALERT, telling.series, body)

    def _repeat(self, telling: Telling) -> None:
        """Say that the alert still holds; not where an earlier message waits, which says so when it is sent."""
        action, series = telling.occasion.action, telling.series
        options = self._outbox.options(action)
        if options is None or options.form != "alertmanager" or self._outbox.queue.waits(action, series):
            return
        self._outbox.accept(Message(new_id(), action, AGAIN, telling.occasion, self._clock(), series))

    def _end(self, telling: Telling, gone: bool) -> None:
        series, now = telling.series, self._clock()
        tellings = self._open.get(telling.of, {})
        tellings.pop(series, None)
        if not tellings:
            self._open.pop(telling.of, None)
            self._subjects.pop(telling.of, None)
        self._store.drop(ALERT, series)
        occasion = replace(
            telling.occasion,
            name="tier_left",
            wall=now.wall,
            ended=now.wall,
            sentence=_told(telling, now.wall, gone),
            facts={"before": telling.tier.label, "gone": gone},
        )
        self._outbox.accept(Message(new_id(), occasion.action, END, occasion, now, series))


def active_tiers(subject: Subject) -> frozenset[Tier]:
    """Every tier that the subject is in: a higher one does not end a lower one."""
    if subject.judgement is None:
        return frozenset()
    pairs = zip(subject.target.spec.policy.tiers, subject.judgement.states, strict=True)
    return frozenset(rule.tier for rule, state in pairs if state.phase is Phase.ACTIVE)


def _of(subject: Subject) -> Of:
    return (subject.target.name, *subject.key)


def _told(telling: Telling, wall: float, gone: bool) -> str:
    occasion = telling.occasion
    who = occasion.target if occasion.member is None else f"{occasion.target}#{occasion.member}"
    held = format_duration(max(0.0, wall - occasion.started))
    return (
        f"{who} is gone; it was in {occasion.tier} for {held}" if gone else f"{who} left {occasion.tier} after {held}"
    )


def _read(row: Kept, now: float) -> Telling | None:
    of, occasion, tier = row.body.get("of"), read_occasion(row.body.get("occasion")), read_tier(row.body.get("tier"))
    if not isinstance(of, list) or len(of) != 3 or not isinstance(of[0], str) or occasion is None or tier is None:
        return None
    process = read_process(of[1], of[2])
    return None if process is None else Telling((of[0], *process), tier, occasion, now)
