"""How does a person get memory back from a target now? The running daemon asks it, and measures."""

from __future__ import annotations

import argparse

from brimwatch.cli.order import add_order, carry_out

EXAMPLE = """examples:
  brimwatch reclaim checkout                        the cooperative rungs of its critical tier, now
  brimwatch reclaim checkout --tier emergency --member 3
  brimwatch reclaim checkout --url https://brimwatch.example:9847 --ca-file ca.crt --token-file token

Exit code 0: a rung ran (it may have won nothing back, and says so); 1: none did, or no daemon answers.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `reclaim`."""
    parser = subparsers.add_parser(
        "reclaim",
        help="have the running daemon ask a target for memory now",
        description="Run a tier's cooperative rungs on a target now, whatever tier it is in; print what came back.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_order(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print what came back."""
    return carry_out("reclaim", arguments)
