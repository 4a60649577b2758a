"""What is the tightest limit of memory above this process? Its cgroups on the way up, else the machine's memory."""

from __future__ import annotations

from brimwatch.hooks.process import read

_UNLIMITED = 1 << 60  # version 1 writes its "no limit" as a number near 2**63


def memory_limit(proc: str = "/proc", cgroups: str = "/sys/fs/cgroup") -> tuple[int, str] | None:
    """Bytes, and `cgroup` or `machine`; None where neither can be read.

    In a container the path that /proc/self/cgroup shows need not be there below the mount: then its root is meant.
    Sources: the kernel's cgroup-v2 and cgroup-v1 memory documents, proc_meminfo(5).
    """
    limits = [limit_of(folder, file) for folder, file in folders(proc, cgroups)]
    found = [limit for limit in limits if limit is not None]
    machine = _machine(proc)
    if found and (machine is None or min(found) < machine):
        return min(found), "cgroup"
    return None if machine is None else (machine, "machine")


def _places(proc: str, cgroups: str) -> list[tuple[tuple[str, str], str]]:
    places = []
    for line in (read(f"{proc}/self/cgroup", 65536) or b"").decode("utf-8", "replace").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            places += [((root, path), "memory.max") for root in (cgroups, f"{cgroups}/unified")]
        elif "memory" in controllers.split(","):
            places.append(((f"{cgroups}/memory", path), "memory.limit_in_bytes"))
    return places


def folders(proc: str, cgroups: str) -> list[tuple[str, str]]:
    """The cgroups of this process on the way up, those that may not be there among them, and the file of the limit."""
    found = []
    for (root, path), file in _places(proc, cgroups):
        parts = [part for part in path.split("/") if part and part != ".."]
        found += [("/".join((root, *parts[:length])), file) for length in range(len(parts), -1, -1)]
    return found


def limit_of(folder: str, file: str) -> int | None:
    """Bytes; None where there is no limit or no such cgroup."""
    text = read(f"{folder}/{file}")
    if text is None or not text.strip().isdigit() or int(text) >= _UNLIMITED:
        return None
    return int(text)


def _machine(proc: str) -> int | None:
    for line in (read(f"{proc}/meminfo") or b"").splitlines():
        if line.startswith(b"MemTotal:"):
            return int(line.split()[1]) * 1024
    return None
