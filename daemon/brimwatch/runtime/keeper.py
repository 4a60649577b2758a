"""Who takes back what actions have changed? On recovery, at its `max`, on reload, at a stop, and after a crash.

Each change is recorded before it is made. Records and changes are written on threads, so that nothing that hangs there
holds up the watching; the book of what is in force is under one lock, what is decided about it happens on the loop.
"""

from __future__ import annotations

import asyncio
import threading
import time

from brimwatch.act.off_loop import Threads
from brimwatch.act.refused import Refused, refusal_of
from brimwatch.act.undo import Brakes, Change, Hold, LimitChange, State, Undo
from brimwatch.act.undo_store import Folder, Leftover
from brimwatch.config.settings import Config
from brimwatch.errors import MalformedProcFile
from brimwatch.model import Action, Decision, Reason, Tier
from brimwatch.procfs.statm import read_statm
from brimwatch.record.catalogue import Name
from brimwatch.runtime.boot import read_boot_id
from brimwatch.runtime.in_force import InForce, told_busy
from brimwatch.runtime.leftovers import clear_up, forget, take_back
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject
from brimwatch.runtime.undo_folders import choose_folder
from brimwatch.units import Bytes, Seconds

KINDS = frozenset({"cgroup", "rlimit"})  # of actions that change what has to be put back
WITHIN = 5.0  # seconds for one undo, which takes some 50 us; and for all of them at a stop
RETRY = 5.0  # seconds until a failed undo is tried again
_UNDOES = Threads("brimwatch-undo", 2)


