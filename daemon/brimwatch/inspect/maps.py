"""Which mappings has a process? Every line of /proc/PID/maps."""

from __future__ import annotations

import re
from typing import NamedTuple

from brimwatch.procfs.descriptor import read_process_file

PAGE = 4096
_LINE = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) ([rwxps-]{4}) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) ([0-9]+) *(.*)$", re.M)
_MOST = 16 << 20  # bytes: some 150,000 mappings; the kernel's default bound is 65,530


class Mapping(NamedTuple):
    """Addresses from `start` up to `end`, what they may be used for, and the file behind them, if any (`inode`)."""

    start: int
    end: int
    permissions: str
    offset: int
    inode: int
    path: str

    @property
    def private(self) -> bool:
        """Written pages are the process's own."""
        return self.permissions[3] == "p"

    @property
    def heap_like(self) -> bool:
        """Private, anonymous, readable and writable: where allocators keep what they hand out."""
        named = self.path and not (self.path == "[heap]" or self.path.startswith("[anon"))
        return self.inode == 0 and self.permissions.startswith("rw") and self.private and not named


def parse_maps(text: bytes) -> tuple[Mapping, ...]:
    """Read /proc/PID/maps; names as the kernel wrote them. Source: proc_pid_maps(5)."""
    return tuple(
        Mapping(
            int(start, 16), int(end, 16), permissions.decode(), int(offset, 16), int(inode),
            path.decode("utf-8", "backslashreplace"),
        )
        for start, end, permissions, offset, _, _, inode, path in _LINE.findall(text)
    )  # fmt: skip


def read_maps(procfs: str, pid: int) -> tuple[Mapping, ...]:
    """The mappings of a process. Raises FileNotFoundError, ProcessLookupError, PermissionError."""
    return parse_maps(read_process_file(procfs, pid, "maps", _MOST))
