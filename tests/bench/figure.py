"""How is a benchmark's figure written? One JSON line each, for a person, a diff and a script."""

import json
import sys


def emit(bench: str, figure: str, value: float | None, unit: str, n: int, subject: str, **details: object) -> None:
    """Print one figure: `n` is how many targets it was measured at, `subject` who did the work; None: not to be had."""
    shown = None if value is None else _rounded(value)
    line = {"bench": bench, "figure": figure, "value": shown, "unit": unit, "n": n, "subject": subject}
    print(json.dumps(line | details), flush=True)


def say(text: str) -> None:
    """Tell the person who waits what is going on; standard output is for figures alone."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _rounded(value: float) -> float:
    """Four significant digits: no figure here is good for more."""
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded.is_integer() else rounded
