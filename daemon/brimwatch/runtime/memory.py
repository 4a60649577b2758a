"""What of tiers, cooldowns and budgets is known after a restart of the daemon?

A process that is found again (same PID, start time and boot) goes on where it was: its tiers are not entered again, and
what cools down goes on cooling. A group and the host are known by their target's name, for ten minutes. Budgets belong
to names, whatever the process. All of it counts on the monotonic clock, which a step of the wall clock cannot move;
after a reboot only budgets and the cooldowns of groups and the host are taken up, by the wall clock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping

from brimwatch.core.budget import Spent
from brimwatch.core.decide import NEVER, Ladder
from brimwatch.core.evaluate import Judgement, TierState
from brimwatch.core.moment import Moment, elapsed, translate
from brimwatch.core.phases import Phase
from brimwatch.model import Policy, Tier, TierRule
from brimwatch.record.journal_rows import BUDGET, STATE, Json, Kept
from brimwatch.runtime.store import Store
from brimwatch.runtime.subject import GROUP, Subject

GRACE = 60.0  # seconds after the start in which a subject that is found is taken for the one that was known
SAME_GROUP = 600.0  # seconds that the daemon may have been away for a group to be the same
YEAR = 366 * 86400.0  # seconds: no budget looks back further
MOST_RUNS = 1000
_CALM = TierState()
Essence = tuple[tuple[str, ...], bool, tuple[float, ...], int, int, int, bool]  # nothing for the collector
# What an earlier run wrote may say more than was taken up of it (a rule has changed, a group was away for too long), so
# it equals nothing, and misleads: the first look writes the row anew, or drops it.
_EARLIER: Essence = (("?",), False, (), 0, 0, 0, False)


class Memory:
    """Writes down what changes, and gives back what an earlier run wrote."""

    def __init__(self, store: Store, clock: Callable[[], Moment]) -> None:
        self._store = store
        self._clock = clock
        self._past: dict[str, Kept] = {}
        self._ended: Moment | None = None
        self._until = 0.0
        self._written: dict[str, tuple[Subject, Essence]] = {}
        self._early: set[str] | None = set()  # whom a look found before it was known what an earlier run left
        self._spent = Spent()
        self.restored = 0

    def take_up(self, states: Iterable[Kept], ended: Moment | None) -> None:
        """The states that an earlier run left; `ended` is when it was last alive."""
        early, self._early = self._early or (), None
        self._past = {row.key: row for row in states if row.key not in self._written}
        for key in self._past.keys() & set(early):  # judged afresh already, and found calm: the row holds no more
            self._past.pop(key)
            self._store.drop(STATE, key)
        self._ended = ended
        self._until = self._clock().mono + GRACE

    def restore(self, subject: Subject) -> bool:
        """Before a subject's first look: is it one that was known? Then it stands where it stood."""
        if not self._past:
            return False
        key = _key(subject)
        row = self._past.pop(key, None)
        now = self._clock()
        if row is None:
            return False
        same_boot = bool(now.boot) and row.saved.boot == now.boot
        known = same_boot and (subject.key != GROUP or self._ended is None or elapsed(self._ended, now) < SAME_GROUP)
        if now.mono > self._until or (not known and subject.key != GROUP):
            self._store.drop(STATE, key)  # it comes too late, or is another process: the boot has changed
            return False
        if known:
            subject.judgement = _judgement(row.body, subject.target.spec.policy, now)
            since = row.body.get("since")
            subject.since_wall = min(since, now.wall) if isinstance(since, float) else subject.since_wall
            subject.shared = row.body.get("shared") is True
        subject.ladder = _ladder(row, subject, now)
        self._written[key] = subject, _EARLIER
        self.restored += 1
        return True

    def looked(self, subject: Subject) -> None:
        """A look has changed where the subject stands: write it down, where it says something new.

        Part of the look's transaction, as the event and the end of the alert are: a tier that was left, but is still
        in its row when the daemon ends, would be taken up in silence by the next run should it be entered meanwhile.
        """
        key, now = _key(subject), self._clock().mono
        if self._early is not None:
            self._early.add(key)
        essence = _essence(subject, now)
        written = self._written.get(key)
        if _says_something(essence):
            if written is None or written[1] != essence:
                self._write(key, subject, essence)
        elif written is not None and _misleads(written[1]):
            del self._written[key]
            self._store.drop(STATE, key)

    def gone(self, subject: Subject) -> None:
        """No process is left."""
        key = _key(subject)
        if self._early is not None:
            self._early.discard(key)
        if self._written.pop(key, None) is not None:
            self._store.drop(STATE, key)

    def tick(self) -> None:
        """About once a second, and at the end: a new configuration may have ended a tier without a look."""
        for subject, _ in tuple(self._written.values()):
            self.looked(subject)

    def tidy(self, now: float) -> None:
        """Now and then (monotonic seconds): forget rows that say nothing any more, and mend those that are wrong."""
        for key, (subject, written) in tuple(self._written.items()):
            essence = _essence(subject, now)
            if not _says_something(essence):
                del self._written[key]
                self._store.drop(STATE, key)
            elif essence != written:
                self._write(key, subject, essence)
        if self._past and now > self._until:
            for key in self._past:
                self._store.drop(STATE, key)
            self._past = {}

    def budgets(self, rows: Iterable[Kept]) -> Spent:
        """The runs that an earlier run counted, on our clock; none lies in the future."""
        now = self._clock()
        runs: dict[tuple[str, str], tuple[float, ...]] = {}
        for row in rows:
            name, times = _pair(row.key), row.body.get("runs")
            if name is None or not isinstance(times, list):
                continue
            found = (translate(at, row.saved, now) for at in times if isinstance(at, float))
            recent = sorted(min(at, now.mono) for at in found if at > now.mono - YEAR)[-MOST_RUNS:]
            if recent:
                runs[name] = tuple(recent)
        self._spent = Spent(runs)
        return self._spent

    def spent(self, spent: Spent) -> None:
        """Runs were counted, or taken back."""
        for name, times in spent.runs.items():
            if self._spent.runs.get(name) != times:
                self._store.put(BUDGET, json.dumps(name), {"runs": list(times[-MOST_RUNS:])})
        for name in self._spent.runs.keys() - spent.runs.keys():
            self._store.drop(BUDGET, json.dumps(name))
        self._spent = spent

    def write_all(self) -> None:
        """Put everything that is known into a journal that is new, or works again."""
        now = self._clock().mono
        for key, (subject, _) in tuple(self._written.items()):
            self._write(key, subject, _essence(subject, now))
        spent, self._spent = self._spent, Spent()
        self.spent(spent)

    def _write(self, key: str, subject: Subject, essence: Essence) -> None:
        self._written[key] = subject, essence
        self._past.pop(key, None)  # what comes too late to be restored must not take its successor along
        ladder, judgement, rules = subject.ladder, subject.judgement, subject.target.spec.policy.tiers
        states = () if judgement is None else judgement.states
        body = {
            "tiers": {
                rule.tier.label: {
                    "rule": digest(rule),
                    "active": state.phase is Phase.ACTIVE,
                    "measured": state.measured,
                }
                for rule, state in zip(rules, states, strict=bool(states))
            },
            "cooldowns": [None if end == NEVER else end for end in ladder.cooldowns],
            "entered": ladder.entered.label,
            "refused": ladder.refused.label,
            "told": ladder.told.label,
            "shared": subject.shared,
            "climbs": ladder.climbs,
            "since": subject.since_wall,
        }
        self._store.put(STATE, key, body)


