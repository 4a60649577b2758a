"""What is the address space of a process made of? Every mapping of /proc/PID/smaps, grouped by what is behind it."""

from __future__ import annotations

import os
import re

from brimwatch.inspect.report import MappingGroup, Mappings
from brimwatch.units import Bytes

ANONYMOUS = "[anonymous]"
_MOST = 64 * 1024 * 1024  # bytes: some 90,000 mappings; the kernel's default bound is 65,530
_GROUPS = 100  # that are kept: a process may map as many files as it likes
_PIECE = 1 << 20
_LINE = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) [r-][w-][x-][ps] [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ [0-9]+ *(.*)$"
    rb"|^(Rss|Pss|Swap|AnonHugePages|LazyFree): +([0-9]+) kB$",
    re.M,
)
_FIELDS = (b"Rss", b"Pss", b"Swap", b"AnonHugePages", b"LazyFree")


def parse_smaps(text: bytes, whole: bool = True) -> Mappings:
    """Read /proc/PID/smaps; bytes, names as the kernel wrote them (it escapes newlines).

    Source: proc_pid_smaps(5). Without `whole` the text was cut, and its last mapping is left out.
    """
    if not whole:
        text = text[: max((found.start() for found in _LINE.finditer(text) if found[1]), default=0)]
    groups: dict[bytes, list[int]] = {}  # name to Rss, Pss, Swap, AnonHugePages, LazyFree, addresses, mappings
    current: list[int] = [0] * 7
    for found in _LINE.finditer(text):
        start, end, name, field, kilobytes = found.groups()
        if field:
            current[_FIELDS.index(field)] += int(kilobytes) * 1024
        else:
            current = groups.setdefault(name, [0] * 7)
            current[5] += int(end, 16) - int(start, 16)
            current[6] += 1
    totals = [sum(values) for values in zip(*groups.values(), strict=True)] or [0] * 7
    largest = sorted(groups.items(), key=lambda item: (-item[1][0], -item[1][2], -item[1][5]))
    return Mappings(
        count=totals[6],
        kinds=len(largest),
        groups=tuple(_group(name, values) for name, values in largest[:_GROUPS]),
        rss=Bytes(totals[0]),
        huge=Bytes(totals[3]),
        freed=Bytes(totals[4]),
        whole=whole,
    )


def _group(name: bytes, values: list[int]) -> MappingGroup:
    shown = name.decode("utf-8", "backslashreplace") or ANONYMOUS
    rss, pss, swap = map(Bytes, values[:3])
    return MappingGroup(shown, values[6], rss, pss, swap, Bytes(values[5]))


def read_smaps(process: str, most: int = _MOST) -> Mappings:
    """Read the smaps of /proc/PID up to `most` bytes: a walk over its page tables, under its mmap lock piece by piece.

    Raises FileNotFoundError, ProcessLookupError, PermissionError.
    """
    pieces: list[bytes] = []
    size = 0
    descriptor = os.open(f"{process}/smaps", os.O_RDONLY | os.O_CLOEXEC)
    try:
        while size < most and (piece := os.read(descriptor, _PIECE)):
            pieces.append(piece)
            size += len(piece)
    finally:
        os.close(descriptor)
    return parse_smaps(b"".join(pieces), whole=size < most)
