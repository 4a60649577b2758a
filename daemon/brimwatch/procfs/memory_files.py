"""What do the files of a memory cgroup say? Parsers for both versions; no file is opened here."""

from __future__ import annotations

from typing import NamedTuple

from brimwatch.errors import MalformedProcFile
from brimwatch.units import Bytes

UNLIMITED_V1 = 1 << 60  # v1 writes the largest multiple of a page below 2^63 where there is no limit


class MemoryFiles(NamedTuple):
    """The names of one version's files, and of the fields in them that are wanted."""

    usage: str
    limit: str
    events: str
    inactive_file: bytes
    anon: bytes


FILES = {
    1: MemoryFiles(
        "memory.usage_in_bytes", "memory.limit_in_bytes", "memory.oom_control", b"total_inactive_file", b"total_rss"
    ),
    2: MemoryFiles("memory.current", "memory.max", "memory.events", b"inactive_file", b"anon"),
}
STAT = "memory.stat"
PRESSURE = "memory.pressure"


class MemoryStat(NamedTuple):
    """Bytes, with all descendants. `hierarchical_limit`: the tightest limit of it and all above, known to v1 only."""

    inactive_file: Bytes
    anon: Bytes | None = None
    hierarchical_limit: Bytes | None = None


def parse_amount(text: bytes, file: str) -> Bytes:
    """One number of bytes, such as memory.current. Raises MalformedProcFile."""
    try:
        value = int(text)
    except ValueError:
        raise MalformedProcFile(f"{file}: found {text[:40]!r}, wanted a number of bytes") from None
    if value < 0:
        raise MalformedProcFile(f"{file}: found {value}, wanted at least 0")
    return Bytes(value)


def parse_limit(text: bytes, file: str) -> Bytes | None:
    """A limit; None for `max` and for what v1 writes in its place. Raises MalformedProcFile."""
    if text.strip() == b"max":
        return None
    value = parse_amount(text, file)
    return None if value >= UNLIMITED_V1 else value


def parse_memory_stat(text: bytes, version: int) -> MemoryStat:
    """Read memory.stat. Source: cgroup-v2.rst, cgroup-v1/memory.rst. Raises MalformedProcFile."""
    names = FILES[version]
    wanted = (names.inactive_file, names.anon, b"hierarchical_memory_limit")
    found: dict[bytes, bytes] = {}
    for line in text.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name in wanted:
            found[name] = value
    if names.inactive_file not in found:
        raise MalformedProcFile(f"memory.stat: found no line {names.inactive_file.decode()}")
    limit = found.get(b"hierarchical_memory_limit")
    anon = found.get(names.anon)
    return MemoryStat(
        parse_amount(found[names.inactive_file], STAT),
        None if anon is None else parse_amount(anon, STAT),
        None if limit is None else parse_limit(limit, STAT),
    )


def parse_oom_kills(text: bytes) -> int | None:
    """How many processes the kernel has killed in this cgroup; None where it does not count (v1 before Linux 4.13).

    Reads memory.events (v2, with descendants) and memory.oom_control (v1). Raises MalformedProcFile.
    """
    for line in text.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name == b"oom_kill":
            return int(parse_amount(value, "oom_kill"))
    return None