def digest(rule: TierRule) -> str:
    """What tells one tier's rule from another over a restart: a changed one is judged afresh."""
    rungs = [[action.name for action in rungs] for rungs in (rule.tell, rule.do)]
    text = repr((rule.tier, rule.when, rule.leave, rule.hold, rule.readings, rungs))
    return hashlib.blake2s(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _key(subject: Subject) -> str:
    return json.dumps([subject.target.name, *subject.key])


def _pair(key: str) -> tuple[str, str] | None:
    try:
        target, action = json.loads(key)
    except (ValueError, TypeError):
        return None
    return (target, action) if isinstance(target, str) and isinstance(action, str) else None


def _essence(subject: Subject, now: float) -> Essence:
    """What has to be known of a subject; two that are equal need not be written twice."""
    judgement, ladder = subject.judgement, subject.ladder
    pairs = zip(subject.target.spec.policy.tiers, judgement.states, strict=True) if judgement is not None else ()
    phases = {rule.tier.label: state.phase for rule, state in pairs if state.phase is not Phase.CALM}
    active = tuple(label for label, phase in phases.items() if phase is Phase.ACTIVE)
    cooling = tuple(end if end > now else NEVER for end in ladder.cooldowns)
    said = int(ladder.entered), int(ladder.refused), int(ladder.told)
    return active, len(phases) > len(active), cooling, *said, subject.shared


def _says_something(essence: Essence) -> bool:
    active, holding, cooling, entered, *_ = essence
    return bool(active) or holding or entered != Tier.CALM or any(end != NEVER for end in cooling)


def _misleads(essence: Essence) -> bool:
    """Would a row that says this be wrong of a subject of which there is nothing to say?

    A cooldown that is over and a condition that was met for a moment do no harm until `tidy`: a value may swing around
    a threshold.
    """
    active, _, _, entered, *_ = essence
    return bool(active) or entered != Tier.CALM


def _judgement(body: Mapping[str, Json], policy: Policy, now: Moment) -> Judgement:
    """Active tiers whose rule is still the same go on; all others begin calm, with nothing held yet."""
    tiers = body.get("tiers")
    found = tiers if isinstance(tiers, dict) else {}
    states = tuple(_state(found.get(rule.tier.label), rule) for rule in policy.tiers)
    pairs = zip(policy.tiers, states, strict=True)
    tier = max((rule.tier for rule, state in pairs if state.phase is Phase.ACTIVE), default=Tier.CALM)
    return Judgement(states, tier, now.mono)


def _state(found: Json, rule: TierRule) -> TierState:
    if not isinstance(found, dict) or found.get("rule") != digest(rule):
        return _CALM
    measured = found.get("measured")
    parts = measured if isinstance(measured, int) and 0 <= measured < 1 << len(rule.when.thresholds) else 0
    return TierState(Phase.ACTIVE if found.get("active") is True else Phase.CALM, measured=parts)


def _ladder(row: Kept, subject: Subject, now: Moment) -> Ladder:
    """The cooldowns that still run, and what still has to be told. A climb that was under way begins anew."""
    latest = now.mono + subject.target.spec.policy.cooldown
    ends = row.body.get("cooldowns")
    found = ends if isinstance(ends, list) and len(ends) == len(Tier) else [None] * len(Tier)
    cooldowns = [min(latest, translate(end, row.saved, now)) if isinstance(end, float) else NEVER for end in found]
    climbs = row.body.get("climbs")
    entered, refused, told = (_tier(row.body.get(key)) for key in ("entered", "refused", "told"))
    return Ladder(
        climbs=climbs if isinstance(climbs, int) and climbs >= 0 else 0,
        cooldowns=(cooldowns[0], cooldowns[1], cooldowns[2], cooldowns[3]),
        entered=entered if entered is subject.tier else Tier.CALM,
        refused=refused,
        told=told if told is subject.tier else Tier.CALM,
    )


def _tier(found: Json) -> Tier:
    return next((tier for tier in Tier if tier.label == found), Tier.CALM)