class Keeper:
    """The book of what is in force."""

    def __init__(self, story: Story, procfs: str, loop: asyncio.AbstractEventLoop) -> None:
        self._story = story
        self._procfs = procfs
        self._loop = loop
        self._lock = threading.Lock()
        self._book: dict[tuple[object, ...], InForce | None] = {}  # None: being recorded
        self._boot = read_boot_id(procfs)
        self._run_dir = ""
        self._folder: Folder | None = None
        self._why = "no action of the configuration needs any"
        self._actions: tuple[Action, ...] = ()
        self._closed = False
        self._useless: dict[
            tuple[object, ...], tuple[Subject, Tier, str]
        ] = {}  # what bought no time, and why we say so

    @property
    def in_force(self) -> int:
        """How many changes are in force."""
        return len(self._book)

    def configure(self, config: Config) -> None:
        """Another configuration is in force: what it does not ask for any more is undone."""
        self._actions = () if config.dry_run else _actions(config)
        if self._actions and (self._folder is None or config.run_dir != self._run_dir):
            chosen = choose_folder(config.run_dir)
            self._folder, self._why = chosen.folder, "; ".join(chosen.findings)
            for finding in chosen.findings:
                self._story.tell(Name.RUN_DIR_WARNED, detail=finding)
        self._run_dir = config.run_dir
        self._useless = {}
        for entry in self._entries():
            if entry.action is not None and entry.action not in self._actions:
                self._undo(entry, "reload")

    def brakes(self, subject: Subject, decision: Decision) -> Brakes:
        """What one attempt is handed, to have its changes recorded and undone."""
        return _Handle(self, subject, decision.tier, decision.action)

    def changed(self, subject: Subject) -> None:
        """A subject's tier changed: below the tier that asked for a change it is needed no more."""
        for key, (whose, tier, _) in tuple(self._useless.items()):
            if whose is subject and subject.tier < tier:
                del self._useless[key]
        for entry in self._of(subject):
            if subject.tier < entry.tier:
                self._undo(entry, "recovered")

    def lost(self, subject: Subject) -> None:
        """A subject is gone. Its cgroup may live on, and so may what it started."""
        self._useless = {key: entry for key, entry in self._useless.items() if entry[0] is not subject}
        for entry in self._of(subject):
            self._undo(entry, "gone")

    def sweep(self, now: float) -> None:
        """Once an interval: try again what failed, let go of members that a group has lost, and of what buys no time.

        A reload may change a tier without a look, too.
        """
        for entry in self._entries():
            if entry.failed:
                if now >= entry.retry_at:
                    self._undo(entry, entry.failed)
            elif entry.left:
                self._undo(entry, "gone")
            elif entry.subject is not None and entry.subject.tier < entry.tier:
                self._undo(entry, "recovered")
            elif entry.subject is not None and entry.action is not None:
                self._weigh(entry, entry.subject, entry.action)

    def _weigh(self, entry: InForce, subject: Subject, action: Action) -> None:
        """Undo what has bought no time, and do not make it again in this entry of the tier."""
        bought = entry.bought()
        if bought.helps is False:
            entry.why = bought.told()
            self._useless[(action.name, *entry.hold.undo.change.key)] = subject, entry.tier, entry.why
            self._undo(entry, Reason.NO_EFFECT)

    async def adopt(self, run_dir: str) -> int:
        """Undo what a daemon that was killed has left in force; returns how much of it was put back."""
        try:
            found = await _UNDOES.run(lambda: clear_up(run_dir, self._procfs, self._boot), WITHIN)
        except Exception as error:  # noqa: BLE001 - a daemon that cannot clear up must watch all the same
            self._story.fault("undo records", error)
            return 0
        for cleared in found:
            self._adopted(*cleared)
        return sum(cleared.state is not None and not cleared.state.gone for cleared in found)

    async def close(self) -> None:
        """Undo everything, and let nothing more begin. What cannot be undone in time is left to the next start."""
        with self._lock:
            self._closed = True
        for entry in self._entries():
            self._undo(entry, "stopped")
        tasks = [entry.task for entry in self._entries() if entry.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=WITHIN)
        if self._folder is not None and not self._book:
            self._folder.close()
            self._folder = None

    def begin(self, subject: Subject, tier: Tier, action: Action, change: Change, lasts: Seconds | None) -> Hold:
        """Record a change; see `act.undo.Brakes`. Called on a thread."""
        with self._lock:
            folder = self._folder
            if self._closed:
                raise Refused(Reason.STOPPED, "Brimwatch is stopping")
            if folder is None:
                raise Refused(Reason.DENIED, self._why)
            useless = self._useless.get((action.name, *change.key))
            if useless is not None:
                raise Refused(Reason.NO_EFFECT, f"dropped in this entry of the tier: {useless[2]}")
            if change.key in self._book:
                raise Refused(Reason.BUSY, told_busy(self._book[change.key]))
            self._book[change.key] = None
        now = time.time()
        until = None if lasts is None else now + lasts
        hold = Hold(Undo(action.name, subject.target.name, now, until, self._boot, change))
        try:
            # What was there before may be another daemon's: put back after its own undo, it would stay for ever.
            if change.before is not None and folder.records(change):
                self._strike(change)
                raise Refused(Reason.BUSY, "another Brimwatch has one in force")
            entry = InForce(hold, folder.write(hold.undo), subject, tier, action, _resident(change, self._procfs))
        except OSError as error:
            self._strike(change)
            why = f"no undo record can be written to {folder.path}: {error.strerror}"
            raise Refused(Reason.DENIED, why) from None
        with self._lock:
            self._book[change.key] = entry
            closed = self._closed
        try:
            if closed:
                raise RuntimeError
            self._loop.call_soon_threadsafe(self._arm, entry, lasts)
        except RuntimeError:  # the loop is closed, or will be: nobody would undo it
            self.abandon(hold)
            raise Refused(Reason.STOPPED, "Brimwatch is stopping") from None
        return hold

    def abandon(self, hold: Hold) -> None:
        """A recorded change was not made. Called on a thread."""
        change = hold.undo.change
        entry = self._book.get(change.key)
        if entry is None or entry.hold is not hold:
            return  # undone meanwhile
        self._strike(change)
        forget(hold, entry.file)

    def _strike(self, change: Change) -> None:
        with self._lock:
            self._book.pop(change.key, None)

    def _arm(self, entry: InForce, lasts: Seconds | None) -> None:
        """On the loop, right after the record was written: from here on its end is certain."""
        subject = entry.subject
        if not self._is_in_force(entry) or subject is None:
            return
        entry.begin()
        if lasts is not None:
            entry.timer = self._loop.call_later(lasts, self._undo, entry, "max")
        if self._closed:
            self._undo(entry, "stopped")
        elif subject.due == float("inf") or not subject.watched:
            self._undo(entry, "gone")
        elif entry.action not in self._actions:
            self._undo(entry, "reload")
        elif subject.tier < entry.tier:
            self._undo(entry, "recovered")

    def _undo(self, entry: InForce, reason: str) -> None:
        if self._is_in_force(entry) and (entry.task is None or entry.task.done()):
            entry.task = self._loop.create_task(self._take_back(entry, reason))

    async def _take_back(self, entry: InForce, reason: str) -> None:
        if entry.timer is not None:
            entry.timer.cancel()
        try:
            state = await _UNDOES.run(lambda: take_back(entry.hold, entry.file, self._procfs), WITHIN)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and tried again
            first, entry.failed, entry.retry_at = not entry.failed, reason, time.monotonic() + RETRY
            if first:
                self._tell(
                    Name.UNDO_FAILED, entry.hold.undo, entry.subject, reason, refusal_of(error, "undo it").detail
                )
            return
        self._strike(entry.hold.undo.change)
        detail = "; ".join(filter(None, (state.detail, entry.why or entry.bought().told())))
        self._tell(Name.ACTION_UNDONE, entry.hold.undo, entry.subject, "gone" if state.gone else reason, detail)

    def _adopted(self, leftover: Leftover, state: State | None, failure: Exception | None) -> None:
        undo, file = leftover.undo, leftover.file
        if undo is None or file is None:
            self._story.tell(Name.UNDO_FAILED, reason="restart", detail=f"{leftover.name}: {leftover.why}"[:300])
        elif state is not None:
            self._tell(Name.ACTION_UNDONE, undo, None, "gone" if state.gone else "restart", state.detail)
        else:
            why = refusal_of(failure or TimeoutError(), "undo it").detail
            self._tell(Name.UNDO_FAILED, undo, None, "restart", why)
            entry = InForce(Hold(undo), file, None, Tier.CALM, None)
            entry.failed, entry.retry_at = "restart", time.monotonic() + RETRY
            self._book.setdefault(undo.change.key, entry)

    def _tell(self, name: Name, undo: Undo, subject: Subject | None, reason: str, detail: str) -> None:
        if name is Name.ACTION_UNDONE:
            self._story.undone(undo.target, undo.action, reason)
        self._story.tell(
            name,
            undo.target,
            None if subject is None else subject.label,
            action=undo.action,
            reason=reason,
            held_seconds=round(max(0.0, time.time() - undo.made), 3),
            detail=detail,
        )

    def _entries(self) -> list[InForce]:
        with self._lock:
            return [entry for entry in self._book.values() if entry is not None]

    def _of(self, subject: Subject) -> list[InForce]:
        return [entry for entry in self._entries() if entry.subject is subject] if self._book else []

    def _is_in_force(self, entry: InForce) -> bool:
        return self._book.get(entry.hold.undo.change.key) is entry


class _Handle:
    """One attempt's way to the book."""

    __slots__ = ("_action", "_keeper", "_subject", "_tier")

    def __init__(self, keeper: Keeper, subject: Subject, tier: Tier, action: Action) -> None:
        self._keeper = keeper
        self._subject = subject
        self._tier = tier
        self._action = action

    def begin(self, change: Change, lasts: Seconds | None) -> Hold:
        return self._keeper.begin(self._subject, self._tier, self._action, change, lasts)

    def abandon(self, hold: Hold) -> None:
        self._keeper.abandon(hold)


def _actions(config: Config) -> tuple[Action, ...]:
    """Every action that changes something and that some target's policy may run."""
    rules = [rule for target in config.targets for rule in target.policy.tiers]
    return tuple(action for rule in rules for action in (*rule.tell, *rule.do) if action.kind in KINDS)


def _resident(change: Change, procfs: str) -> Bytes | None:
    """What the process that a limit is for holds now; None for any other change, and where it cannot be read."""
    try:
        return read_statm(procfs, change.process.pid).resident if isinstance(change, LimitChange) else None
    except (OSError, MalformedProcFile):
        return None
