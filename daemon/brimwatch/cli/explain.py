"""Why did the daemon do what it did, and what would it do under another configuration?"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable

from brimwatch.act.kinds import ACTIONS
from brimwatch.cli import explain_summary
from brimwatch.cli.ask import add_arguments
from brimwatch.cli.daemon_client import DaemonClient
from brimwatch.cli.explain_summary import Summary
from brimwatch.cli.replaying import Judge
from brimwatch.cli.target_names import refuse_unknown, target_names
from brimwatch.config.load import load_file
from brimwatch.core import recorded as rows
from brimwatch.core.replay import Assume, Replay
from brimwatch.core.replayed import Happening
from brimwatch.errors import UsageError
from brimwatch.model import Change, Decision, ProcessId, Tier
from brimwatch.record.agreement import Agreement, event_of
from brimwatch.record.events import Event, Recorded
from brimwatch.record.samples_file import SampleFile
from brimwatch.record.sentences import sentence
from brimwatch.record.shapes import event_shape
from brimwatch.record.text import escaped, label

EXAMPLE = """examples:
  brimwatch explain --replay run.jsonl                         what the daemon decided, and why
  brimwatch explain --config.file new.yaml --replay run.jsonl  what this file would have decided
  brimwatch explain --target checkout                          the last decisions of the running daemon
