"""What does an executable file itself say of the runtime that it carries?

Go programs and single-file Node.js programs have any name and map no library that would tell; their ELF image does.
Source: elf(5); for Go the section `.go.buildinfo` and the note `Go` (a packed or stripped program keeps the note); for
Node.js the exported symbol `node_module_register`.
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

_MOST_SECTIONS = 4096
_MOST_SEGMENTS = 256
_LONGEST_NAMES = 1 << 16
_LONGEST_SYMBOLS = 16 << 20  # Node.js 20 has 5.3 MB of them
_LONGEST_NOTE = 1 << 12
_CHUNK = 1 << 18
_NODE = b"\0node_module_register\0"
_NOTE, _STRINGS = 4, 3


class _Layout(NamedTuple):
    """Where the fields of one ELF class lie: struct formats, and the indices of what is read."""

    header: str  # from e_phoff: phoff, shoff, flags, ehsize, phentsize, phnum, shentsize, shnum, shstrndx
    header_at: int
    section: str  # name, type, flags, addr, offset, size
    segment: str
    segment_offset: int
    segment_size: int


_LAYOUTS = {
    1: _Layout("IIIHHHHHH", 28, "IIIIII", "IIIIII", 1, 4),
    2: _Layout("QQIHHHHHH", 32, "IIQQQQ", "IIQQQQ", 2, 5),
}


class _Part(NamedTuple):
    """A section or segment of a file."""

    name: int
    kind: int
    offset: int
    size: int


def marks_of(descriptor: int) -> frozenset[str]:
    """`go` and `node` where the open file carries them; empty for what is no ELF image. Raises OSError.

    Reads headers, section names and dynamic symbol names only, each bounded.
    """
    start = os.pread(descriptor, 64, 0)
    layout = _LAYOUTS.get(start[4]) if len(start) == 64 and start[:4] == b"\x7fELF" else None
    if layout is None:
        return frozenset()
    order = ">" if start[5] == 2 else "<"
    header = struct.unpack_from(order + layout.header, start, layout.header_at)
    segments = _segments(descriptor, order, layout, header)
    sections = _sections(descriptor, order, layout, header)
    names = _names(descriptor, sections, header[8])
    marks = set()
    if b"\0.go.buildinfo\0" in names or any(_is_go_note(descriptor, part) for part in segments if part.kind == _NOTE):
        marks.add("go")
    symbols = names.find(b"\0.dynstr\0") + 1
    if symbols and any(
        _holds(descriptor, part, _NODE) for part in sections if part.kind == _STRINGS and part.name == symbols
    ):
        marks.add("node")
    return frozenset(marks)


def _sections(descriptor: int, order: str, layout: _Layout, header: tuple[int, ...]) -> list[_Part]:
    offset, entry, count = header[1], header[6], min(header[7], _MOST_SECTIONS)
    found = []
    for fields in _rows(descriptor, offset, order + layout.section, entry, count):
        name, kind, _, _, start, size = fields
        found.append(_Part(name, kind, start, size))
    return found


def _segments(descriptor: int, order: str, layout: _Layout, header: tuple[int, ...]) -> list[_Part]:
    offset, entry, count = header[0], header[4], min(header[5], _MOST_SEGMENTS)
    return [
        _Part(0, fields[0], fields[layout.segment_offset], fields[layout.segment_size])
        for fields in _rows(descriptor, offset, order + layout.segment, entry, count)
    ]


def _rows(descriptor: int, offset: int, row: str, entry: int, count: int) -> list[tuple[int, ...]]:
    if entry < struct.calcsize(row):
        return []
    table = _read(descriptor, entry * count, offset)
    whole = range(0, len(table) - entry + 1, entry)
    return [struct.unpack_from(row, table, at) for at in whole]


def _names(descriptor: int, sections: list[_Part], index: int) -> bytes:
    if index >= len(sections):
        return b""
    return _read(descriptor, min(sections[index].size, _LONGEST_NAMES), sections[index].offset)


def _is_go_note(descriptor: int, part: _Part) -> bool:
    return b"\4\0\0\0Go\0\0" in _read(descriptor, min(part.size, _LONGEST_NOTE), part.offset)


def _holds(descriptor: int, part: _Part, wanted: bytes) -> bool:
    tail = b""
    for offset in range(part.offset, part.offset + min(part.size, _LONGEST_SYMBOLS), _CHUNK):
        chunk = tail + _read(descriptor, _CHUNK, offset)
        if wanted in chunk:
            return True
        tail = chunk[-len(wanted) :]
    return False


def _read(descriptor: int, size: int, offset: int) -> bytes:
    # The numbers come from the file: an offset beyond what the system call takes is as good as an empty read.
    return os.pread(descriptor, size, offset) if offset < 1 << 62 else b""
