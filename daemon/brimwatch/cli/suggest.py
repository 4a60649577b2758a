"""Which tiers and which limit does the observed history of a target ask for?"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping

from brimwatch.cli.ask import add_arguments
from brimwatch.cli.daemon_client import DaemonClient
from brimwatch.cli.durations import duration
from brimwatch.cli.observed import Observations, Observed
from brimwatch.cli.suggest_match import match_of, scalar
from brimwatch.core.suggest import ENOUGH, FEWEST, HOLD, SHORTEST, Proposal, TooLittle, propose
from brimwatch.errors import BrimwatchError, UsageError
from brimwatch.model import TierRule
from brimwatch.record.samples_file import SampleFile
from brimwatch.record.text import escaped, label
from brimwatch.units import format_bytes, format_duration

EXAMPLE = """examples:
  brimwatch suggest                                     from the last five minutes of the running daemon
  brimwatch record -o day.jsonl --duration 1d && brimwatch suggest --replay day.jsonl > brimwatch.yaml
  brimwatch check-config brimwatch.yaml
"""
_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `suggest`."""
    parser = subparsers.add_parser(
        "suggest",
        help="tiers and a limit from observed history, as YAML to paste",
        description="Propose tiers and a memory limit from observed history, and say how many alarms they would have "
        "raised on it.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add_arguments(parser)
    add(
        "--duration",
        type=duration,
        metavar="D",
        help="watch through the daemon for so long (default: what it remembers)",
    )
    add("--replay", metavar="SAMPLES", help="a recording instead of a daemon; `-` is standard input")
    add("--target", action="append", default=[], metavar="NAME", help="only this target; may be given several times")
    add("--format", choices=("yaml", "text"), default="yaml", help="yaml to paste, text to read (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print proposals. Raises BrimwatchError where there is too little history for any."""
    if arguments.replay is not None and (arguments.url is not None or arguments.duration is not None):
        raise UsageError("--replay: found together with --url or --duration, wanted a recording or a daemon")
    observed = Observations(arguments.target)
    if arguments.replay is not None:
        for row in SampleFile(arguments.replay).rows():
            observed.row(row)
    else:
        client = DaemonClient(arguments)
        try:
            observed.daemon(client)
            if arguments.duration is not None:
                observed = Observations(arguments.target)
                observed.stream(client, arguments.duration)
            else:
                observed.matches(client)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise BrimwatchError(f"{client.url}: the answer is not that of a Brimwatch daemon") from None
    proposals = {name: proposal_for(one) for name, one in observed.targets.items()}
    if not any(isinstance(one, Proposal) for one in proposals.values()):
        raise BrimwatchError(_nothing(observed.targets, proposals))
    write = yaml_lines if arguments.format == "yaml" else text_lines
    sys.stdout.write("\n".join(write(observed.targets, proposals)) + "\n")
    return 0


def proposal_for(one: Observed) -> Proposal | TooLittle | None:
    """What is proposed for a target; None for the host, which has no resident set to bound."""
    if one.host:
        return None
    return propose(f"{slug(one.name)}-observed", one.signal, one.subjects)


def slug(name: str) -> str:
    """A name that a policy may have."""
    return re.sub(r"[^a-z0-9]+", "-", label(name).lower()).strip("-")[:40] or "target"


def size(count: float) -> str:
    """Bytes as a configuration writes them, without loss for what is proposed."""
    for unit, factor in _UNITS:
        if count >= factor:
            return f"{count / factor:.6f}".rstrip("0").rstrip(".") + unit
    return f"{count:.0f}B"


def yaml_lines(targets: Mapping[str, Observed], proposals: Mapping[str, Proposal | TooLittle | None]) -> Iterator[str]:
    """A whole configuration, with the reasoning in comments."""
    good = {name: one for name, one in proposals.items() if isinstance(one, Proposal)}
    yield "# Proposed from observed history. Say under `do` what is to be done in each tier, and run check-config."
    for name, one in proposals.items():
        if not isinstance(one, Proposal):
            yield f"# {_name(name)}: {_refusal(one)}"
    yield "targets:"
    for name in good:
        match, remark = match_of(targets[name], targets.values())
        yield f"  - name: {scalar(label(name))}"
        yield f"    match: {match}{f'  # {remark}' if remark else ''}"
        if targets[name].grouped:
            yield "    as: group"
        yield f"    policy: {_policy_name(name, good)}"
    yield "policies:"
    for name, proposal in good.items():
        yield from (f"  # {line}" for line in reasoning(targets[name], proposal))
        yield f"  {_policy_name(name, good)}:"
        yield "    tiers:"
        for rule in proposal.policy.tiers:
            yield f"      {rule.tier.label}: {{{_rule(rule)}}}  # {_alarms(proposal, rule)}"


def text_lines(targets: Mapping[str, Observed], proposals: Mapping[str, Proposal | TooLittle | None]) -> Iterator[str]:
    """The same to read."""
    for name, proposal in proposals.items():
        if not isinstance(proposal, Proposal):
            yield f"{_name(name)}: {_refusal(proposal)}"
            continue
        yield from reasoning(targets[name], proposal)
        for rule in proposal.policy.tiers:
            threshold = rule.when.thresholds[0]
            level = format_bytes(threshold.value)
            yield f"  {rule.tier.label:9} {threshold.quantity.value} {level:>9}   {_alarms(proposal, rule)}"
        yield f"  limit     {format_bytes(proposal.limit):>9}"


def reasoning(one: Observed, proposal: Proposal) -> Iterator[str]:
    """Why these figures, a sentence a line."""
    signal = "working set" if proposal.signal == "working_set" else "resident set"
    several = "" if proposal.subjects == 1 else f" of {proposal.subjects} subjects"
    yield f"{_name(one.name)}: {signal}{several} over {format_duration(proposal.span)}, {proposal.looks} looks"
    yield (
        f"lowest {format_bytes(proposal.lowest)}, usual low {format_bytes(proposal.floor)}, "
        f"usual peak {format_bytes(proposal.usual)}, highest peak {format_bytes(proposal.highest)}"
    )
    yield f"memory limit: {size(proposal.limit)}, a quarter above the highest peak{_present(one, proposal)}"
    if proposal.leak is not None:
        hourly = format_bytes(proposal.leak.bytes_per_second * 3600)
        left = (proposal.limit - proposal.highest) / proposal.leak.bytes_per_second
        yield (
            f"WARNING: the floor rises by {hourly} an hour: this looks like a leak. At that pace the limit is reached "
            f"in {format_duration(left)}; no limit holds for long before the leak is found"
        )
    if proposal.span < ENOUGH:
        yield f"seen for {format_duration(proposal.span)} only: peaks of other hours and days were not; record a day"


def _present(one: Observed, proposal: Proposal) -> str:
    if one.limit is None or one.limit.bytes <= 0:
        return ""
    if one.limit.source == "machine":
        return (
            "; WARNING: more than the machine has" if proposal.limit > one.limit.bytes else "; now none but the machine"
        )
    tight = "; WARNING: the present one leaves less" if one.limit.bytes < proposal.limit else ""
    return f"; now {format_bytes(one.limit.bytes)}{tight}"


def _alarms(proposal: Proposal, rule: TierRule) -> str:
    count = proposal.alarms[rule.tier]
    return f"would have been entered {count} time{'' if count == 1 else 's'}"


def _rule(rule: TierRule) -> str:
    enter = rule.when.thresholds[0]
    parts = [f"when: {{{enter.quantity.value}: {size(enter.value)}}}"]
    if rule.leave is not None:
        parts.append(f"leave: {{{enter.quantity.value}: {size(rule.leave.thresholds[0].value)}}}")
    return ", ".join([*parts, f"for: {HOLD:g}s"] if rule.hold else parts)


def _policy_name(name: str, good: Mapping[str, Proposal]) -> str:
    """The policy's name; a number tells two targets with the same one apart."""
    own = good[name].policy.name
    same = [other for other, proposal in good.items() if proposal.policy.name == own]
    return own if len(same) == 1 else f"{own}-{same.index(name) + 1}"


def _name(name: str) -> str:
    return escaped(label(name), 80)


def _refusal(one: Proposal | TooLittle | None) -> str:
    if not isinstance(one, TooLittle):
        return "the whole machine is not judged by its resident set; the built-in policy `medical` is for it"
    seen = f"{format_duration(one.span)} and {one.looks} looks" if one.looks else "nothing"
    wanted = f"at least {format_duration(SHORTEST)} and {FEWEST} looks are needed, a day is better"
    return f"too little history: {seen} seen; {wanted} (`brimwatch record -o day.jsonl --duration 1d`)"


def _nothing(targets: Mapping[str, Observed], proposals: Mapping[str, Proposal | TooLittle | None]) -> str:
    if not targets:
        return "no target to propose anything for; /api/v1/targets lists those of the daemon"
    return "\n".join(f"{_name(name)}: {_refusal(one)}" for name, one in proposals.items())
