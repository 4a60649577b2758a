"""How is one process looked at, once and deeply?"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace

from brimwatch.errors import BrimwatchError, MalformedProcFile
from brimwatch.inspect.json_form import to_json
from brimwatch.inspect.look import inspect_process
from brimwatch.inspect.report import Missing, Report
from brimwatch.inspect.text_form import render_text
from brimwatch.record.redact import redact
from brimwatch.record.text import escaped

EXAMPLE = """examples:
  brimwatch inspect 4242
  brimwatch inspect 4242 --format json | jq '.limit, .advice'
  brimwatch inspect $(pgrep -o gunicorn)

Nothing is changed and nothing of the process's memory is read. Its page tables are walked twice: it may have to wait
for that, some 10 to 20 ms for each resident GB.
"""
_INSIDE = "this version reads /proc only: it does not look inside interpreters"


def positive(text: str) -> int:
    """A number of at least 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted a whole number of at least 1")
    return int(text)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `inspect`."""
    parser = subparsers.add_parser(
        "inspect",
        help="one deep look at any process; nothing is changed",
        description="One deep look at any process: sizes, mappings, limits, threads by name, and advice.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("pid", type=positive, metavar="PID", help="the process")
    add("--format", choices=("text", "json"), default="text", help="text for people, json for programs (default: text)")
    add("--types", type=positive, metavar="N", help="the N largest Python types (default: none)")
    add("--stacks", action="store_true", help="what every Python thread is doing (default: off)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the report. Raises BrimwatchError, with the reason, where there is none."""
    report = with_unanswered(look(arguments.pid), arguments.types, arguments.stacks)
    if arguments.format == "json":
        json.dump(to_json(report), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(render_text(report))
    return 0


def look(pid: int) -> Report:
    """Inspect a process; what it says of itself is redacted and escaped. Raises BrimwatchError."""
    try:
        return inspect_process(pid, redact=redact, escape=lambda text: escaped(text, 200))
    except (ProcessLookupError, FileNotFoundError):
        raise BrimwatchError(f"there is no process {pid}, or it has ended meanwhile") from None
    except PermissionError:
        raise BrimwatchError(
            f"process {pid} may not be read by uid {os.geteuid()}: it takes the same user, or root"
        ) from None
    except MalformedProcFile as error:
        raise BrimwatchError(f"process {pid}: {error}") from None


def with_unanswered(report: Report, types: int | None, stacks: bool) -> Report:
    """Add what was asked for and cannot be had."""
    asked = [f"--types {types}"] if types is not None else []
    asked += ["--stacks"] if stacks else []
    return replace(report, missing=report.missing + tuple(Missing(what, _INSIDE) for what in asked))
