"""How many objects does the garbage collector of a Python process track? By walking its lists, exactly or not at all.

Three list heads with sane thresholds stand side by side in the interpreter's state, each a closed ring, followed by a
pointer to the first of them: no offset table is needed. At each step the next object has to point back; where one does
not, the process changed its lists meanwhile and nothing is published: a walk that repairs itself reported 17 of 511
thousand objects. While the collector runs, the lists are closed and most objects are elsewhere (27 of 556 thousand
were seen): it must not run before, after or in between. Does *not* count what `gc.freeze()` set aside, as
`gc.get_objects()` does not. Source: CPython's Include/internal/pycore_gc.h, `struct _gc_runtime_state`, 3.9 to 3.13.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from brimwatch.inspect.clock import Clock, OutOfTime
from brimwatch.inspect.maps import PAGE
from brimwatch.inspect.memory import Unreadable
from brimwatch.inspect.present import PresentMemory
from brimwatch.units import Seconds

_SPAN = 256 * 1024  # bytes of an interpreter's state that are searched
_GENERATION = struct.Struct("<QQii")  # next, previous, threshold, count
_STEP = 8
_FLAGS = ~3  # both pointers carry flags in their low bits
_LOWEST, _HIGHEST = 0x10000, 1 << 47
_LARGEST_COUNT = 1 << 30
_CLOCK_EVERY = 4096  # objects
_IN_PAGE = PAGE - 1
_PAIR = struct.Struct("<QQ")  # next, previous
# Behind the three generations: a pointer to the first, what gc.freeze() set aside, three times three counters of runs.
_STATS = 3 * 24 + 8 + 24
_STATE = _STATS + 9 * 8 + 4  # up to and with the flag that says that it runs
_BUSY = "its garbage collector ran meanwhile"
_CHANGED = "the process changed its lists while they were walked"
_FEW = 20  # objects that may come or go during a walk that counts as exact, or a thousandth of all


class _Collector(NamedTuple):
    """How often the collector ran so far, of each generation, and whether it runs now."""

    collections: tuple[int, int, int]
    running: int


class Walked(NamedTuple):
    """How it ended: `objects` is exact, or None and `why` says what stood against it."""

    objects: int | None
    why: str = ""


def find_lists(memory: PresentMemory, state: int) -> int | None:
    """The address of the first of three generations in an interpreter's state, or None."""
    text = memory.read_patched(state, _SPAN)
    size = _GENERATION.size
    for offset in range(0, len(text) - _STATE, _STEP):
        if int.from_bytes(text[offset + 3 * size : offset + 3 * size + 8], "little") != state + offset:
            continue
        heads = [_GENERATION.unpack_from(text, offset + index * size) for index in range(3)]
        if not all(_sane(*head) for head in heads) or heads[0][2] == 0:
            continue
        address = state + offset
        if all(_closed(memory, address + index * size, head) for index, head in enumerate(heads)):
            return address
    return None


def count_objects(memory: PresentMemory, lists: int, most: Seconds) -> Walked:
    """Walk the three lists in at most about `most` seconds of CPU time.

    Raises PermissionError, ProcessLookupError.
    """
    clock = Clock(most, 1)
    try:
        before = _collector(memory, lists)
        if before.running:
            return Walked(None, _BUSY)
        walked = _walk_all(memory, lists, clock)
        if walked.objects is not None and _collector(memory, lists) != before:
            return Walked(None, _BUSY)
    except Unreadable:
        return Walked(None, "a part of its lists is not in memory, or went while they were walked")
    return walked


def _collector(memory: PresentMemory, lists: int) -> _Collector:
    """Read afresh. Raises Unreadable."""
    memory.forget()
    stats = struct.unpack("<9qi", memory.read(lists + _STATS, _STATE - _STATS))
    return _Collector((stats[0], stats[3], stats[6]), stats[9])


def _walk_all(memory: PresentMemory, lists: int, clock: Clock) -> Walked:
    """The youngest list twice: what a program replaced meanwhile has gone from an old list that was counted late to the
    young one that was counted early (8 thousand of 300 thousand were seen), and shows as a longer young one.
    """
    counts: list[int] = []
    for index in (0, 1, 2, 0):
        memory.forget()
        try:
            counted = _walk(memory, lists + index * _GENERATION.size, clock)
        except OutOfTime as late:
            seen = sum(counts) + late.args[1]
            return Walked(None, f"more than {seen:,} objects: the CPU time granted did not suffice")
        if counted is None:
            return Walked(None, _CHANGED)
        counts.append(counted)
    young, *old, again = counts
    total = sum(old) + again
    return Walked(total) if abs(again - young) <= max(_FEW, total // 1000) else Walked(None, _CHANGED)


def _walk(memory: PresentMemory, head: int, clock: Clock) -> int | None:
    """How many objects one list has; None where one does not point back at the one before it.

    Neighbours mostly lie on one page, which is kept at hand: 0.45 us an object instead of 0.65.
    """
    pair = _PAIR.unpack_from
    total, before, page, text = 0, head, -1, b""
    current = memory.word(head) & _FLAGS
    while current != head:
        offset = current & _IN_PAGE
        if current - offset != page:
            page = current - offset
            text = memory.page(page)
        if offset > PAGE - _PAIR.size:
            return None  # no object begins there
        following, back = pair(text, offset)
        if back & _FLAGS != before:
            return None
        total += 1
        before, current = current, following & _FLAGS
        if not total % _CLOCK_EVERY and clock.over():
            raise OutOfTime("the CPU time granted did not suffice", total)
    return total


def _sane(following: int, back: int, threshold: int, count: int) -> bool:
    pointers = (following & _FLAGS, back & _FLAGS)
    good = all(_LOWEST <= pointer < _HIGHEST and not pointer & 7 for pointer in pointers)
    return good and 0 <= threshold < _LARGEST_COUNT and abs(count) < _LARGEST_COUNT


def _closed(memory: PresentMemory, address: int, head: tuple[int, int, int, int]) -> bool:
    """The first object points back at the head, and the last one forward to it."""
    try:
        return (
            memory.word((head[0] & _FLAGS) + 8) & _FLAGS == address
            and memory.word(head[1] & _FLAGS) & _FLAGS == address
        )
    except Unreadable:
        return False
