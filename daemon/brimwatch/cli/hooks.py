"""How does the agent get into a program that nobody changes? `hooks run` starts it with one, `hooks export` packs it.

Runs on Python 3.9 and without the daemon's packages.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys

from brimwatch.cli.hooks_export import export
from brimwatch.cli.hooks_isolated import isolating
from brimwatch.errors import NotRunError, UsageError
from brimwatch.units import parse_size

TIERS = ("warning", "critical", "emergency")
EXAMPLE = """examples:
  brimwatch hooks run -- gunicorn shop.wsgi --workers 4
  brimwatch hooks run --threshold warning=70% --threshold critical=1.5GB -- python batch.py
  brimwatch hooks export /hooks      # in an init container; the application gets PYTHONPATH=/hooks
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `hooks run` and `hooks export`."""
    parser = subparsers.add_parser(
        "hooks",
        help="start a Python program with the agent inside, or pack the agent as a folder",
        description="Get the agent into Python programs without a change to their code.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    _add_run(verbs)
    _add_export(verbs)


def _add_run(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    running = verbs.add_parser(
        "run",
        help="run a command with the agent in it and in every Python program that it starts",
        description="Replace this process by COMMAND. Python programs that it runs or starts have the agent.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    running.add_argument(
        "--run-dir", metavar="D", help="where the agents have their sockets (default: see docs/hooks.md)"
    )
    running.add_argument(
        "--threshold",
        metavar="TIER=SIZE",
        action="append",
        default=[],
        help="resident bytes, such as 1.5GB, or a percentage of the limit, at which hooks run while no daemon speaks",
    )
    running.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")
    running.set_defaults(run=run)


def _add_export(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    exporting = verbs.add_parser(
        "export",
        help="write the hooks as a plain folder for PYTHONPATH",
        description="Write the hooks as a plain folder of Python files. PYTHONPATH=DIR then starts the agent.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    exporting.add_argument(
        "directory", metavar="DIR", help="made if it is not there; only an earlier export is replaced"
    )
    exporting.add_argument(
        "--force", action="store_true", help="write even where DIR holds something else, which stays"
    )
    exporting.set_defaults(run=run_export)


def run(options: argparse.Namespace) -> int:
    """Become the command. Raises UsageError where that cannot be."""
    words = options.words[1:] if options.words[:1] == ["--"] else options.words
    if not words:
        raise UsageError("hooks run: found no command, wanted one after `--`, such as `-- python app.py`")
    program = shutil.which(words[0])
    if program is None:
        if os.path.exists(words[0]):
            raise NotRunError(f"hooks run: {words[0]} may not be executed", missing=False)
        raise NotRunError(f"hooks run: found no program {words[0]}", missing=True)
    why = isolating(program, words)
    if why is not None:
        print(f"brimwatch: {why}: no agent will be in it", file=sys.stderr)
    os.execvpe(words[0], words, _environment(options))  # noqa: S606 - the command line is the user's own


def _environment(options: argparse.Namespace) -> dict[str, str]:
    environment = dict(os.environ)
    path = [_start_folder(), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    if options.run_dir is not None:
        if not os.path.isabs(options.run_dir):
            raise UsageError(f"hooks run: found --run-dir {options.run_dir}, wanted an absolute path")
        environment["BRIMWATCH_RUN_DIR"] = options.run_dir
    if options.threshold:
        environment["BRIMWATCH_THRESHOLDS"] = ",".join(_thresholds(options.threshold))
    return environment


def _thresholds(given: list[str]) -> list[str]:
    tiers = [text.partition("=")[0] for text in given]
    twice = next((tier for tier in tiers if tiers.count(tier) > 1), None)
    if twice is not None:
        raise UsageError(f"hooks run: found --threshold for {twice} twice, wanted one for each tier")
    return [_threshold(text) for text in given]


def _threshold(text: str) -> str:
    tier, _, value = text.partition("=")
    wanted = f"one of {', '.join(TIERS)}, `=`, and a size such as 1.5GB or a percentage such as 70%"
    if tier not in TIERS:
        raise UsageError(f"hooks run: found --threshold {text}, wanted {wanted}")
    try:
        if value.endswith("%"):
            if not 0 < float(value[:-1]) <= 100:
                raise ValueError(value)
            return text
        return f"{tier}={parse_size(value)}"
    except ValueError:
        raise UsageError(f"hooks run: found --threshold {text}, wanted {wanted}") from None


def _start_folder() -> str:
    import brimwatch.hooks.wire

    return os.path.join(os.path.dirname(os.path.abspath(brimwatch.hooks.wire.__file__)), "start")


def run_export(options: argparse.Namespace) -> int:
    """Write the folder; says what to set."""
    written = export(options.directory, options.force)
    print(
        f"{options.directory}: {written} files; start the program with PYTHONPATH={os.path.abspath(options.directory)}"
    )
    return 0
