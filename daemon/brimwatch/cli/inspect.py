"""How is one process looked at, once and deeply?"""

from __future__ import annotations

import argparse
import json
import os
import sys

from brimwatch.cli.durations import duration
from brimwatch.errors import BrimwatchError, MalformedProcFile
from brimwatch.inspect.deep import MOST, TYPES, Depth, look_inside, unanswered
from brimwatch.inspect.json_form import to_json
from brimwatch.inspect.look import inspect_process
from brimwatch.inspect.report import Report
from brimwatch.inspect.text_form import render_text
from brimwatch.record.redact import redact
from brimwatch.record.text import escaped
from brimwatch.units import Seconds

EXAMPLE = """examples:
  brimwatch inspect 4242
  brimwatch inspect 4242 --format json | jq '.limit, .advice'
  brimwatch inspect $(pgrep -o gunicorn) --stacks --types 30

Nothing is changed and the process is not stopped: its memory is read, only pages that are there. Its page tables are
walked: it may have to wait for that, some 10 to 20 ms for each resident GB. Exit code 1: what was asked for by --types
or --stacks is not there; the reason is said.
"""


def positive(text: str) -> int:
    """A number of at least 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted a whole number of at least 1")
    return int(text)


def seconds(text: str) -> Seconds:
    """A duration above 0, for argparse."""
    found = duration(text)
    if found <= 0:
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted more than 0")
    return found


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `inspect`."""
    parser = subparsers.add_parser(
        "inspect",
        help="one deep look at any process; nothing is changed",
        description="One deep look at any process: sizes, who holds them, limits, threads, Python objects, and advice.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("pid", type=positive, metavar="PID", help="the process")
    add("--format", choices=("text", "json"), default="text", help="text for people, json for programs (default: text)")
    add(
        "--types",
        type=positive,
        metavar="N",
        help="the N largest Python types (default: 10; more than 10: from a larger sample)",
    )
    add("--stacks", action="store_true", help="what every Python thread is doing (default: off)")
    add("--max-cpu", type=seconds, default=MOST, metavar="TIME", help="CPU time of each reader (default: 10s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the report; 1 where something that was asked for by name is not there. Raises BrimwatchError."""
    depth = Depth(arguments.types or TYPES, arguments.stacks, arguments.max_cpu)
    report = look(arguments.pid, depth)
    if arguments.format == "json":
        json.dump(to_json(report), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(render_text(report))
    lacking = unanswered(report, arguments.stacks, arguments.types is not None)
    for missing in lacking:
        print(f"brimwatch: --{missing.what}: {missing.why}", file=sys.stderr)
    return 1 if lacking else 0


def look(pid: int, depth: Depth) -> Report:
    """Inspect a process; what it says of itself is redacted and escaped. Raises BrimwatchError."""
    try:
        report = inspect_process(pid, redact=redact, escape=_shown)
        return look_inside(report, _shown, depth)
    except (ProcessLookupError, FileNotFoundError):
        raise BrimwatchError(f"there is no process {pid}, or it has ended meanwhile") from None
    except PermissionError:
        raise BrimwatchError(
            f"process {pid} may not be read by uid {os.geteuid()}: it takes the same user, or root"
        ) from None
    except MalformedProcFile as error:
        raise BrimwatchError(f"process {pid}: {error}") from None


def _shown(text: str) -> str:
    return escaped(text, 200)
