"""What can be typed after `brimwatch`? One file per command, imported when it is used."""

from __future__ import annotations  # `hooks` runs on Python 3.9

import argparse
import importlib
import sys
from collections.abc import Sequence

from brimwatch import __version__
from brimwatch.errors import BrimwatchError

COMMANDS = {
    "run": "watch targets, export metrics, act: the daemon",
    "demo": "see the whole of it on a process of its own, in a minute",
    "guard": "run a command under watch, pass its exit code on, sum up its memory",
    "check-config": "say what a configuration means, or everything that is wrong with it",
    "reclaim": "have the running daemon ask a target for memory now",
    "drill": "rehearse a tier on the running daemon",
    "inspect": "one deep look at any process; nothing is changed",
    "record": "write every look and decision as JSON lines, to replay them",
    "explain": "every decision and every refusal with its reason",
    "suggest": "tiers and a limit from observed history, as YAML to paste",
    "hooks": "start a Python program with the agent inside, or pack the agent as a folder",
}
_ANYWHERE = ("hooks",)  # commands for the Python of a target; all others need the daemon's
_OLDEST = (3, 11)
_TOO_OLD = "brimwatch: this command needs Python {}.{} or newer, and this is {}.{}; only `hooks` runs on older ones"
_NEEDS = "brimwatch: this command needs the daemon's packages: pip install 'brimwatch[daemon]' (missing: {})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 fine, 1 the work failed, 2 bad usage or configuration."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="brimwatch",
        description="Watches the memory of processes that someone else wrote, and gets it back before the OOM kill.",
        epilog="Each command has its own --help, with an example.",
    )
    parser.add_argument("--version", action="version", version=f"brimwatch {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    named = words[0] if words else ""
    if named in COMMANDS and named not in _ANYWHERE and sys.version_info < _OLDEST:
        print(_TOO_OLD.format(*_OLDEST, *sys.version_info[:2]), file=sys.stderr)
        return 1
    try:
        for command, summary in COMMANDS.items():
            if command == named:  # only the module of the command that runs is imported
                importlib.import_module(f"brimwatch.cli.{command.replace('-', '_')}").add_parser(subparsers)
            else:
                subparsers.add_parser(command, help=summary)
        options = parser.parse_args(words)
        del parser, subparsers  # a thousand objects that a daemon would hold as long as it lives
        return int(options.run(options))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("brimwatch"):
            raise
        print(_NEEDS.format(error.name), file=sys.stderr)
        return 1
    except BrimwatchError as error:
        bare = "\n" in str(error) or str(error).startswith("brimwatch ")  # each line says already whose it is
        print(error if bare else f"brimwatch: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
