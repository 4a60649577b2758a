"""Which processes have an agent that lies elsewhere: below a container's root, at an abstract address, at a user's own?

Looked for on a thread of its own every few seconds, because a path below a root that is not ours may hang. What looks
like an agent is connected to once, so that a name that anybody can take is not believed.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from itertools import islice

from brimwatch.agent.dial import Ground, dial, view_of
from brimwatch.agent.fault import AgentFault
from brimwatch.agent.peer import Peer, look_up
from brimwatch.agent.places import directories
from brimwatch.model import ProcessId
from brimwatch.procfs.root import open_directory, open_root

EVERY = 3.0  # seconds between two looks
STUCK = 10.0  # seconds after which a look hangs: what it was at is left alone from then on
MOST_STUCK = 2  # threads left behind
ROTATION = 8  # looks in which every process is asked again what it sees
FRESH = 3  # looks in which a new process is asked each time: containers change their root after they began
MOST = 1 << 14  # entries of a directory, lines of a table
MOST_USERS = 16  # of one container
_ABSTRACT = re.compile(rb" @brimwatch-[0-9]+-([1-9][0-9]{0,9})-([0-9]{1,20})$", re.M)

View = tuple[str, str]


class _Seen:
    """What is known of one process."""

    __slots__ = ("looks", "peer", "view")

    def __init__(self) -> None:
        self.view: View | None = None  # None: the same files as we see, or not ours to know
        self.peer: Peer | None = None
        self.looks = 0


class Elsewhere:
    """Agents that a listing of the run directories does not show."""

    def __init__(self, ground: Ground, every: float = EVERY, clock: Callable[[], float] = time.monotonic) -> None:
        self.ground = ground
        self._every = every
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._left_behind: list[threading.Thread] = []
        self._began = float("-inf")
        self._at: View | None = None
        self._avoided: set[View] = set()
        self._seen: dict[ProcessId, _Seen] = {}
        self._found: frozenset[ProcessId] = frozenset()
        self._uids: frozenset[int] = frozenset()

    @property
    def directories(self) -> tuple[str, ...]:
        """The run directories of all users that processes have, as we see them."""
        return tuple(path for uid in sorted(self._uids) for path in directories(self.ground.run_dir, uid))

    def look(self, everyone: Callable[[], Iterable[ProcessId]]) -> frozenset[ProcessId]:
        """What the last look found; begins another where one is due. Waits for nothing."""
        now = self._clock()
        if now - self._began >= self._every and self._may_begin(now):
            self._began = now
            processes = tuple(everyone())
            self._thread = threading.Thread(target=self._survey, args=(processes,), name="agents", daemon=True)
            self._thread.start()
        return self._found

    def wait(self, seconds: float) -> None:
        """Wait for a look that is under way, so many seconds at most."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _may_begin(self, now: float) -> bool:
        if self._thread is None or not self._thread.is_alive():
            return True
        if now - self._began < STUCK:
            return False
        self._left_behind = [thread for thread in self._left_behind if thread.is_alive()]
        if len(self._left_behind) >= MOST_STUCK:
            return False
        self._left_behind.append(self._thread)
        if self._at is not None:
            self._avoided.add(self._at)
        return True

    # What follows runs on the thread.

    def _survey(self, processes: tuple[ProcessId, ...]) -> None:
        me = threading.current_thread()
        seen = {process: self._seen.get(process) or _Seen() for process in processes}
        rooms, uids = self._who_sees_what(seen)
        found = set()
        abstract = self._abstract_names()
        for process in seen:
            if process in abstract and self._answers(process, seen[process], None):
                found.add(process)
        for view, members in rooms.items():
            if view not in self._avoided:
                self._at = view
                found |= self._in_room(view, members, seen, abstract)
                self._at = None
        if self._thread is me:  # else it was given up
            self._seen, self._found, self._uids = seen, frozenset(found), frozenset(uids)

    def _who_sees_what(self, seen: dict[ProcessId, _Seen]) -> tuple[dict[View, list[ProcessId]], set[int]]:
        """The processes by what they see, those left out that see what we see; and all users."""
        procfs, ours = self.ground.procfs, view_of("/proc/self")
        rooms: dict[View, list[ProcessId]] = {}
        uids = set(self._uids)
        for process, one in seen.items():
            if one.looks < FRESH or (process.pid + one.looks) % ROTATION == 0:
                try:
                    uids.add(os.stat(f"{procfs}/{process.pid}").st_uid)
                    view = view_of(f"{procfs}/{process.pid}")
                except OSError:
                    view = ours
                if (None if view == ours else view) != one.view:
                    one.view, one.peer = None if view == ours else view, None
            one.looks += 1
            if one.view is not None:
                rooms.setdefault(one.view, []).append(process)
        return rooms, uids

    def _abstract_names(self) -> set[tuple[int, int]]:
        """PID and start time of every abstract address that could be an agent's, as they say. Source: proc_net(5)."""
        try:
            with open("/proc/net/unix", "rb") as table:
                lines = b"".join(islice(table, MOST))
        except OSError:
            return set()
        return {(int(pid), int(ticks)) for pid, ticks in _ABSTRACT.findall(lines)}

    def _in_room(
        self, view: View, members: list[ProcessId], seen: dict[ProcessId, _Seen], abstract: set[tuple[int, int]]
    ) -> set[ProcessId]:
        peers = [peer for process in members if (peer := self._peer(process, seen[process])) is not None]
        names: set[str] = set()
        for uid in sorted({peer.own_uid for peer in peers})[:MOST_USERS]:
            for path in directories(self.ground.run_dir, uid):
                names |= self._listed(members, path)
        found = set()
        for peer in peers:
            named = not names.isdisjoint(peer.names) or (peer.own_pid, peer.process.start_ticks) in abstract
            if named and self._answers(peer.process, seen[peer.process], view):
                found.add(peer.process)
        return found

    def _listed(self, members: list[ProcessId], path: str) -> set[str]:
        """The names in a directory of a container, by way of any of its processes."""
        for process in members[:4]:
            try:
                root = open_root(self.ground.procfs, process)
            except OSError:
                continue  # gone, or not ours to enter
            try:
                held = open_directory(root, path, frozenset())
            except OSError:
                return set()
            finally:
                os.close(root)
            try:
                readable = os.open(f"/proc/self/fd/{held}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                return set()
            finally:
                os.close(held)
            try:
                with os.scandir(readable) as entries:
                    return {entry.name for entry in islice(entries, MOST)}
            except OSError:
                return set()
            finally:
                os.close(readable)
        return set()

    def _peer(self, process: ProcessId, one: _Seen) -> Peer | None:
        if one.peer is None or one.looks <= FRESH:
            try:
                one.peer = look_up(self.ground.procfs, process)
            except AgentFault:
                return None
        return one.peer

    def _answers(self, process: ProcessId, one: _Seen, view: View | None) -> bool:
        """Whether it can be reached, which is asked once; then its name is enough."""
        if process in self._found:
            return True
        peer = self._peer(process, one)
        if peer is None:
            return False
        try:
            dial(self.ground, peer, inside=view is not None).close()
        except (AgentFault, OSError):
            return False
        return True
