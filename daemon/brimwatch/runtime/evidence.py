"""What is kept of an event, so that it can be understood a day later?

One artefact for each entry into critical or emergency, for each entry whose rungs write stacks, and for each kill: what
happened, to whom, what the tiers and rungs did, and the samples of the last five minutes. A kill gets an autopsy.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice

from brimwatch.act.exits import exited
from brimwatch.act.request import Finding, Keep
from brimwatch.core.decide import rule_of
from brimwatch.core.history import SPAN, Row
from brimwatch.discover.roster import Member
from brimwatch.model import ProcessId, Tier
from brimwatch.record.catalogue import Name
from brimwatch.record.events import Event, Fact
from brimwatch.record.sentences import sentence
from brimwatch.record.text import escaped, timestamp
from brimwatch.runtime.artefacts import Artefacts
from brimwatch.runtime.story import Story
from brimwatch.runtime.subject import Subject
from brimwatch.units import Seconds

MOST_PROCESSES = 16  # of a group, named in an artefact
AGAIN = 60.0  # seconds between two autopsies of a subject that lives on
SAID_AGAIN = 600.0  # seconds after which a failure that goes on is told again
TIDY = 3600.0  # seconds between two looks at what is too old
_MOST_FAILURES = 32  # paths remembered


class Evidence:
    """Decides what is kept. `redact` hides secrets in a command line; without `storage` nothing is written."""

    def __init__(
        self,
        story: Story,
        redact: Callable[[Sequence[str] | str], str],
        storage: str | None,
        retention: Seconds,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._story = story
        self._redact = redact
        self._files = None if storage is None else Artefacts(storage, retention, loop, self._failed)
        self._failures: dict[str, tuple[float, int]] = {}  # by path: when it was told, how often it came since
        self._tidied = -math.inf

    def retain(self, retention: Seconds) -> None:
        """How long files are kept from now on."""
        if self._files is not None:
            self._files.retention = retention

    def housekeeping(self, now: float) -> None:
        """Once in a while, let go of what is too old."""
        if self._files is not None and now - self._tidied >= TIDY:
            self._tidied = now
            self._files.tidy()

    def close(self) -> None:
        """Write what is still to be written."""
        if self._files is not None:
            self._files.close()

    def entered(self, subject: Subject, tier: Tier) -> None:
        """A tier is entered now: its artefact has a name from here on, and is written a moment later."""
        rule = rule_of(subject.target.spec.policy, tier)
        wanted = tier >= Tier.CRITICAL or (rule is not None and any(action.kind == "stacks" for action in rule.tell))
        subject.artefact = self._begin(subject, tier.label, time.monotonic()) if wanted else None

    def killed(
        self, subject: Subject, evidence: str, now: float, kills: int = 1, process: ProcessId | None = None
    ) -> None:
        """The kernel killed `process`, or, where that is None, one in the cgroup of a subject that lives on."""
        survived = process is None
        if survived and now - subject.autopsied_at < AGAIN:
            self._story.oom_killed(subject, evidence, kills)
            return
        subject.autopsied_at = now
        subject.killed = not survived
        path = self._begin(subject, "oom", now)
        named: dict[str, Fact] = {} if path is None else {"artefact": path}
        from brimwatch.runtime.inquest import autopsy_facts  # 300 objects that most daemons never need

        facts = autopsy_facts(subject, evidence, now, survived) | named
        self._story.oom_killed(subject, evidence, kills, **({"pid": process.pid} if process else {}), **named)
        self._story.autopsy(subject, facts)

    def killed_nearby(self, subject: Subject, now: float, kills: int, dying: ProcessId | None = None) -> None:
        """The cgroup of a subject that is there counts a kill: of `dying`, if that is all it has: its exit has begun.

        Else of another member if one has just ended, else of whoever.
        """
        if dying is not None and len(subject.watched) == 1 and not subject.killed:
            self.killed(subject, "cgroup", now, kills, dying)
            return
        for other in subject.target.subjects.values():
            held = list(other.watched.values())
            if other is not subject and not other.killed and held and all(_is_over(one.pidfd) for one in held):
                self.killed(other, "cgroup", now, kills, held[0].member.identity)
                return
        self.killed(subject, "cgroup", now, kills)

    def keeper(self, subject: Subject) -> Keep | None:
        """Where a rung of the subject's present tier puts what it finds; None where nothing is stored."""
        files = self._files
        if files is None:
            return None
        if subject.artefact is None:
            subject.artefact = self._begin(subject, subject.tier.label, time.monotonic())
        name = (subject.artefact or "").rpartition("/")[2]

        def keep(lines: Sequence[Finding]) -> str:
            files.add(name, lambda: [self._discreet(line) for line in lines])
            return name

        return keep

    def _begin(self, subject: Subject, what: str, now: float) -> str | None:
        """Have a file begun; returns its path. All but the copying of the samples is done where it is written."""
        files = self._files
        if files is None:
            return None
        wall = time.time()
        target, slot = subject.target.name, subject.label
        # Who they are is asked now: a subject that was killed has let go of its processes a moment later.
        members = [watched.member for watched in islice(subject.watched.values(), MOST_PROCESSES)]
        head = {"record": "artefact", "about": what, "time": timestamp(wall), "target": target, "member": slot}

        def lines() -> Iterator[Finding]:
            rows, trail = subject.history.rows(now - SPAN), subject.trail
            return chain(
                (head,),
                map(_event, trail),
                map(self._process, members),
                (
                    _sample(row, wall - now, now) for row in rows if row.at <= now
                ),  # one that is killed goes on for a while
            )

        words = f"{target}-{what}" if slot is None else f"{target}-{slot}-{what}"
        return files.path(files.begin(wall, words, lines))

    def _process(self, member: Member) -> Finding:
        return {
            "record": "process",
            "pid": member.identity.pid,
            "comm": escaped(member.comm, 64),
            "command": self._redact(member.cmdline or ""),
        }

    def _discreet(self, line: Finding) -> Finding:
        """Local variables whose name or value looks like a secret are hidden, though somebody asked for them."""
        values = line.get("locals")
        if not isinstance(values, Mapping):
            return line
        hidden = {name: self._redact([f"{name}={value}"]).partition("=")[2] for name, value in values.items()}
        return {**line, "locals": hidden}

    def _failed(self, path: str, why: str) -> None:
        """Tell each path that has no file, for its entry named it; the same path again only after a while."""
        now = time.monotonic()
        told, count = self._failures.pop(path, (-math.inf, 0))
        if now - told < SAID_AGAIN:
            self._failures[path] = (told, count + 1)
            return
        if len(self._failures) >= _MOST_FAILURES:
            del self._failures[next(iter(self._failures))]  # the one that failed longest ago
        self._failures[path] = (now, 0)
        self._story.tell(Name.ARTEFACT_FAILED, artefact=path, detail=why, count=count + 1)


