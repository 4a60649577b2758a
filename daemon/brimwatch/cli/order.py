"""What is printed of rungs that a person asked for, and was anything done at all? Shared by `reclaim` and `drill`."""

from __future__ import annotations

import argparse
import json
import sys

from brimwatch.cli.ask import add_arguments
from brimwatch.cli.daemon_client import DaemonClient, target_path
from brimwatch.core.settle import GIVEN_UP
from brimwatch.errors import BrimwatchError
from brimwatch.record.text import escaped
from brimwatch.units import format_bytes, format_duration

TIERS = ("warning", "critical", "emergency")
_LONGEST = 300  # characters of what somebody else said


def add_order(parser: argparse.ArgumentParser) -> None:
    """The arguments of an order."""
    add = parser.add_argument
    add("target", metavar="TARGET", help="name of the target, as the metrics have it")
    add("--tier", choices=TIERS, default="critical", help="whose ladder (default: %(default)s)")
    add("--member", type=member, metavar="N", help="this member only (default: each in turn)")
    add("--format", choices=("text", "json"), default="text", help="text for people, json for tools (default: text)")
    add_arguments(parser)


def member(text: str) -> int:
    """A member's number. For argparse."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted a member's number, as the metrics have it")
    return int(text)


def carry_out(command: str, arguments: argparse.Namespace) -> int:
    """Ask the daemon, print what became of it; 0 where a rung ran, 1 where none did. Raises BrimwatchError."""
    parameters = {"tier": arguments.tier}
    if arguments.member is not None:
        parameters["member"] = str(arguments.member)
    client = DaemonClient(arguments)
    report = client.order(target_path(arguments.target, command), parameters)
    if not isinstance(report, dict):
        raise BrimwatchError(f"{client.url}: the answer is not that of a Brimwatch daemon")
    if arguments.format == "json":
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        print("\n".join(tell(report)))
        sys.stdout.flush()
    return 0 if report.get("ran") else 1


def tell(report: dict[str, object]) -> list[str]:
    """The report in lines: one for each rung, then what it came to."""
    name, tier = _text(report.get("target")), _text(report.get("tier"))
    lines = []
    for member in _list(report.get("members")):
        slot = member.get("member")
        who = name if slot is None else f"{name}#{_text(slot)}"
        lines += [f"{who}: {_rung(rung)}" for rung in _list(member.get("rungs"))]
    left = [_text(one) for one in _values(report.get("left_out"))]
    if left:
        lines.append(f"left out: {', '.join(left)} (not cooperative: only the target's own ladder runs it)")
    return [*lines, _sum(report, name, tier)]


def _rung(rung: dict[str, object]) -> str:
    action, outcome, detail = _text(rung.get("action")), rung.get("outcome"), _text(rung.get("detail"))
    why = _text(rung.get("reason"))
    if why and rung.get("meaning"):
        why = f"{why} - {_text(rung.get('meaning'))}"
    if outcome == "rehearsed":
        would = f"{action} would {_text(rung.get('would'))}"
        return would if rung.get("allowed") else f"{would}; but not now: {why}"
    if outcome == "run":
        took = rung.get("duration_seconds")
        told = f"{action} {_won(rung.get('reclaimed_bytes'))}"
        told += f" in {format_duration(took)}" if isinstance(took, int | float) else ""
        return f"{told}; {detail}" if detail else told
    if detail == GIVEN_UP:
        return f"{action} was given up: {why}"
    verb = "failed" if outcome == "failed" else "was not run"
    return f"{action} {verb}: {why}" + (f"; {detail}" if detail else "")


def _won(won: object) -> str:
    if not isinstance(won, int | float):
        return "ran; what it won could not be measured"
    if won > 0:
        return f"won back {format_bytes(won)}"
    return "won nothing back" + (f" ({format_bytes(-won)} more than before)" if won < 0 else "")


def _sum(report: dict[str, object], name: str, tier: str) -> str:
    won, ran = report.get("reclaimed_bytes"), report.get("ran")
    if not ran:
        dry = "; the daemon runs with dry run" if report.get("dry_run") else ""
        return f"nothing was run on {name}{dry}"
    rungs = "1 rung" if ran == 1 else f"{_text(ran)} rungs"
    if isinstance(won, int | float) and won <= 0:
        return f"{name}: 0 bytes won back by {rungs} of {tier}"
    return f"{name}: {_won(won)} by {rungs} of {tier}"


def _text(value: object) -> str:
    """Something that the daemon passed on, harmless to a terminal."""
    return "" if value is None else escaped(str(value), _LONGEST)


def _values(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _list(value: object) -> list[dict[str, object]]:
    return [one for one in _values(value) if isinstance(one, dict)]
