"""What does one deep look at a process find? Frozen facts; absence is None, and `missing` says why.

All text is fit to be shown: what the process wrote itself was redacted and escaped when it was read. Sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from brimwatch.inspect.found import Missing, TypeShare
from brimwatch.model import Limit
from brimwatch.units import Bytes, Seconds


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
    start_ticks: int = 0  # with the PID it is this process beyond doubt


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


class Thread(NamedTuple):
    """One thread: its name, what it does (`running`, `sleeping`, ...), and with stacks the innermost frame."""

    tid: int
    name: str
    state: str
    frame: str | None = None


@dataclass(frozen=True, slots=True)
class Python:
    """The interpreter in it. `threads`: those that run Python code, all of the process's where that is not told."""

    version: str
    free_threaded: bool = False
    objects: int | None = None
    blocks: int | None = None
    thread_count: int | None = None
    threads: tuple[Thread, ...] = ()
    types: tuple[TypeShare, ...] = ()
    stacks: bool = False  # were the frames asked for, and told


class Allocator(NamedTuple):
    """What an allocator holds that is resident, what of that is handed out, what malloc_trim(3) would give back."""

    held: Bytes
    used: Bytes
    trimmable: Bytes
    arenas: int | None = None  # glibc's; of pymalloc they are not counted
    free_elsewhere: Bytes = Bytes(0)  # in other arenas than the main one


@dataclass(frozen=True, slots=True)
class Split:
    """The resident set by who holds it; together it is all of it. None: not told apart, and within `other`."""

    python: Bytes | None = None
    pymalloc_holes: Bytes | None = None
    glibc_used: Bytes | None = None
    glibc_free: Bytes | None = None
    stacks: Bytes | None = None
    other: Bytes | None = None
    file: Bytes | None = None
    shared: Bytes | None = None


class Twins(NamedTuple):
    """Other processes of the same program with alike arguments, and their resident sets together."""

    number: int
    rss: Bytes


@dataclass(frozen=True, slots=True)
class Report:
    """One deep look. `complete_ratio` is the share of the resident set that the mappings account for, times that of the
    interpreter's pools that are not in swap.
    """

    origin: Origin
    sizes: Sizes
    bounds: Bounds
    threads: int
    thread_groups: tuple[ThreadGroup, ...] = ()
    mappings: Mappings | None = None
    complete_ratio: float | None = None
    advice: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    python: Python | None = None
    allocators: Mapping[str, Allocator] = field(default_factory=dict)
    split: Split | None = None
    twins: Twins | None = None