def _is_over(pidfd: int) -> bool:
    return pidfd >= 0 and exited(pidfd)


def _event(event: Event) -> Finding:
    endless = [key for key, fact in event.facts.items() if isinstance(fact, float) and not math.isfinite(fact)]
    return {
        "record": "event",
        "time": timestamp(event.wall),
        "event": event.name.value,
        "told": sentence(event),
        "target": event.target,
        "member": event.member,
        "facts": {**event.facts, **dict.fromkeys(endless)},
    }


def _sample(row: Row, offset: float, now: float) -> Finding:
    """A row with the time of day, and the seconds to the event. What is not known, or never ends, is left out."""
    values = {
        "rss_bytes": row.rss,
        "swap_bytes": row.swap,
        "working_set_bytes": row.working_set,
        "limit_bytes": row.limit,
        "headroom_bytes": row.headroom,
        "growth_bytes_per_second": row.growth,
    }
    line: dict[str, object] = {"record": "sample", "time": timestamp(row.at + offset)}
    line["seconds"] = round(row.at - now, 3)
    line |= {key: int(value) for key, value in values.items() if value is not None and math.isfinite(value)}
    left = row.time_to_limit
    return line if left is None or not math.isfinite(left) else line | {"time_to_limit_seconds": round(left, 3)}
