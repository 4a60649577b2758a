"""How much memory has the machine, and how much of it could still be had?"""

from __future__ import annotations

import re
from typing import NamedTuple

from brimwatch.procfs.descriptor import read_file
from brimwatch.procfs.kilobytes import need_kilobytes, parse_kilobytes
from brimwatch.units import Bytes

_LINES = re.compile(rb"^(MemTotal|MemFree|MemAvailable|SwapTotal|SwapFree):\s*(.*)$", re.M)


class Meminfo(NamedTuple):
    """Bytes. `available` is the kernel's own estimate of what new programs could get without swapping."""

    total: Bytes
    free: Bytes
    available: Bytes | None = None
    swap_total: Bytes = Bytes(0)
    swap_free: Bytes = Bytes(0)


def parse_meminfo(text: bytes) -> Meminfo:
    """Read /proc/meminfo. Source: proc_meminfo(5); `available` needs Linux 3.14. Raises MalformedProcFile."""
    found = dict(_LINES.findall(text))
    return Meminfo(
        total=need_kilobytes(found, b"MemTotal", "meminfo"),
        free=need_kilobytes(found, b"MemFree", "meminfo"),
        available=parse_kilobytes(found, b"MemAvailable", "meminfo"),
        swap_total=parse_kilobytes(found, b"SwapTotal", "meminfo") or Bytes(0),
        swap_free=parse_kilobytes(found, b"SwapFree", "meminfo") or Bytes(0),
    )


def read_meminfo(procfs: str) -> Meminfo:
    """Open, read, close. Raises OSError, MalformedProcFile."""
    return parse_meminfo(read_file(f"{procfs}/meminfo"))
