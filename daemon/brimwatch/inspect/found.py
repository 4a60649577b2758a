"""What may be asked of the inside of a process, and what is found there? Facts alone, light to import.

The daemon hears of them from its worker, and does without the readers.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from brimwatch.model import ProcessId
from brimwatch.units import Bytes, Seconds

NO_POOLS = "it has no pools: PYTHONMALLOC=malloc, or a build without pymalloc"
FREE_THREADED = "a free-threaded build, which keeps its objects in another allocator"
PERMANENT = frozenset({NO_POOLS, FREE_THREADED})  # will not pass while this program runs


class Want(enum.StrEnum):
    """What may be asked for; what it costs differs by a thousand."""

    THREADS = "threads"
    POOLS = "pools"
    ARENAS = "arenas"
    OBJECTS = "objects"
    TYPES = "types"
    STACKS = "stacks"  # how much memory they take


class Missing(NamedTuple):
    """Something that could not be read, and why."""

    what: str
    why: str


class Pools(NamedTuple):
    """What was counted. `held` is the pools that are there, `used` the blocks in them that are in use; bytes.

    `swapped` pools were left out. `whole` is False where the CPU time that was granted did not suffice.
    """

    blocks: int
    used: Bytes
    held: Bytes
    pools: int
    empty: int
    swapped: int
    whole: bool

    @property
    def complete_ratio(self) -> float:
        """The share of the pools that were counted."""
        seen = self.pools + self.empty
        return 1.0 if not self.swapped else seen / (seen + self.swapped)


class Arenas(NamedTuple):
    """What was counted, in bytes. `trimmable` is resident: it would come back. `whole`: every chain closed in time.

    `held` and `free` are addresses, many of which may never have been touched; `resident` is what is there of the heaps
    of all arenas, `free_resident` what is there of free chunks. Not in it: blocks that were mapped on their own.
    """

    arenas: int
    held: Bytes
    free: Bytes
    trimmable: Bytes
    chunks: int
    whole: bool
    resident: Bytes = Bytes(0)
    free_resident: Bytes = Bytes(0)
    free_elsewhere: Bytes = Bytes(0)  # of `free_resident`, in other arenas than the main one

    @property
    def used(self) -> Bytes:
        """What is there and handed out, with the headers of the chunks."""
        return Bytes(max(0, self.resident - self.free_resident))


class Interpreter(NamedTuple):
    """A Python interpreter in a process. `version` is (3, 11, 7); its last part is None where only a path told it.

    `state` is the address of the main interpreter's state, `threads` how many it has; both are None where nothing that
    holds together was found.
    """

    version: tuple[int, int, int | None]
    free_threaded: bool
    image: str
    runtime: int
    runtime_size: int
    state: int | None
    threads: int | None
    head: int | None = None  # where the list of its threads begins: asked first when it is looked at again


class TypeShare(NamedTuple):
    """A type, and estimates of how many live objects it has and how many bytes of pools they take."""

    name: str
    objects: int
    bytes: Bytes


@dataclass(frozen=True, slots=True)
class Census:
    """One look inside a process. `cpu`: seconds of CPU time it took; `read`: bytes of its memory that were read.

    `python` is the interpreter, None where there is none or nothing of it may be read.
    """

    process: ProcessId
    python: Interpreter | None = None
    pools: Pools | None = None
    arenas: Arenas | None = None
    objects: int | None = None
    types: tuple[TypeShare, ...] = ()
    stacks: Bytes | None = None
    swapped: int = 0
    cpu: Seconds = Seconds(0.0)
    objects_cpu: Seconds = Seconds(0.0)  # of which the walk over the objects
    read: int = 0
    missing: tuple[Missing, ...] = ()
    denied: bool = False  # it may not be read

    @property
    def complete_ratio(self) -> float:
        """The share of what was looked for that could be looked at: less where pages are in swap."""
        return 1.0 if self.pools is None else self.pools.complete_ratio

    @property
    def threads(self) -> int | None:
        """Threads that have a Python state."""
        return None if self.python is None else self.python.threads
