"""What would happen in an emergency? The running daemon runs what is harmless, and says what the rest would do."""

from __future__ import annotations

import argparse

from brimwatch.cli.order import add_order, carry_out

EXAMPLE = """examples:
  brimwatch drill checkout                          rehearse its critical tier
  brimwatch drill checkout --tier emergency         the one that may end it: nothing is ended

Exit code 0: a rung ran; 1: none did (the others are printed all the same), or no daemon answers.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `drill`."""
    parser = subparsers.add_parser(
        "drill",
        help="rehearse a tier on the running daemon",
        description="Run a tier's cooperative rungs on a target for real, and print what the others would do now.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_order(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Rehearse, and print what became of each rung."""
    return carry_out("drill", arguments)
