"""What does the web need of the daemon? Everything that it shows, or asks for, is handed in here.

The web imports no other stage. What it shows in detail it names as protocols, which the records of others fulfil; what
it only passes on as JSON it does not look into.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from brimwatch.web.auth import Access
from brimwatch.web.stream import Stream

Json = object  # plain values that json.dumps takes


class Answer(NamedTuple):
    """How a command ended, and what to tell the one who gave it. `status` is HTTP's, for one that failed."""

    ok: bool
    said: str
    value: Json = None
    status: int = 422


class Line(Protocol):
    """An event in one sentence."""

    @property
    def id(self) -> int: ...  # noqa: D102 - the names say it
    @property
    def wall(self) -> float: ...  # noqa: D102
    @property
    def level(self) -> str: ...  # noqa: D102
    @property
    def told(self) -> str: ...  # noqa: D102


class Row(Protocol):
    """One subject as the page shows it: sizes in bytes, times in seconds, None where nothing was measured."""

    @property
    def target(self) -> str: ...  # noqa: D102
    @property
    def member(self) -> int | None: ...  # noqa: D102
    @property
    def policy(self) -> str: ...  # noqa: D102
    @property
    def about(self) -> str: ...  # noqa: D102
    @property
    def tier(self) -> str: ...  # noqa: D102
    @property
    def since_wall(self) -> float: ...  # noqa: D102
    @property
    def resident(self) -> float | None: ...  # noqa: D102
    @property
    def limit(self) -> int | None: ...  # noqa: D102
    @property
    def limit_source(self) -> str | None: ...  # noqa: D102
    @property
    def headroom(self) -> int | None: ...  # noqa: D102
    @property
    def used_ratio(self) -> float | None: ...  # noqa: D102
    @property
    def growth(self) -> float | None: ...  # noqa: D102
    @property
    def time_to_limit(self) -> float | None: ...  # noqa: D102
    @property
    def age(self) -> float | None: ...  # noqa: D102
    @property
    def last(self) -> Line | None: ...  # noqa: D102


class Overview(Protocol):
    """What stands above the table."""

    @property
    def wall(self) -> float: ...  # noqa: D102
    @property
    def started_wall(self) -> float: ...  # noqa: D102
    @property
    def interval(self) -> float: ...  # noqa: D102
    @property
    def dry_run(self) -> bool: ...  # noqa: D102
    @property
    def config_ok(self) -> bool: ...  # noqa: D102
    @property
    def config_source(self) -> str: ...  # noqa: D102
    @property
    def tiers(self) -> Mapping[str, int]: ...  # noqa: D102
    @property
    def rows(self) -> int: ...  # noqa: D102
    @property
    def memory(self) -> int | None: ...  # noqa: D102
    @property
    def memory_used(self) -> float | None: ...  # noqa: D102


class Submit(Protocol):
    """Hands a command to the daemon and waits for its end."""

    def __call__(self, command: str, **arguments: str) -> Awaitable[Answer]:
        """Run `command`: `reload`, `reclaim` or `drill`."""


@dataclass(frozen=True, slots=True)
class Services:
    """The daemon as the web sees it. Nothing here may block; what is iterable is made piece by piece."""

    access: Access
    render_metrics: Callable[[str], Awaitable[tuple[bytes, str]]]  # Accept header -> body, content type
    status: Callable[[], Json]
    targets: Callable[[], Iterable[Json]]
    target: Callable[[str], Json]  # None: no such target
    events: Callable[[str | None, float | None, int], Iterable[Json]]  # target, since (id or Unix seconds), limit
    overview: Callable[[], Overview]
    rows: Callable[[int], Iterable[Row]]  # at most so many, the most urgent first
    lines: Callable[[int], Iterable[Line]]  # the latest so many events, the latest first
    healthy: Callable[[], tuple[bool, str]]
    ready: Callable[[], tuple[bool, str]]
    submit: Submit
    stream: Stream | None = None  # None: nothing can be followed
