"""How many bytes can this process still take? The tightest of its cgroups, less their working set, or the machine.

Working set is usage less inactive file pages, as the kubelet counts it: those go before anything is killed.
Sources: the kernel's cgroup-v2 and cgroup-v1 memory documents, proc_meminfo(5).
"""

from __future__ import annotations

from brimwatch.hooks.limit import folders, limit_of
from brimwatch.hooks.process import read

_USAGE = {"memory.max": "memory.current", "memory.limit_in_bytes": "memory.usage_in_bytes"}
_INACTIVE = {"memory.max": b"inactive_file ", "memory.limit_in_bytes": b"total_inactive_file "}


def headroom(proc: str = "/proc", cgroups: str = "/sys/fs/cgroup") -> tuple[int, str] | None:
    """Bytes, and `cgroup` or `machine`, whichever is less; None where neither can be read. Negative above the limit."""
    found = [(left, "cgroup") for folder, file in folders(proc, cgroups) for left in _left(folder, file)]
    lines = (read(f"{proc}/meminfo") or b"").splitlines()
    found += [(int(line.split()[1]) * 1024, "machine") for line in lines if line.startswith(b"MemAvailable:")]
    return min(found) if found else None


def _left(folder: str, file: str) -> list[int]:
    limit = limit_of(folder, file)
    usage = read(f"{folder}/{_USAGE[file]}")
    if limit is None or usage is None or not usage.strip().isdigit():
        return []
    return [limit - max(0, int(usage) - _inactive(folder, _INACTIVE[file]))]


def _inactive(folder: str, key: bytes) -> int:
    """Unknown counts as none: then there is less headroom than could be, never more."""
    for line in (read(f"{folder}/memory.stat", 65536) or b"").splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    return 0
