"""How much does glibc's malloc hold, how much of it is free, and what would malloc_trim(3) give back?

Found without symbols: an empty bin of an arena points at itself, and the arenas form a ring. Free chunks are walked on
pages that are there; a chain that does not close while the process changes it makes its arena's figures incomplete,
which is said. Layout of glibc 2.26 and later on 64 bits. Source: malloc/malloc.c, `struct malloc_state`,
`struct malloc_chunk`, `mtrim`; read on 2.31, 2.36, 2.41 and 2.43.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from brimwatch.inspect.clock import Clock
from brimwatch.inspect.found import Arenas
from brimwatch.inspect.maps import PAGE, Mapping
from brimwatch.inspect.memory import Unreadable
from brimwatch.inspect.pages import Pages
from brimwatch.inspect.present import PresentMemory
from brimwatch.units import Bytes, Seconds

BINS = 127
MOST_ARENAS = 4096
MOST_CHUNKS = 5_000_000
MOST_HEAPS = 4096  # of one arena: 256 GiB
_HEAP = 64 << 20  # bytes that a heap of another arena than the main one lies in, and is aligned to
_FAST_BINS = 10
_SIZE = ~0x7  # the low bits of a chunk's size are flags
_SMALLEST = 32  # bytes of a chunk
_KEPT = 48  # bytes at the start of a free chunk that malloc_trim leaves alone
_HIGHEST = 1 << 47
_LARGEST_DATA = 16 << 20  # bytes of written data of a libc in which its arena is looked for; it has some 60 KiB
# How far `bins` lies from the start of an arena: with and without fast bins, 2.26 to 2.43. The ring has to close.
_OFFSETS = (112, 24, 32, 16)
_LIBC = re.compile(r"/libc(\.so\.6|-2\.\d+\.so)( \(deleted\))?$")
_PAIR = struct.Struct("<QQ")
_CHUNK = struct.Struct("<QQQQ")


class _Layout(NamedTuple):
    bins: int

    @property
    def top(self) -> int:
        return self.bins - 16

    @property
    def next(self) -> int:
        return self.bins + 2 * 8 * BINS - 16 + 16 + 16

    @property
    def system(self) -> int:
        return self.next + 24

    @property
    def size(self) -> int:
        return self.next + 40

    def head(self, arena: int, index: int) -> int:
        """The address that stands for bin `index` (from 1) in its own chain."""
        return arena + self.bins + (index - 1) * 16 - 16


def count_arenas(memory: PresentMemory, mappings: tuple[Mapping, ...], pages: Pages, most: Seconds) -> Arenas | None:
    """Count what every arena holds, in about `most` seconds of CPU time; None where no glibc was found.

    Raises PermissionError, ProcessLookupError.
    """
    clock = Clock(most)
    found = _find_main(memory, mappings, clock)
    if found is None:
        return None
    main, layout = found
    held = free = trimmable = chunks = number = absent = elsewhere = 0
    resident = sum(pages.present(one.start, one.end) for one in mappings if one.path == "[heap]" and one.heap_like)
    whole = True
    for arena in _ring(memory, main, layout):
        number += 1
        try:
            state = memory.read(arena, layout.size)
        except Unreadable:
            whole = False
            continue
        system = int.from_bytes(state[layout.system : layout.system + 8], "little")
        held += system
        counted = _Free(memory, pages, arena, layout, clock, system)
        whole = counted.walk(state, arena == main) and whole
        free += counted.free
        trimmable += counted.trimmable
        chunks += counted.chunks
        absent += counted.absent
        if arena != main:
            elsewhere += counted.free - counted.absent
            resident += _heaps(memory, pages, arena, state, layout)
    return Arenas(
        number,
        Bytes(held),
        Bytes(free),
        Bytes(trimmable),
        chunks,
        whole,
        Bytes(resident),
        Bytes(free - absent),
        Bytes(elsewhere),
    )


def _heaps(memory: PresentMemory, pages: Pages, arena: int, state: bytes, layout: _Layout) -> int:
    """What is there of the heaps of an arena: each begins with the arena, the heap before it, and its size."""
    (top,) = struct.unpack_from("<Q", state, layout.top)
    heap, present = top & -_HEAP, 0
    for _ in range(MOST_HEAPS):
        try:
            owner, before, size = struct.unpack("<QQQ", memory.read(heap, 24))
        except Unreadable:
            break
        if owner != arena or size > _HEAP or size % PAGE:
            break
        present += pages.present(heap, heap + size)
        if not before:
            break
        heap = before
    return present


class _Free:
    """The free chunks of one arena."""

    def __init__(
        self, memory: PresentMemory, pages: Pages, arena: int, layout: _Layout, clock: Clock, held: int
    ) -> None:
        self._memory, self._pages, self._arena, self._layout = memory, pages, arena, layout
        self._clock = clock
        self._held = held  # by the arena: no more of it can be free
        self.free = self.trimmable = self.chunks = 0
        self.absent = 0  # what is not there of the free chunks

    def walk(self, state: bytes, main: bool) -> bool:
        """Walk every chain; True where all closed."""
        whole = self._walk_fast(state)
        for index in range(1, BINS):
            whole = self._walk_bin(state, index) and whole
        return self._take_top(state, main) and whole

    def _walk_bin(self, state: bytes, index: int) -> bool:
        head = self._layout.head(self._arena, index)
        (chunk,) = struct.unpack_from("<Q", state, self._layout.bins + (index - 1) * 16)
        before = head
        while chunk != head:
            try:
                _, size, following, back = _CHUNK.unpack(self._memory.read(chunk, _CHUNK.size))
            except Unreadable:
                return False
            size &= _SIZE
            if back != before or not _SMALLEST <= size <= self._held - self.free:
                return False
            if self.chunks >= MOST_CHUNKS or self._clock.over():
                return False
            self.chunks += 1
            self.free += size
            self.trimmable += self._resident(chunk, size)
            before, chunk = chunk, following
        return True

    def _walk_fast(self, state: bytes) -> bool:
        """Small chunks kept for the next request, singly linked; from 2.32 on the links are mangled."""
        if self._layout.bins != _OFFSETS[0]:
            return True
        for index in range(_FAST_BINS):
            (chunk,) = struct.unpack_from("<Q", state, 16 + index * 8)
            while chunk:
                try:
                    _, size, link = struct.unpack("<QQQ", self._memory.read(chunk, 24))
                except Unreadable:
                    return False
                if size & _SIZE != (index + 2) * 16 or self.chunks >= MOST_CHUNKS or self._clock.over():
                    return False
                self.chunks += 1
                self.free += size & _SIZE
                plain, mangled = link, link ^ ((chunk + 16) >> 12)
                chunk = mangled if link and not mangled & 0xF else plain
                if chunk & 0xF:
                    return False
        return True

    def _take_top(self, state: bytes, main: bool) -> bool:
        """The rest at the end of the heap: free; malloc_trim gives back that of the main arena only."""
        (top,) = struct.unpack_from("<Q", state, self._layout.top)
        try:
            size = self._memory.word(top + 8) & _SIZE
        except Unreadable:
            return False
        if (size > _HEAP and not main) or size > self._held - self.free:
            return False
        self.free += size
        resident = self._resident(top, size)
        if main:
            self.trimmable += resident
        return True

    def _resident(self, chunk: int, size: int) -> int:
        """Whole pages of a free chunk that are there: what would come back of it."""
        start = (chunk + _KEPT + PAGE - 1) & -PAGE
        end = (chunk + size) & -PAGE
        if end <= start:
            return 0
        resident = self._pages.present(start, end)
        self.absent += end - start - resident
        return resident


def _find_main(memory: PresentMemory, mappings: tuple[Mapping, ...], clock: Clock) -> tuple[int, _Layout] | None:
    """The main arena lies in libc's written data. Where it is, 127 bins point at themselves or at chunks."""
    for index, mapping in enumerate(mappings):
        if not (mapping.permissions.startswith("rw") and _LIBC.search(mapping.path)):
            continue
        end = mapping.end
        following = mappings[index + 1] if index + 1 < len(mappings) else None
        if following is not None and following.start == end and following.heap_like:
            end = following.end  # the part that is not in the file
        for bins in _last_bins(memory, mapping.start, min(end, mapping.start + _LARGEST_DATA)):
            for offset in _OFFSETS:
                clock.check()
                layout, main = _Layout(offset), bins - offset
                if _is_arena(memory, main, layout) and any(True for _ in _ring(memory, main, layout, strict=True)):
                    return main, layout
    return None


