"""What does an operation cost, and is there room for it at all? `hooks.memory_guard`."""

from __future__ import annotations

import _thread
import sys
import time

from brimwatch.hooks import api
from brimwatch.hooks.amounts import amount
from brimwatch.hooks.block import enrol
from brimwatch.hooks.forking import FORKING
from brimwatch.hooks.headroom import headroom
from brimwatch.hooks.process import peak_rss, rss
from brimwatch.hooks.registry import check_name
from brimwatch.hooks.wire import MOST_HOOKS
from brimwatch.hooks.wrapping import around, pop, push, wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Function = TypeVar("Function", bound=Callable[..., Any])

LOGGER = "brimwatch.hooks"


class MemoryRefused(MemoryError):  # noqa: N818 - nothing is wrong: it was decided not to begin
    """There is no room: nothing was allocated. `needed_bytes`, `headroom_bytes`, and whose they are as `source`."""

    def __init__(self, name: str, needed: int, left: int, source: str) -> None:
        super().__init__(f"{name} needs {needed} bytes, found {left} bytes below the limit of the {source}")
        self.name, self.needed_bytes, self.headroom_bytes, self.source = name, needed, left, source


class Cost:
    """What one guarded run took: `seconds`, `cost_bytes` (by how much the resident set grew; may be negative),
    `peak_bytes` (how far above its start the resident set was; None unless the process was never as large before) and
    `shared`: others were guarded at the time, and the figures are of them all.
    """  # fmt: skip

    __slots__ = ("_began", "_peak", "before_bytes", "cost_bytes", "name", "needs", "peak_bytes", "seconds", "shared")

    def __init__(self, name: str, needs: int) -> None:
        self.name, self.needs, self.shared = name, needs, False
        self.before_bytes = rss()
        self._peak, self._began = peak_rss(), time.perf_counter()
        self.seconds: float | None = None
        self.cost_bytes: int | None = None
        self.peak_bytes: int | None = None

    def finish(self) -> None:
        """It is over."""
        self.seconds = time.perf_counter() - self._began
        after, peak = rss(), peak_rss()
        if after is not None and self.before_bytes is not None:
            self.cost_bytes = after - self.before_bytes
            if peak is not None and self._peak is not None and peak > self._peak:
                self.peak_bytes = peak - self.before_bytes

    def __repr__(self) -> str:
        return f"<Cost of {self.name}: {self.cost_bytes} bytes, {self.seconds} s>"


class Record:
    """What the guards of one name have seen; it is the hook."""

    def __init__(self, name: str) -> None:
        self.calls = self.refused = self.reclaims = 0
        self.seconds = 0.0
        self.last: Cost | None = None
        self.largest: int | None = None
        self.name = name
        enrol(self, f"guard:{name}")

    def size_bytes(self) -> int:
        """Bytes of the record itself."""
        return sum(map(sys.getsizeof, (self, self.__dict__, self.last)))

    def info(self) -> dict[str, float]:
        """Figures for metrics."""
        last = self.last
        found: dict[str, float | None] = {
            "calls": self.calls,
            "refused": self.refused,
            "reclaims": self.reclaims,
            "seconds": self.seconds,
            "largest_cost_bytes": self.largest,
        }
        if last is not None:
            found.update(cost_bytes=last.cost_bytes, peak_bytes=last.peak_bytes, last_seconds=last.seconds)
        return {key: value for key, value in found.items() if value is not None}


