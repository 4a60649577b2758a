"""What does one deep look at a process find? Frozen facts; absence is None, and `missing` says why.

All text is fit to be shown: what the process wrote itself was redacted and escaped when it was read. Sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from brimwatch.model import Limit
from brimwatch.units import Bytes, Seconds


class Missing(NamedTuple):
    """Something that could not be read, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Which process it is, whose, since when, and where it lives. `uid` is the effective one."""

    pid: int
    comm: str
    cmdline: str
    state: str  # one letter, as in proc_pid_stat(5)
    kernel_thread: bool
    ppid: int
    parent: str | None  # the parent's comm
    age: Seconds
    cpu: Seconds  # user and system, of all threads that ever were
    uid: int | None = None
    user: str | None = None
    exe: str | None = None
    unit: str | None = None
    container: str | None = None  # its full ID
    pod: str | None = None
    cgroup: str | None = None


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much the process holds. `rss` is `anon` + `file` + `shmem`, read a moment apart."""

    rss: Bytes | None = None
    vms: Bytes | None = None
    anon: Bytes | None = None
    file: Bytes | None = None
    shmem: Bytes | None = None
    swap: Bytes | None = None
    peak_rss: Bytes | None = None
    pss: Bytes | None = None
    uss: Bytes | None = None


class MappingGroup(NamedTuple):
    """All mappings of one file, or of one kind of memory without a file (`[heap]`, `[anonymous]`, `[stack]`)."""

    name: str
    number: int
    rss: Bytes
    pss: Bytes
    swap: Bytes
    vms: Bytes


@dataclass(frozen=True, slots=True)
class Mappings:
    """What the address space is made of: the largest resident ones of `kinds` groups. `whole`: nothing was cut off.

    `huge` is in transparent huge pages, `freed` was given back with MADV_FREE and counts as resident until the kernel
    takes it.
    """

    count: int
    kinds: int
    groups: tuple[MappingGroup, ...]
    rss: Bytes
    huge: Bytes
    freed: Bytes
    whole: bool


@dataclass(frozen=True, slots=True)
class Bounds:
    """What bounds the process, and how near that is. `file_cache` is what the kernel drops of the cgroup's usage."""

    limit: Limit | None = None
    usage: Bytes | None = None
    working_set: Bytes | None = None
    file_cache: Bytes | None = None
    headroom: Bytes | None = None
    machine_total: Bytes | None = None
    machine_available: Bytes | None = None
    oom_kills: int | None = None
    oom_score: int | None = None
    oom_score_adj: int | None = None
    soft: Mapping[str, int] = field(default_factory=dict)  # resource limits; unlimited ones are not in it
    open_files: int | None = None
    signals: tuple[str, ...] | None = None  # caught ones


class ThreadGroup(NamedTuple):
    """Threads that share a name; digits that differ are shown as `N`."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Report:
    """One deep look. `complete_ratio` is the share of the resident set that the mappings account for."""

    origin: Origin
    sizes: Sizes
    bounds: Bounds
    threads: int
    thread_groups: tuple[ThreadGroup, ...] = ()
    mappings: Mappings | None = None
    complete_ratio: float | None = None
    advice: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
