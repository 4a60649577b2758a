"""What stands at an address, if its page is there? Reading what is not there would change the process."""

from __future__ import annotations

from brimwatch.inspect.maps import PAGE
from brimwatch.inspect.memory import Memory, Unreadable
from brimwatch.inspect.pages import PRESENT, SWAPPED, Pages

_KEPT = 4096  # pages: 16 MiB of ours at most
_MASK = PAGE - 1


class Absent(Unreadable):
    """A page that is not there, was swapped out, or lies outside of what may be read."""


class PresentMemory:
    """Reads only pages that were there when `pages` was made, each once. `swapped` counts pages left out for that."""

    def __init__(self, memory: Memory, pages: Pages) -> None:
        self._memory = memory
        self.pages = pages
        self._kept: dict[int, bytes] = {}
        self.swapped = 0

    def read(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes. Raises Absent, Unreadable, PermissionError, ProcessLookupError."""
        first = address & ~_MASK
        offset = address - first
        if offset + length <= PAGE:
            return self.page(first)[offset : offset + length]
        pieces = [self.page(page) for page in range(first, address + length, PAGE)]
        return b"".join(pieces)[offset : offset + length]

    def read_patched(self, address: int, length: int) -> bytes:
        """Exactly `length` bytes, nulls where a page is not there. Raises PermissionError, ProcessLookupError."""
        pieces = []
        end = address + length
        while address < end:
            step = min(end, (address & ~_MASK) + PAGE) - address
            try:
                pieces.append(self.read(address, step))
            except Unreadable:
                pieces.append(bytes(step))
            address += step
        return b"".join(pieces)

    def word(self, address: int) -> int:
        """The unsigned 8-byte word at an address; raises as `read` does."""
        return int.from_bytes(self.read(address, 8), "little")

    def forget(self) -> None:
        """Read afresh from now on: the process goes on while it is looked at."""
        self._kept.clear()

    def page(self, address: int) -> bytes:
        """The whole page at an address, which is its start. Raises as `read` does."""
        kept = self._kept.get(address)
        if kept is not None:
            return kept
        flags = self.pages.flags(address)
        if not flags & PRESENT:
            self.swapped += bool(flags & SWAPPED)
            raise Absent(14, f"page {address:#x} is {'swapped out' if flags & SWAPPED else 'not there'}")
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        page = self._kept[address] = self._memory.read(address, PAGE)
        return page
