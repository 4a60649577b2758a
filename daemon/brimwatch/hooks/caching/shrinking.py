"""What goes first when a cache is asked to give back? The least important class, in it what was used least recently.

Pure but for the shelves. `goal`: bytes of all shelves at which it is enough, None where nobody said.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from brimwatch.hooks.caching.shelf import Shelf


def shrink(shelves: list[Shelf], buffer: Shelf, tier: str, goal: int | None) -> list[Any]:
    """Take entries out; returns them. `shelves`: the most important first. The rules stand in the docs of the cache."""
    every = [*shelves, buffer]
    keeps_first = len(shelves) > 1
    dropped: list[Any] = []
    for rank, shelf in enumerate(reversed(shelves[1:] if keeps_first else shelves)):
        floor = _floor(tier, rank, shelf.budget)
        dropped += _take(shelf, floor, every, None if tier == "emergency" else goal)
    if tier == "emergency" and goal is not None:
        for last in (buffer, shelves[0]):
            dropped += _take(last, 0, every, goal)
    return dropped


def _floor(tier: str, rank: int, budget: int) -> int:
    """Bytes that a class keeps; rank 0 is the least important."""
    if tier == "emergency" or (tier == "critical" and rank == 0):
        return 0
    return budget // 2 if tier == "critical" or rank == 0 else budget


def _take(shelf: Shelf, floor: int, every: list[Shelf], goal: int | None) -> list[Any]:
    dropped = []
    held = sum(one.bytes for one in every)
    while shelf.entries and shelf.bytes > floor and (goal is None or held > goal):
        entry = shelf.take_oldest()
        held -= entry[1]
        dropped.append(entry)
    return dropped
