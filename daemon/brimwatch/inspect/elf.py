"""Where in a process does a program or library keep a symbol? Asked of the file behind the mapping, not of its memory.

Reading the file leaves the process's page tables alone; where the file cannot be had (deleted, another root) its pages
that are in memory are read. Only exported symbols are looked up, so a stripped build is as good as any. Source: elf(5),
System V ABI (DT_GNU_HASH as the GNU linker writes it).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import NamedTuple

from brimwatch.inspect.maps import PAGE, Mapping
from brimwatch.inspect.memory import Unreadable
from brimwatch.inspect.present import PresentMemory

_LOAD, _DYNAMIC = 1, 2
_STRTAB, _SYMTAB, _GNU_HASH = 5, 6, 0x6FFFFEF5
_MOST_HEADERS = 128
_MOST_DYNAMIC = 1024
_MOST_CHAIN = 4096
Read = Callable[[int, int], bytes]  # address as the image was linked, length


class NotElf(Exception):  # noqa: N818 - named after what it is
    """No image of a 64-bit little-endian program or library stands there."""


class Symbol(NamedTuple):
    """Where a symbol is in the process, and how many bytes it has."""

    address: int
    size: int


class _Segment(NamedTuple):
    address: int
    offset: int
    in_file: int
    size: int


class Image:
    """One loaded program or library. `bias` is how far it was moved from where it was linked."""

    def __init__(self, memory: PresentMemory, mapping: Mapping, file: str | None) -> None:
        """`mapping` is its first one; `file` a path that leads to the very file. Raises NotElf, OSError."""
        self._memory = memory
        self._base = mapping.start
        self._descriptor = _open_same(file, mapping.inode) if file is not None else -1
        try:
            head = self._raw(0, 64)
            if head[:6] != b"\x7fELF\x02\x01":
                raise NotElf(mapping.path)
            (offset,) = struct.unpack_from("<Q", head, 32)
            size, number = struct.unpack_from("<HH", head, 54)
            if size < 56 or number > _MOST_HEADERS:
                raise NotElf(mapping.path)
            self._segments, dynamic = _segments(self._raw(offset, size * number), size)
            if not self._segments:
                raise NotElf(mapping.path)
            self.bias = mapping.start - (self._segments[0].address & -PAGE)
            self._tags = self._dynamic(*dynamic) if dynamic is not None else {}
        except (Unreadable, struct.error) as error:
            self.close()
            raise NotElf(f"{mapping.path}: {error}") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def find(self, name: str) -> Symbol | None:
        """An exported symbol, or None. Raises Unreadable where the tables cannot be read."""
        wanted = _gnu_hash(name)
        if not {_STRTAB, _SYMTAB, _GNU_HASH} <= self._tags.keys():
            return None
        table = self._tags[_GNU_HASH]
        buckets, first, bloom, _ = struct.unpack("<4I", self.read(table, 16))
        if not buckets:
            return None
        start = table + 16 + bloom * 8
        (index,) = struct.unpack("<I", self.read(start + 4 * (wanted % buckets), 4))
        chains = start + buckets * 4
        for _ in range(_MOST_CHAIN if index >= first else 0):
            (chain,) = struct.unpack("<I", self.read(chains + 4 * (index - first), 4))
            if chain | 1 == wanted | 1:
                symbol = self._symbol(index, name)
                if symbol is not None:
                    return symbol
            if chain & 1:
                break
            index += 1
        return None

    def read(self, address: int, length: int) -> bytes:
        """Bytes at an address as linked: of the file, else of memory. Raises Unreadable."""
        if self._descriptor >= 0:
            for segment in self._segments:
                if segment.address <= address and address + length <= segment.address + segment.in_file:
                    return self._raw(segment.offset + address - segment.address, length)
        return self._memory.read(self.bias + address, length)

    def _raw(self, offset: int, length: int) -> bytes:
        """Bytes of the file; without one of the first segment, which begins with the headers."""
        if self._descriptor < 0:
            return self._memory.read(self._base + offset, length)
        text = os.pread(self._descriptor, length, offset)
        if len(text) != length:
            raise Unreadable(14, f"{length} bytes at {offset:#x} of the file")
        return text

    def _dynamic(self, address: int, size: int) -> dict[int, int]:
        raw = self.read(address, min(size, 16 * _MOST_DYNAMIC))
        tags: dict[int, int] = {}
        for tag, value in struct.iter_unpack("<qQ", raw[: len(raw) & -16]):
            if tag == 0:
                break
            # In memory glibc has moved the addresses already; in the file they are as linked.
            moved = tag in (_STRTAB, _SYMTAB, _GNU_HASH) and value >= self._base and self.bias > 0
            tags.setdefault(tag, value - self.bias if moved else value)
        return tags

    def _symbol(self, index: int, name: str) -> Symbol | None:
        entry = self.read(self._tags[_SYMTAB] + 24 * index, 24)
        text, _, _, section, value, size = struct.unpack("<IBBHQQ", entry)
        wanted = name.encode() + b"\0"
        if not section or self.read(self._tags[_STRTAB] + text, len(wanted)) != wanted:
            return None
        return Symbol(self.bias + value, size)


def _segments(raw: bytes, size: int) -> tuple[list[_Segment], tuple[int, int] | None]:
    segments: list[_Segment] = []
    dynamic = None
    for position in range(0, len(raw) - 55, size):
        kind, _, offset, address, _, in_file, in_memory, _ = struct.unpack_from("<IIQQQQQQ", raw, position)
        if kind == _LOAD:
            segments.append(_Segment(address, offset, in_file, in_memory))
        elif kind == _DYNAMIC:
            dynamic = (address, in_memory)
    return segments, dynamic


def _gnu_hash(name: str) -> int:
    value = 5381
    for byte in name.encode():
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def _open_same(path: str, inode: int) -> int:
    """A descriptor of the file if it is the one that is mapped, else -1."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return -1
    if os.fstat(descriptor).st_ino == inode:
        return descriptor
    os.close(descriptor)
    return -1