"""
DIFFERENCES_SHOWN = 5


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `explain`."""
    parser = subparsers.add_parser(
        "explain",
        help="every decision and every refusal with its reason, of a recording or of the running daemon",
        description="Replay a recording through the tiers offline, and print every decision with its reason.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--replay", metavar="SAMPLES", help="a recording; `-` is standard input (default: ask the running daemon)")
    add("samples", nargs="?", metavar="SAMPLES", help="the same as --replay SAMPLES")
    add("--config.file", dest="config_file", metavar="F", help="judge by this file (default: as it was recorded)")
    add("--target", action="append", default=[], metavar="NAME", help="only this target; may be given several times")
    add("--tier", choices=[tier.label for tier in Tier if tier], help="only what concerns this tier (default: all)")
    add(
        "--assume", choices=[one.value for one in Assume], default=Assume.RECORDED.value,
        help="answers of rungs under another configuration: those of the recording where the same action ran then, "
        "or none (default: %(default)s)",
    )  # fmt: skip
    add("--format", choices=("text", "json"), default="text", help="text for people, json lines for programs")
    add("--all", action="store_true", help="also the start of each rung, and processes that come and go")
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what is asked for. Raises BrimwatchError for a recording that cannot be read, ConfigError."""
    if arguments.samples is not None:
        if arguments.replay is not None:
            raise UsageError(f"{arguments.samples}: found together with --replay, wanted one of them")
        arguments.replay = arguments.samples
    if arguments.replay is None:
        if arguments.config_file is not None:
            raise UsageError("--config.file: wanted --replay SAMPLES with it; a running daemon has its own")
        return _explain_daemon(arguments)
    if arguments.url is not None:
        raise UsageError("--url: found together with --replay, wanted one of them")
    config = None if arguments.config_file is None else load_file(arguments.config_file, ACTIONS)
    assume = Assume(arguments.assume)
    return Explanation(arguments, Judge(config, assume), assume).print()


class Explanation:
    """One replay, printed as it goes."""

    def __init__(self, arguments: argparse.Namespace, judge: Judge, assume: Assume) -> None:
        self._names = frozenset(arguments.target)
        self._tier = arguments.tier
        self._json = arguments.format == "json"
        self._all = arguments.all
        self._judge = judge
        self._file = SampleFile(arguments.replay)
        self._replay = Replay(judge.plan, judge.terms, assume)
        self._agreement = Agreement()
        self._summaries: dict[str, Summary] = {}
        self._known: set[tuple[str, ProcessId]] = set()
        self._lost = 0
        self._looks = 0
        self._ended = ""

    def print(self) -> int:
        """Everything, and the summary."""
        for row in self._file.rows():
            notes = len(self._judge.notes)
            happenings = self._replay.feed(row)
            for note in list(self._judge.notes)[notes:]:
                self._note(note)
            self._beside(row)
            events = []
            for happening in happenings:
                event = event_of(happening)
                if event is not None:
                    events.append(event)
                self._tell(happening, event)
            self._agreement.take(row, events)
        self._conclude()
        return 0

    def _tell(self, happening: Happening, event: Event | None) -> None:
        if not self._chosen(happening.target):
            return
        self._summary(happening.target).take(happening)
        if self._tier is not None and self._tier not in _tiers(happening):
            return
        if event is not None:
            self._line(event.wall, event_line(event) if self._json else sentence(event))
        elif self._all and isinstance(happening.what, Decision):
            decision = happening.what
            who = happening.target if happening.member is None else f"{happening.target}#{happening.member}"
            said = f"{who}: {decision.action.name} ({decision.tier.label}) is started"
            self._line(happening.wall, {"event": "rung_started", "told": said} if self._json else escaped(said))

    def _summary(self, target: str) -> Summary:
        return self._summaries.setdefault(target, Summary(self._tier))

    def _stands(self, row: rows.Stood) -> None:
        """Where a subject stands that nothing was known of before: it did not enter that tier here."""
        target = self._replay.targets.get(row.target)
        subject = None if target is None else target.subjects.get(row.key)
        if subject is not None and subject.tier and (row.target, row.key) not in self._known:
            self._summary(row.target).stood[subject.tier] += 1

    def _beside(self, row: rows.Row) -> None:
        """What is no decision, but has to be known beside them."""
        if isinstance(row, rows.Stood):
            self._stands(row)
        if isinstance(row, rows.Stood | rows.Joined):
            self._known.add((row.target, row.key))
        if isinstance(row, rows.Look):
            self._looks += 1
        elif isinstance(row, rows.Lost):
            self._lost += row.rows
            self._note(f"{row.rows} rows are missing here: the recorder was slower than the daemon")
        elif isinstance(row, rows.Terms) and row.wall:  # without: repeated after lost rows
            self._note(f"the configuration was read again: {row.source}")
        elif isinstance(row, rows.End):
            self._ended = row.reason
        elif isinstance(row, rows.Passed) and self._all and self._chosen(row.target):
            came = "came under watch" if row.found else "left"
            said = f"{row.target}: pid {row.process.pid} ({row.comm}) {came}"
            self._line(row.wall, {"event": "process", "told": said} if self._json else escaped(said))

    def _chosen(self, target: str) -> bool:
        return not self._names or target in self._names or label(target) in self._names

    def _line(self, wall: float, said: object) -> None:
        print(json.dumps(said) if self._json else f"{local(wall)}  {said}")

    def _note(self, said: str) -> None:
        print(json.dumps({"note": said}) if self._json else f"# {escaped(said)}")

    def _conclude(self) -> None:
        refuse_unknown(sorted(self._names), list(self._replay.targets), "the recording")
        chosen = [name for name in self._replay.targets if self._chosen(name)]
        for name in chosen:
            self._summary(name)
        if self._file.torn is not None:
            self._note(f"line {self._file.torn} is cut off in the middle: the recording ended without being told to")
        if self._file.unknown:
            self._note(f"{self._file.unknown} rows of kinds that this version does not know were passed over")
        if self._json:
            same, differences = self._agreement.same, self._agreement.differences
            summary = explain_summary.shape(self._summaries, self._replay, chosen)
            print(json.dumps({"summary": summary, "looks": self._looks, "lost": self._lost, "ended": self._ended,
                              "agrees": {"same": same, "different": len(differences)}}))  # fmt: skip
            return
        print(
            f"\n{self._looks} looks, {len(chosen)} targets{f'; ended: {escaped(self._ended)}' if self._ended else ''}"
        )
        for line in explain_summary.lines(self._summaries, self._replay, chosen):
            print(line)
        for line in verdict(self._agreement, self._judge.differs):
            print(line)


def verdict(agreement: Agreement, other: bool) -> Iterable[str]:
    """Whether the daemon told the same, in words; `other`: it judged by another configuration."""
    differences = agreement.differences
    if not differences:
        if agreement.same:
            yield f"the daemon told the same: all {agreement.same} of its events agree with this replay"
        return
    if other:
        yield f"the daemon, under its own configuration, told {agreement.same} of these decisions as well"
        return
    yield f"the daemon told otherwise {len(differences)} times, and the same {agreement.same} times"
    for difference in differences[:DIFFERENCES_SHOWN]:
        yield f"  {escaped(difference)}"


def event_line(event: Event) -> dict[str, object]:
    """An event as one JSON line, without an id: it has none here."""
    shape = dict(event_shape(Recorded(0, event)))
    del shape["id"]
    return dict(shape)


def local(wall: float) -> str:
    """A moment in local time with milliseconds."""
    milliseconds = round(wall * 1000)
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds // 1000)) + f".{milliseconds % 1000:03d}"
    except (ValueError, OverflowError, OSError):
        return f"{wall:.3f}"


def _tiers(happening: Happening) -> tuple[str, ...]:
    what = happening.what
    return (what.before.label, what.after.label) if isinstance(what, Change) else (what.tier.label,)


def _explain_daemon(arguments: argparse.Namespace) -> int:
    """Print the last events of the running daemon that are decisions."""
    client = DaemonClient(arguments)
    found: list[dict[str, object]] = []
    for name in arguments.target or [""]:
        asked = {"limit": "1000"} | ({"target": name} if name else {})
        events = client.json("/api/v1/events", asked)["events"]
        if name and not events:
            refuse_unknown([name], target_names(client), "the daemon")
        found += events
    for event in sorted(found, key=lambda one: str(one.get("time"))):
        facts = event.get("facts")
        known = facts if isinstance(facts, dict) else {}
        if not str(event.get("event")).startswith(("tier_", "action_")) and not arguments.all:
            continue
        if arguments.tier is not None and arguments.tier not in {known.get(key) for key in ("tier", "before", "after")}:
            continue
        text = f"{event.get('time')!s:.30}  {escaped(str(event.get('told')))}"
        print(json.dumps(event) if arguments.format == "json" else text)
    sys.stdout.flush()
    return 0
