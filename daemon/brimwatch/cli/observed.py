"""What was observed of each target? By a recording, or by a daemon, which remembers, or measures from now on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from brimwatch.cli.daemon_client import DaemonClient
from brimwatch.core import recorded as rows
from brimwatch.core.envelope import Envelope
from brimwatch.errors import BrimwatchError
from brimwatch.model import Limit, Sample
from brimwatch.quantity import Quantity
from brimwatch.record.samples_fields import Malformed
from brimwatch.record.samples_file import LONGEST_LINE
from brimwatch.record.samples_read import RowReader
from brimwatch.record.text import label
from brimwatch.units import Bytes

_NEXT_LOOK = 3.0  # seconds
Key = tuple[object, ...]


@dataclass
class Observed:
    """One target: the histories of its subjects by signal, its limit, and by what it may be matched."""

    name: str
    resident: dict[Key, Envelope] = field(default_factory=dict)
    working_set: dict[Key, Envelope] = field(default_factory=dict)
    limit: Limit | None = None
    comms: dict[str, None] = field(default_factory=dict)
    units: dict[str, None] = field(default_factory=dict)
    match: Mapping[str, object] | None = None  # as the configuration wrote it
    spec: str = ""  # the name that it wrote, which may be a template
    host: bool = False
    grouped: bool = False

    def take(self, key: Key, at: float, resident: float | None, working_set: float | None) -> None:
        """One look at one subject."""
        for envelopes, value in ((self.resident, resident), (self.working_set, working_set)):
            if value is not None and value >= 0:
                envelopes.setdefault(key, Envelope()).add(at, value)

    @property
    def signal(self) -> Quantity:
        """The working set where a cgroup limits it, for that is what the kernel kills by; else the resident set."""
        limited = self.limit is not None and self.limit.source == "cgroup"
        return Quantity.WORKING_SET if limited and self.working_set else Quantity.RSS

    @property
    def subjects(self) -> list[Envelope]:
        """The histories of the signal."""
        return list((self.working_set if self.signal is Quantity.WORKING_SET else self.resident).values())


class Observations:
    """All targets, by name; only those that are wanted, or all."""

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        self._wanted = frozenset(wanted)
        self.targets: dict[str, Observed] = {}

    def of(self, name: str) -> Observed | None:
        """The target of this name, where it is wanted."""
        if self._wanted and name not in self._wanted and label(name) not in self._wanted:
            return None
        return self.targets.setdefault(name, Observed(name))

    def row(self, row: rows.Row) -> None:
        """Take what a row of a recording shows."""
        if isinstance(row, rows.Look) and (target := self.of(row.target)) is not None:
            self._sample(target, (row.key,), row.sample)
        elif isinstance(row, rows.Passed) and (target := self.of(row.target)) is not None and row.found:
            _remember(target, row.comm, row.unit)
        elif isinstance(row, rows.Declared) and (target := self.of(row.target)) is not None:
            target.host, target.grouped = row.host, row.grouped
            target.match, target.spec = row.match, row.spec

    def daemon(self, client: DaemonClient) -> None:
        """Take the last minutes that a running daemon remembers."""
        for shown in client.json("/api/v1/targets")["targets"]:
            target = self.of(str(shown["name"]))
            if target is None:
                continue
            target.grouped = bool(shown["grouped"])
            for subject in shown["subjects"]:
                if isinstance(subject.get("limit"), dict):
                    target.limit = Limit(Bytes(int(subject["limit"]["bytes"])), str(subject["limit"]["source"]))
                for process in subject.get("processes", ()):
                    _remember(target, str(process.get("comm", "")), process.get("unit"))
                target.host = target.host or ("memory_used_ratio" in subject and not subject.get("processes"))
            self._history(target, client.json(f"/api/v1/targets/{_quoted(target.name)}/history"))

    def stream(self, client: DaemonClient, duration: float) -> None:
        """Take what a running daemon measures from now on, for so many seconds."""
        for row in self._rows(client, duration):
            self.row(row)

    def matches(self, client: DaemonClient) -> None:
        """Ask a running daemon what the targets match: that comes with the next look at each."""
        try:
            for row in self._rows(client, _NEXT_LOOK):
                if isinstance(row, rows.Declared) and row.target in self.targets:
                    self.row(row)
                if all(one.match is not None for one in self.targets.values()):
                    return
        except BrimwatchError:
            return  # it has enough listeners: then what is known must do

    def _rows(self, client: DaemonClient, duration: float) -> Iterator[rows.Row]:
        end, reader, rest = time.monotonic() + duration, RowReader(), b""
        for piece in client.lines("/api/v1/samples", sorted(self._wanted)):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > LONGEST_LINE:
                raise BrimwatchError(f"{client.url}: a line of the answer is longer than any of ours")
            for line in lines:
                try:
                    row = reader.row(line)
                except Malformed as error:
                    raise BrimwatchError(f"{client.url}: {error}") from None
                if row is not None:
                    yield row
            if time.monotonic() >= end:
                return

    def _sample(self, target: Observed, key: Key, sample: Sample) -> None:
        target.limit = sample.limit or target.limit
        target.take(key, sample.at, sample.value(Quantity.RSS), sample.value(Quantity.WORKING_SET))

    def _history(self, target: Observed, answer: Any) -> None:
        for number, subject in enumerate(answer["history"]):
            columns = {name: index for index, name in enumerate(subject["columns"])}
            time_at, resident, used = (columns[name] for name in ("time", "rss_bytes", "working_set_bytes"))
            for row in subject["rows"]:
                target.take((number,), row[time_at], row[resident], row[used])


def _remember(target: Observed, comm: str, unit: object) -> None:
    target.comms[comm] = None
    if isinstance(unit, str) and unit:
        target.units[unit] = None


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")
