"""How do several parts, one for each process or cgroup, make one attempt?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from brimwatch.model import Attempt, Reason, Verdict

TOLD = 4  # parts named in the detail
_ORDER = (Verdict.RUN, Verdict.FAILED, Verdict.SUPPRESSED)


class Part(NamedTuple):
    """What became of one process or cgroup."""

    verdict: Verdict
    detail: str
    reason: Reason | None = None


def sum_up(parts: Sequence[Part], started: float, settled: bool = False) -> Attempt:
    """One attempt out of its parts: done where one was done, else failed where one failed. `started` is monotonic."""
    ended = time.monotonic()
    if not parts:
        return Attempt(Verdict.SUPPRESSED, started, ended, Reason.VANISHED, "there is no process to act on")
    verdict = min((part.verdict for part in parts), key=_ORDER.index)
    deciding = [part for part in parts if part.verdict is verdict]
    # What was done comes first: the detail is cut.
    told = [part.detail for part in (*deciding, *(part for part in parts if part.verdict is not verdict))]
    if len(told) > TOLD:
        told[TOLD:] = [f"and {len(told) - TOLD} more"]
    return Attempt(verdict, started, ended, deciding[0].reason, "; ".join(told), settled=settled)
