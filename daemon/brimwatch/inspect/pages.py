"""Which pages of a process are there, and which were swapped out? /proc/PID/pagemap, a byte kept for each page."""

import bisect
import os
from collections.abc import Iterable

from brimwatch.inspect.maps import PAGE, Mapping

PRESENT = 0x80
SWAPPED = 0x40
_SHIFT = 12
_PIECE = 1 << 20  # bytes of pagemap read at once: half a GiB of addresses
_ABSENT = b"\0"


class Pages:
    """The flags of the pages of some mappings, read once. Source: proc_pid_pagemap(5), bits 62 and 63.

    The walk touches nothing: a page that is not there stays away. Raises PermissionError, ProcessLookupError, OSError.
    """

    def __init__(self, procfs: str, pid: int, mappings: Iterable[Mapping]) -> None:
        self.spans: list[tuple[int, int, bytes]] = []  # start, end, the flags of each page between
        descriptor = os.open(f"{procfs}/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        try:
            for mapping in sorted(mappings):
                self.spans.append((mapping.start, mapping.end, _flags(descriptor, mapping.start, mapping.end)))
        finally:
            os.close(descriptor)
        self._starts = [span[0] for span in self.spans]

    def flags(self, address: int) -> int:
        """The flags of the page that holds an address; 0 outside of what was looked at."""
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0:
            return 0
        start, end, flags = self.spans[index]
        return flags[(address - start) >> _SHIFT] if address < end else 0

    def present(self, start: int, end: int) -> int:
        """How many bytes from `start` up to `end`, both at page borders, are there; they must lie in one mapping."""
        index = bisect.bisect_right(self._starts, start) - 1
        if index < 0 or end <= start:
            return 0
        low, high, flags = self.spans[index]
        part = flags[(start - low) >> _SHIFT : (min(end, high) - low) >> _SHIFT]
        return PAGE * sum(part.count(value) for value in set(part) if value & PRESENT)


def _flags(descriptor: int, start: int, end: int) -> bytes:
    found = bytearray()
    position, last = start >> (_SHIFT - 3), end >> (_SHIFT - 3)
    while position < last:
        piece = os.pread(descriptor, min(_PIECE, last - position), position)
        if not piece:  # the mapping went meanwhile
            found += _ABSENT * ((last - position) >> 3)
            break
        found += piece[7::8]
        position += len(piece)
    return bytes(found)
