"""How many blocks of a Python process are in use, and how much of its pools is holes? A census of pool headers.

Each pool of CPython's small-object allocator begins with a header of 48 bytes that says how many of its blocks are in
use. No symbol and no table of versions is needed: what is no pool does not look like one (no false one in 1 GiB of
random bytes). Does *not* cover larger objects, which malloc holds, nor free-threaded builds, which have no pools.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

from brimwatch.inspect.found import Pools
from brimwatch.inspect.maps import PAGE
from brimwatch.inspect.memory import BATCH, Memory
from brimwatch.inspect.pages import PRESENT, SWAPPED, Pages
from brimwatch.units import Bytes, Seconds

POOL = 16 * 1024  # bytes, from Python 3.10 on
OLD_POOL = 4 * 1024  # before
HEADER = 48
ALIGNMENT = 16
LARGEST_CLASS = 32  # 512 bytes
_HEADER = struct.Struct("<I4xQQQIIII")  # count, free block, next, previous, arena, size class, next offset, last offset


class Pool(NamedTuple):
    """A pool with blocks in use: its address, the bytes of a block, how many are in use, the first free one.

    `carved` is the offset behind the last block that was ever handed out.
    """

    address: int
    size: int
    live: int
    free: int
    carved: int


def count_pools(memory: Memory, pages: Pages, pool: int = POOL, most: Seconds = Seconds(60.0)) -> Pools:
    """Count every pool in the mappings of `pages`, in at most about `most` seconds of CPU time.

    `pool` is the size of one in bytes. Raises PermissionError, ProcessLookupError. Source: CPython's
    Objects/obmalloc.c, `struct pool_header`.
    """
    layouts = layouts_of(pool)
    end = time.thread_time() + most
    blocks = used = pools = empty = swapped = 0
    whole = True
    for candidates, out in _candidates(pages, pool):
        swapped += out
        for address, header in _headers(memory, candidates):
            size = _block_size(address, header, pool, layouts)
            if not size:
                continue
            count = header[0]
            if count:
                pools += 1
                blocks += count
                used += count * size
            else:
                empty += 1
        if time.thread_time() > end:
            whole = False
            break
    return Pools(blocks, Bytes(used), Bytes((pools + empty) * pool), pools, empty, swapped, whole)


def _candidates(pages: Pages, pool: int) -> Iterator[tuple[list[int], int]]:
    """Where a pool could begin on a page that is there, and how many such pages were swapped out; many at a time."""
    step = pool // PAGE
    found: list[int] = []
    swapped = 0
    for number, (start, flags) in enumerate(pages.spans(), 1):
        first = (-start % pool) // PAGE
        part = flags[first::step]
        base = start + first * PAGE
        found += [base + index * pool for index, value in enumerate(part) if value & PRESENT]
        swapped += sum(part.count(value) for value in set(part) if value & SWAPPED and not value & PRESENT)
        if len(found) >= BATCH or not number % BATCH:
            yield found, swapped
            found, swapped = [], 0
    yield found, swapped


def _headers(memory: Memory, candidates: list[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    for first, raw in memory.runs(candidates, HEADER):
        yield from zip(candidates[first:], _HEADER.iter_unpack(raw), strict=False)


def layouts_of(pool: int) -> list[tuple[int, int, int]]:
    """For each size class: bytes of a block, how many a pool has, and the offset of the last."""
    sizes = [(index + 1) * ALIGNMENT for index in range(LARGEST_CLASS)]
    return [(size, (pool - HEADER) // size, pool - size) for size in sizes]


def list_pools(memory: Memory, pages: Pages, pool: int = POOL) -> list[Pool]:
    """Every pool that has blocks in use. Raises as `count_pools` does."""
    layouts = layouts_of(pool)
    found = []
    for candidates, _ in _candidates(pages, pool):
        for address, header in _headers(memory, candidates):
            size = _block_size(address, header, pool, layouts)
            if size and header[0]:
                found.append(Pool(address, size, header[0], header[1], header[6]))
    return found


def _block_size(address: int, header: tuple[int, ...], pool: int, layouts: list[tuple[int, int, int]]) -> int:
    """The size of the pool's blocks, or 0 where this is no pool."""
    count, free, _, _, _, index, following, last = header
    if index >= LARGEST_CLASS:
        return 0
    size, capacity, furthest = layouts[index]
    if count > capacity or last != furthest or not HEADER <= following <= pool or (following - HEADER) % size:
        return 0
    if free and (not address + HEADER <= free < address + pool or (free - address - HEADER) % size):
        return 0
    return size