def _last_bins(memory: PresentMemory, start: int, end: int) -> Iterator[int]:
    """Where `bins` would begin if the empty bin found here were the last one."""
    for page in range(start, end, PAGE):
        try:
            text = memory.read(page, PAGE)
        except Unreadable:
            continue
        for offset in range(0, PAGE - 15, 8):
            forward, back = _PAIR.unpack_from(text, offset)
            if forward == back == page + offset - 16:
                yield page + offset - (BINS - 1) * 16


def _is_arena(memory: PresentMemory, arena: int, layout: _Layout) -> bool:
    try:
        state = memory.read(arena, layout.size)
    except Unreadable:
        return False
    (top,) = struct.unpack_from("<Q", state, layout.top)
    following, free = _PAIR.unpack_from(state, layout.next)
    system, most = _PAIR.unpack_from(state, layout.system)
    sane = top and not top & 0xF and top < _HIGHEST and following and not following & 7 and following < _HIGHEST
    if not sane or free >= _HIGHEST or not system or system % PAGE or most < system or most >= _HIGHEST:
        return False
    itself = 0
    for index in range(1, BINS):
        forward, back = _PAIR.unpack_from(state, layout.bins + (index - 1) * 16)
        itself += forward == back == layout.head(arena, index)
        if not forward or not back or forward & 0xF or back & 0xF:
            return False
    return itself >= 8


def _ring(memory: PresentMemory, main: int, layout: _Layout, strict: bool = False) -> Iterator[int]:
    """Every arena once. With `strict` nothing where one of them does not look like an arena or the ring is open."""
    found = [main]
    try:
        arena = memory.word(main + layout.next)
        while arena != main:
            if not arena or len(found) >= MOST_ARENAS or arena in found[-8:]:
                return
            if strict and not _is_arena(memory, arena, layout):
                return
            found.append(arena)
            arena = memory.word(arena + layout.next)
    except Unreadable:
        if strict:
            return
    yield from found
