"""How is a duration read from the command line?"""

from __future__ import annotations

import argparse

from brimwatch.units import Seconds, parse_duration


def duration(text: str) -> Seconds:
    """A duration for argparse, in seconds."""
    try:
        return parse_duration(text)
    except ValueError as wanted:
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted {wanted}") from None
