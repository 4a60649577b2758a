"""Of which types are the objects of a Python process, and how much do they hold? Estimated from a sample of its pools.

A block in use is an object where the word that should be its type leads to something that is a type: it says that it is
ready, and its own type leads to `type`, which is its own. Costs the same for a heap of any size. Does *not* cover
objects above 512 bytes, nor memory that objects hold elsewhere. Source: CPython's Include/cpython/object.h,
`struct _typeobject`, the same from 3.8 to 3.14 as far as it is read here.
"""

from __future__ import annotations

import random
import struct
from collections import defaultdict
from collections.abc import Sequence

from brimwatch.inspect.found import TypeShare
from brimwatch.inspect.memory import Unreadable
from brimwatch.inspect.present import PresentMemory
from brimwatch.inspect.pymalloc import HEADER, Pool
from brimwatch.units import Bytes

NO_OBJECT = "(no object: keys of dicts, items of lists, text)"
SAMPLE = 400  # pools
_EACH = 64  # blocks looked at of one pool
_TYPE_AT = (8, 24, 40)  # plain; behind the collector's header; behind two more words (3.12 and later)
_TYPE, _NAME, _BASIC_SIZE, _FLAGS = 8, 24, 32, 168
_HEAD = 176  # bytes of a type that are read
_READY, _TYPE_SUBCLASS = 1 << 12, 1 << 31
_LONGEST = 80
_LOWEST, _HIGHEST = 0x10000, 1 << 47
_DEPTH = 4  # metaclasses of metaclasses


def sample_types(
    memory: PresentMemory, pools: Sequence[Pool], pool: int, seed: int = 0, most: int = SAMPLE
) -> tuple[TypeShare, ...]:
    """The types of what is in use, the most bytes first. `pool` is the size of one in bytes.

    Raises PermissionError, ProcessLookupError.
    """
    draw = random.Random(seed)  # noqa: S311 - a sample, no secret
    chosen = list(pools) if len(pools) <= most else draw.sample(pools, most)
    names = _Names(memory)
    counts: dict[str, float] = defaultdict(float)
    sizes: dict[str, float] = defaultdict(float)
    looked_at = 0.0
    for one in chosen:
        text = memory.read_patched(one.address, pool)
        live = _live_blocks(one, text, pool)
        weight = max(1.0, len(live) / _EACH)
        for offset in live if weight == 1.0 else draw.sample(live, _EACH):
            name = names.of_block(text[offset : offset + one.size])
            counts[name] += weight
            sizes[name] += weight * one.size
            looked_at += weight
    scale = sum(one.live for one in pools) / looked_at if looked_at else 0.0
    shares = [TypeShare(name, round(counts[name] * scale), Bytes(round(sizes[name] * scale))) for name in counts]
    return tuple(sorted(shares, key=lambda share: (-share.bytes, share.name)))


def _live_blocks(pool: Pool, text: bytes, size: int) -> list[int]:
    """The offsets of blocks in use: those that were handed out and are not in the chain of free ones."""
    free: set[int] = set()
    address = pool.free
    while address and len(free) <= size // pool.size:
        offset = address - pool.address
        if not HEADER <= offset <= size - pool.size or (offset - HEADER) % pool.size or offset in free:
            break  # it changed while it was read
        free.add(offset)
        (address,) = struct.unpack_from("<Q", text, offset)
    end = min(pool.carved, size - pool.size + 1)
    return [offset for offset in range(HEADER, end, pool.size) if offset not in free]


class _Names:
    """Names of types by address, each looked up once."""

    def __init__(self, memory: PresentMemory) -> None:
        self._memory = memory
        self._known: dict[int, str | None] = {}

    def of_block(self, block: bytes) -> str:
        for offset in _TYPE_AT:
            if offset + 8 <= len(block):
                name = self._name(int.from_bytes(block[offset : offset + 8], "little"))
                if name is not None:
                    return name
        return NO_OBJECT

    def _name(self, address: int) -> str | None:
        if address & 7 or not _LOWEST <= address < _HIGHEST:
            return None
        if address not in self._known:
            self._known[address] = self._look_up(address)
        return self._known[address]

    def _look_up(self, address: int) -> str | None:
        try:
            head = self._memory.read(address, _HEAD)
            (own, name, basic, flags) = (
                int.from_bytes(head[at : at + 8], "little") for at in (_TYPE, _NAME, _BASIC_SIZE, _FLAGS)
            )
            if not flags & _READY or not 8 <= basic < 1 << 20 or not self._is_metaclass(own):
                return None
            text = self._memory.read_patched(name, _LONGEST).partition(b"\0")[0]
        except Unreadable:
            return None
        if not text or not all(32 <= byte < 127 for byte in text):
            return None
        return text.decode("ascii")

    def _is_metaclass(self, address: int) -> bool:
        """A type of types, whose own type leads to `type`."""
        head = self._memory.read(address, _HEAD)
        flags = int.from_bytes(head[_FLAGS : _FLAGS + 8], "little")
        if not flags & _READY or not flags & _TYPE_SUBCLASS:
            return False
        for _ in range(_DEPTH):
            above = self._memory.word(address + _TYPE)
            if above == address:
                return True
            address = above
        return False