class Guards:
    """All guards of this process: who is inside, and how much they have asked for."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.inside: dict[int, Cost] = {}
        self.lock = _thread.RLock()

    def record(self, name: str) -> Record:
        """The one of that name; beyond 64 names all others share one."""
        with self.lock:
            if name not in self.records and len(self.records) >= MOST_HOOKS:
                name = "others"
            if name not in self.records:
                self.records[name] = Record(name)
            return self.records[name]

    def promised(self, size: int | None) -> int:
        """Bytes that guards beside this context have asked for and not yet taken, as far as the resident set tells."""
        mine = set(map(id, around()))
        others = [cost for key, cost in self.inside.items() if key not in mine and cost.needs]
        starts = [cost.before_bytes for cost in others if cost.before_bytes is not None]
        taken = max(0, size - min(starts)) if starts and size is not None else 0
        return max(0, sum(cost.needs for cost in others) - taken)

    def stray(self, name: str) -> Cost | None:
        """One of that name that is left in another context than it was entered in."""
        return next((cost for cost in list(self.inside.values()) if cost.name == name), None)

    def enter(self, cost: Cost) -> None:
        """One more is inside; with others there its figures are of them all."""
        for other in self.inside.values():
            other.shared = cost.shared = True
        self.inside[id(cost)] = cost

    def after_fork(self, _intact: bool) -> None:
        """In a forked child: other threads, and what they were about to allocate, are not there."""
        mine = set(map(id, around()))
        self.inside = {key: cost for key, cost in self.inside.items() if key in mine}


GUARDS = Guards()


class memory_guard:  # noqa: N801 - used as a decorator and in `with`, like contextlib.suppress
    """Measures what runs inside, and with `needs` refuses to begin where that does not fit: `with` or decorator.

    `needs`: bytes, or such as `"200MB"`. If less is left, the hooks of critical and below run once; if it still is,
    MemoryRefused is raised. `limit`: of the resident set; else that of the cgroups and the machine. What other guards
    were granted and have not taken yet is not there for this one, those around it excepted. `with ... as cost` gives
    the `Cost`, complete at the end. It also goes to the log `brimwatch.hooks` where the program has imported logging
    (nothing is set up), and to metrics as `guard:` and the name. Raises ValueError for arguments that cannot be.
    """

    def __init__(self, name: str, needs: int | str = 0, limit: int | str | None = None) -> None:
        self._needs = amount(needs, "hooks.memory_guard")
        self._limit = None if limit is None else amount(limit, "hooks.memory_guard")
        check_name(name)
        check_name(f"guard:{name}")
        self._name = name
        self._record = GUARDS.record(name)
        FORKING.mind(GUARDS)

    def __call__(self, function: Function) -> Function:
        """Decorator, of async functions too. Raises ValueError for a generator function."""
        return wrapped(function, lambda: self, "hooks.memory_guard")

    def __enter__(self) -> Cost:
        cost = self._granted() or self._reclaimed()
        try:
            push(self, cost)
        except BaseException:  # a Ctrl-C: what nobody will leave would be promised for ever
            GUARDS.inside.pop(id(cost), None)
            raise
        return cost

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        cost: Cost | None = pop(self) or GUARDS.stray(self._name)
        if cost is None:
            return
        cost.finish()
        with GUARDS.lock:
            GUARDS.inside.pop(id(cost), None)
            record = self._record
            record.calls, record.last, record.seconds = record.calls + 1, cost, record.seconds + (cost.seconds or 0.0)
            if cost.cost_bytes is not None:
                record.largest = max(cost.cost_bytes, cost.cost_bytes if record.largest is None else record.largest)
        _log(
            "info", "memory_guard %s: cost_bytes=%s peak_bytes=%s seconds=%.6f shared=%s ended=%s",
            self._name, cost.cost_bytes, cost.peak_bytes, cost.seconds, cost.shared, getattr(kind, "__name__", "well"),
        )  # fmt: skip

    def _granted(self) -> Cost | None:
        """Enter if there is room; None where there is not."""
        with GUARDS.lock:
            if self._needs and self._missing()[0] > 0:
                return None
            cost = Cost(self._name, self._needs)
            GUARDS.enter(cost)
            return cost

    def _reclaimed(self) -> Cost:
        missing = self._missing()[0]
        api.reclaim("critical", needed_bytes=max(1, missing), reason="memory_guard")
        with GUARDS.lock:
            self._record.reclaims += 1
            cost = self._granted()
            if cost is not None:
                return cost
            self._record.refused += 1
            _, left, source = self._missing()
        _log(
            "warning", "memory_guard %s: refused needs_bytes=%s headroom_bytes=%s source=%s",
            self._name, self._needs, left, source,
        )  # fmt: skip
        raise MemoryRefused(self._name, self._needs, left, source)

    def _missing(self) -> tuple[int, int, str]:
        """Bytes that are missing, bytes that are left, and of whose; where nothing can be read nothing is missing."""
        size = rss()
        found = headroom() if self._limit is None else None if size is None else (self._limit - size, "guard")
        if found is None:
            return 0, 0, "nobody"
        left = found[0] - GUARDS.promised(size)
        return self._needs - left, left, found[1]


def _log(level: str, text: str, *values: object) -> None:
    logging: Any = sys.modules.get("logging")
    if logging is None:
        return
    logger = logging.getLogger(LOGGER)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # or a program without logging would see warnings on standard error
    getattr(logger, level)(text, *values)
