"""What has a memory cgroup used right now, and how far is that from the nearest limit on the way up?"""

from __future__ import annotations

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.cgroup_memory import CgroupMemory
from brimwatch.procfs.descriptor import HeldFile
from brimwatch.procfs.memory_files import parse_amount, parse_oom_kills
from brimwatch.sample.cgroup_read import MemoryFound
from brimwatch.units import Bytes


class CgroupUsage:
    """The last slow look at a cgroup, kept up to date by its usage file. Sizes are bytes, times monotonic seconds."""

    __slots__ = ("_events", "_file", "_kills", "_new_kills", "_text", "at", "memory", "working_set")

    def __init__(self) -> None:
        self.at = float("-inf")
        self.memory: CgroupMemory | None = None
        self.working_set = Bytes(0)
        self._file: HeldFile | None = None
        self._events: HeldFile | None = None
        self._text = b""
        self._kills: int | None = None
        self._new_kills = 0

    @property
    def held(self) -> bool:
        """Whether the files of `memory.place` are open."""
        return self._file is not None

    @property
    def events_descriptor(self) -> int:
        """The open events file, whose poll tells that something happened (v2); -1 where there is none."""
        return -1 if self._events is None else self._events.descriptor

    def take(self, found: MemoryFound, now: float) -> None:
        """What a slow read brought."""
        self.at, self.memory = now, found.memory
        if found.usage is not None or found.memory is None:
            self.close()
            self._file, self._events = found.usage, found.events
        if found.memory is not None:
            self._text, self.working_set = b"", found.memory.working_set
            if found.memory.oom_kills is not None:
                self._count(found.memory.oom_kills)

    def forget(self) -> None:
        """The cgroup is gone, or out of reach: nothing is known of it any more."""
        self.close()
        self.at, self.memory = float("-inf"), None

    def renew(self) -> bool:
        """Read the usage anew; inactive file pages are those of the last slow look. False where it cannot be read."""
        memory, file = self.memory, self._file
        # Opening takes a walk through a target's root: that is for a lane to do, not for a look.
        if memory is None or file is None or not (file.held or memory.place.through is None):
            return False
        try:
            text = file.read()
            if text != self._text:
                self.working_set = Bytes(max(0, parse_amount(text, "usage") - memory.inactive_file))
                self._text = text
        except (OSError, MalformedProcFile):
            return False
        return True

    def headroom(self) -> Bytes | None:
        """The smallest distance to a limit on the way up; what this cgroup has grown since is charged above it too."""
        memory = self.memory
        if memory is None:
            return None
        rooms = []
        if memory.own_limit is not None:
            rooms.append(memory.own_limit - self.working_set)
        if memory.above is not None:
            rooms.append(memory.above - (self.working_set - memory.working_set))
        return Bytes(min(rooms)) if rooms else None

    def take_oom_kills(self) -> int:
        """Kills since this was last asked; what was before the cgroup was first seen does not count."""
        kills, self._new_kills = self._new_kills, 0
        return kills

    def look_for_oom_kills(self) -> bool:
        """Count at once: a cgroup is often removed soon after its last process. False where it cannot be read."""
        if self._events is None:
            return False
        try:
            kills = parse_oom_kills(self._events.read())
        except (OSError, MalformedProcFile):
            return False
        if kills is not None:
            self._count(kills)
        return True

    def close(self) -> None:
        """Give the descriptors back."""
        for file in (self._file, self._events):
            if file is not None:
                file.close()
        self._file = self._events = None

    def _count(self, kills: int) -> None:
        if self._kills is not None:
            self._new_kills += kills - self._kills if kills >= self._kills else kills  # fewer: it was made anew
        self._kills = kills
