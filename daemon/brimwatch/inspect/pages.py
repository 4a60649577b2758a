"""Which pages of a process are there, and which were swapped out? /proc/PID/pagemap, read piece by piece when asked.

A reservation of a terabyte costs nothing until somebody asks about it, and no memory where nothing of it is there: of
each piece one byte a page is kept, of pieces without any page nothing.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from brimwatch.inspect.maps import PAGE, Mapping

PRESENT = 0x80
SWAPPED = 0x40
_SHIFT = 12
_PIECE = 4096  # pages: 16 MiB of addresses, 32 KiB of pagemap
_PIECE_SHIFT = _SHIFT + 12
_KEPT = 1024  # pieces: 4 MiB of ours
_NOTHING = bytes(_PIECE)
_THERE = bytes(value for value in range(256) if value & PRESENT)


class Span(NamedTuple):
    """Neighbouring pages of one mapping, and the flags of each."""

    start: int
    flags: bytes


class Pages:
    """The flags of the pages of some mappings. Source: proc_pid_pagemap(5), bits 62 and 63.

    Asking touches nothing: a page that is not there stays away. What was read once is remembered. To be closed. Raises
    PermissionError, ProcessLookupError, OSError.
    """

    def __init__(self, procfs: str, pid: int, mappings: Iterable[Mapping]) -> None:
        self._mappings = sorted(mappings)
        self._starts = [mapping.start for mapping in self._mappings]
        self._kept: dict[int, bytes] = {}
        self._descriptor = -1
        self._descriptor = os.open(f"{procfs}/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Give the file back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()

    def flags(self, address: int) -> int:
        """The flags of the page that holds an address; 0 outside of the mappings."""
        if self._mapping_of(address) is None:
            return 0
        return self._piece(address >> _PIECE_SHIFT)[address >> _SHIFT & _PIECE - 1]

    def present(self, start: int, end: int) -> int:
        """How many bytes from `start` up to `end`, both at page borders, are there; they must lie in one mapping."""
        mapping = self._mapping_of(start)
        if mapping is None:
            return 0
        return PAGE * sum(
            len(span.flags) - len(span.flags.translate(None, _THERE))
            for span in self._between(start, min(end, mapping.end))
        )

    def spans(self) -> Iterator[Span]:
        """Every piece of every mapping; without flags where nothing of it is there or was swapped out."""
        for mapping in self._mappings:
            yield from self._between(mapping.start, mapping.end)

    def _between(self, start: int, end: int) -> Iterator[Span]:
        while start < end:
            number = start >> _PIECE_SHIFT
            stop = min(end, (number + 1) << _PIECE_SHIFT)
            piece = self._piece(number)
            first = start >> _SHIFT & _PIECE - 1
            yield Span(start, b"" if piece is _NOTHING else piece[first : first + ((stop - start) >> _SHIFT)])
            start = stop

    def _mapping_of(self, address: int) -> Mapping | None:
        index = bisect.bisect_right(self._starts, address) - 1
        return self._mappings[index] if index >= 0 and address < self._mappings[index].end else None

    def _piece(self, number: int) -> bytes:
        kept = self._kept.get(number)
        if kept is not None:
            return kept
        raw = os.pread(self._descriptor, _PIECE * 8, number * _PIECE * 8)
        piece = raw[7::8]  # shorter where the address space ends, empty where the process has
        if len(piece) < _PIECE:
            piece += bytes(_PIECE - len(piece))
        if not piece.strip(b"\0"):
            piece = _NOTHING
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[number] = piece
        return piece
