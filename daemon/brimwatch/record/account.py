"""What is known of a guarded command once it has ended?

Sizes are bytes, `wall` times Unix seconds. What could not be measured is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Mark(NamedTuple):
    """A size, what it is called (`mark`, `emergency`, `limit`), and when it was passed or would have been."""

    size: int
    what: str
    wall: float


class Entry(NamedTuple):
    """A tier that was entered, and why, in words."""

    tier: str
    wall: float
    because: str


class Deed(NamedTuple):
    """A rung that ended: `result` is ran, failed or suppressed; `wall` is when it was started."""

    action: str
    tier: str
    result: str
    wall: float
    reclaimed: int | None = None
    reason: str | None = None
    detail: str | None = None


class Left(NamedTuple):
    """A process of the command that outlives it."""

    pid: int
    comm: str


@dataclass(frozen=True, slots=True)
class Account:
    """The whole of one run. `code` is the command's own: negative for a signal.

    Peaks: `peak_process` is the kernel's (ru_maxrss: the largest single process), which is never below `floor`, what it
    held before it was the command; `peak_group` the largest sum that was sampled of all its processes.
    """

    command: str
    pid: int
    started: float
    ended: float
    code: int
    cpu: float
    peak_process: int
    floor: int
    looks: int = 0
    start: int | None = None
    last: int | None = None
    peak_group: int | None = None
    most_processes: int = 0
    growth: float | None = None  # bytes per second
    limit: int | None = None
    limit_source: str = ""
    least_headroom: int | None = None
    entries: tuple[Entry, ...] = ()
    deeds: tuple[Deed, ...] = ()
    passed: tuple[Mark, ...] = ()
    ahead: tuple[Mark, ...] = ()
    oom_kills: Mapping[str, int] = field(default_factory=dict)  # evidence to count
    ended_by_us: bool = False
    left: tuple[Left, ...] = ()
    unwatched: str = ""  # why it was not watched to its end
    orphans: int = 0

    @property
    def exit_code(self) -> int:
        """What a shell makes of it: 128 and the signal's number where it died of one."""
        return 128 - self.code if self.code < 0 else self.code

    @property
    def peak(self) -> int:
        """The largest figure known."""
        return max(self.peak_process, self.peak_group or 0)

    @property
    def reclaimed(self) -> int:
        """What all rungs won back together."""
        return sum(deed.reclaimed or 0 for deed in self.deeds)

    @property
    def reduction(self) -> float | None:
        """1 - the last resident set seen / the largest; None where that says nothing."""
        if self.last is None or not self.peak_group:
            return None
        return 1 - self.last / self.peak_group
