"""What else decides in this pass: which process a PID or a pidfile means, and which ones have an agent?"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from brimwatch.config.settings import Match
from brimwatch.discover.agents import Agents
from brimwatch.discover.births import Births
from brimwatch.discover.pidfile import Pidfile, Pidfiles
from brimwatch.discover.rules import Moving, Residue
from brimwatch.discover.table import Process
from brimwatch.model import ProcessId


class Scene:
    """The moving parts of all matches.

    A PID means the process that had it when it was first looked for, and no other one ever; where none had it then, it
    means nobody.
    """

    def __init__(self, procfs: str, matches: Iterable[Match], agents: Agents, births: Births) -> None:
        every = [one for match in matches for one in _nested(match)]
        self.problems: Mapping[str, str] = {}  # pidfile to why it means nobody
        self._procfs = procfs
        self._pids = {match.pid for match in every if match.pid is not None}
        self._unmet = set(self._pids)
        self._paths = tuple(dict.fromkeys(match.pidfile for match in every if match.pidfile is not None))
        self._asks_agents = any(match.agent is not None for match in every)
        self._agents = agents
        self._pidfiles = Pidfiles(births)
        self._anchors: dict[int, ProcessId | None] = {}
        self._filed: Mapping[str, ProcessId] = {}
        self._spoken: frozenset[ProcessId] = frozenset()

    @property
    def denied(self) -> int:
        """Run directories that we may not list."""
        return self._agents.denied

    def inherit(self, before: Scene) -> None:
        """Go on after a reload: a PID keeps its meaning."""
        self._anchors = {pid: process for pid, process in before._anchors.items() if pid in self._pids}
        self._unmet -= self._anchors.keys()

    def look(self, rows: Mapping[int, Process]) -> bool:
        """Look again; True where any answer may have changed since the last pass."""
        for pid in self._unmet:
            row = rows.get(pid)
            self._anchors[pid] = None if row is None else row.identity
        self._unmet.clear()
        before = (self._filed, self._spoken)
        self._filed, self.problems = self._read_pidfiles(rows)
        if self._asks_agents:
            self._spoken = self._list_agents(rows)
        return before != (self._filed, self._spoken)

    def meant(self, match: Match) -> ProcessId | None:
        """The process that a match with `pid` or `pidfile` names."""
        if match.pid is not None:
            return self._anchors.get(match.pid)
        return None if match.pidfile is None else self._filed.get(match.pidfile)

    def holds(self, residue: Residue, process: ProcessId) -> bool:
        """Whether what was left to ask holds in this pass."""
        for key, value in residue.keys:
            if key is Moving.PID:
                met = self._anchors.get(int(value)) == process
            elif key is Moving.PIDFILE:
                met = self._filed.get(str(value)) == process
            else:
                met = (process in self._spoken) == value
            if not met:
                return False
        return residue.unless is None or not self.holds(residue.unless, process)

    def _read_pidfiles(self, rows: Mapping[int, Process]) -> tuple[dict[str, ProcessId], dict[str, str]]:
        filed: dict[str, ProcessId] = {}
        problems: dict[str, str] = {}
        for path in self._paths:
            found = self._pidfiles.read(path)
            row = None if found.pid is None else rows.get(found.pid)
            problem = found.problem or ("not_running" if row is None or row.dead else self._doubt(path, found, row))
            if problem is not None:
                problems[path] = problem
            elif row is not None:
                filed[path] = row.identity
        return filed, problems

    def _doubt(self, path: str, found: Pidfile, row: Process) -> str | None:
        if self._filed.get(path) == row.identity:
            return None
        uid = self._uid(row)
        return "not_running" if uid is None else self._pidfiles.believe(path, found, row.identity, uid)

    def _list_agents(self, rows: Mapping[int, Process]) -> frozenset[ProcessId]:
        def find(pid: int) -> ProcessId | None:
            row = rows.get(pid)
            return None if row is None else row.identity

        return self._agents.among(find, lambda: [row.identity for row in rows.values() if not row.kernel])

    def _uid(self, row: Process) -> int | None:
        try:
            return os.stat(f"{self._procfs}/{row.identity.pid}").st_uid
        except OSError:
            return None


def _nested(match: Match) -> Iterator[Match]:
    yield match
    if match.exclude is not None:
        yield from _nested(match.exclude)
