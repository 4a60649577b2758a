"""What was changed, what was there before, and who sees to it that it is put back?

A change is recorded before it is made, and the record outlives a killed daemon. Does *not* cover the record's file
(`undo_store`) nor when something is undone (`runtime.keeper`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from brimwatch.act.refused import Refused
from brimwatch.model import ProcessId, Reason
from brimwatch.procfs.cgroup_place import Directory, Place
from brimwatch.units import Bytes, Seconds


@dataclass(frozen=True, slots=True)
class CgroupChange:
    """`memory.high` of one cgroup, which device and inode tell from a later one of the same name. None: no limit."""

    place: Place
    device: int
    inode: int
    ours: Bytes
    before: Bytes | None

    @property
    def key(self) -> tuple[object, ...]:
        """What only one change can be in force for."""
        return ("cgroup", self.device, self.inode)


@dataclass(frozen=True, slots=True)
class LimitChange:
    """The soft RLIMIT_DATA of one process. `ours` is not a whole number of pages: nobody else has set just that."""

    process: ProcessId
    ours: Bytes
    before: Bytes | None

    @property
    def key(self) -> tuple[object, ...]:
        """What only one change can be in force for."""
        return ("rlimit", *self.process)


Change = CgroupChange | LimitChange


@dataclass(frozen=True, slots=True)
class Undo:
    """One record. `made` and `until` are Unix seconds; without `until` it stays until the target has recovered."""

    action: str
    target: str
    made: float
    until: float | None
    boot: str
    change: Change


class State(NamedTuple):
    """What became of an attempt to put something back. `gone`: there was nothing left to put back."""

    detail: str
    gone: bool = False


class Hold:
    """A change that is in force, or about to be. One thread makes it, another takes it back: never both at once."""

    __slots__ = ("_directory", "_ended", "_lock", "_revoked", "undo")

    def __init__(self, undo: Undo) -> None:
        self.undo = undo
        self._directory: Directory | None = None
        self._lock = threading.Lock()
        self._revoked = False
        self._ended: State | None = None

    def make(self, write: Callable[[], None], directory: Directory | None = None) -> None:
        """Make the change. Raises Refused where it was taken back before it was made, and what `write` raises.

        Once it is made, the `directory` belongs to the hold: when the change is taken back, the way to it may be gone.
        """
        with self._lock:
            if self._revoked:
                raise Refused(Reason.STOPPED, "it was called off before it began")
            write()
            self._directory = directory

    def take_back(self, restore: Callable[[Change, Directory | None], State]) -> State:
        """Put back what was there before, once, and let it be made no more. Raises what `restore` raises."""
        with self._lock:
            self._revoked = True
            if self._ended is None:  # an undo that was given up as late may have come to its end all the same
                self._ended = restore(self.undo.change, self._directory)
                if self._directory is not None:
                    self._directory.close()
                    self._directory = None
            return self._ended


class Brakes(Protocol):
    """Who keeps the records, for one attempt of one action. Its methods may be called from any thread."""

    def begin(self, change: Change, lasts: Seconds | None) -> Hold:
        """Record a change that is about to be made, for at most `lasts`; None: until the target has recovered.

        Raises Refused where such a change is in force already, where no record can be written, or at a stop.
        """

    def abandon(self, hold: Hold) -> None:
        """The change was not made: forget it."""
