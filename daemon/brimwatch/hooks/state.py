"""What does one process know? Its hooks, its tier, whose turn it is, and what an install asked for."""

from __future__ import annotations

import os
import time

from brimwatch.hooks.builtin import add_builtin
from brimwatch.hooks.census import Census
from brimwatch.hooks.collect import HERITAGE
from brimwatch.hooks.errand import MainThread
from brimwatch.hooks.figures import Figures
from brimwatch.hooks.lane import Lane, run_beside
from brimwatch.hooks.limit import memory_limit
from brimwatch.hooks.process import rss, start_ticks
from brimwatch.hooks.registry import Registry
from brimwatch.hooks.request import Request
from brimwatch.hooks.round import Round, Turn
from brimwatch.hooks.tiers import Judgement, Lease
from brimwatch.hooks.wire import DEADLINE_SECONDS, NO_DAEMON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LIMIT_FRESH = 60.0  # seconds


class State:
    """One for each process and copy of the package; made by the first call that needs it."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.main = MainThread()
        self.judgement = Judgement()
        self.census = Census()
        self.run_on: Any = "agent"
        self.run_dir: str | None = None
        self.forked = False
        self._limit: tuple[float, tuple[int, str] | None] | None = None
        add_builtin(registry)
        self.renew()

    def renew(self) -> None:
        """Everything that belongs to one process alone: made at the start, and again in a forked child."""
        self.ticks = start_ticks()
        self.turn = Turn()
        self.lease = Lease(is_alive)
        self.figures = Figures()
        self.aside = Lane("brimwatch-aside")
        self.untold: str | None = None  # a tier that subscribers have not heard of yet

    def after_fork(self) -> None:
        """In the child: what another thread held or did at the time of the fork is not done here."""
        self.forked = True
        HERITAGE.after_fork()
        self.main.forget_errands()
        self.renew()

    def limit(self) -> tuple[int, str] | None:
        """Bytes and source of the tightest limit; read anew once a minute."""
        now = time.monotonic()
        if self._limit is None or now - self._limit[0] >= _LIMIT_FRESH:
            self._limit = (now, memory_limit())
        return self._limit[1]

    def round(self, request: Request, names: tuple[str, ...] | None, group: str | None = None) -> Round | None:
        """A round that has the turn, and is to be run; None while another one has it."""
        wanted = Round(self.registry.chosen(request.tier, names, group), request, self.run_on, self.main)
        return wanted if self.turn.take(wanted) else None

    def look(self, now: float) -> None:
        """What is to be done without being asked: judge ourselves where nobody tells us, tell who wants to know."""
        watched = bool(self.judgement.thresholds) and not self.judgement.told(now)
        size = rss() if watched else None
        if self.judgement.judge(size, now):
            self.untold = self.judgement.tier
        # While a round is under way, what is due stays due.
        if self.turn.round is None and self.judgement.due(now):
            self._help_ourselves(size)
        self.tell_subscribers()

    def _help_ourselves(self, size: int | None) -> None:
        judged = self.judgement
        request = Request(judged.tier, DEADLINE_SECONDS, judged.needed(size), judged.severity(size), NO_DAEMON)
        begun = self.round(request, None)
        if begun is not None:
            self.begin(begun)

    def begin(self, begun: Round) -> None:
        """Run a round beside the agent. Its turn is this process's: a hook may fork, and the child has another."""
        turn = self.turn
        try:
            run_beside(lambda: begun.run(turn), "brimwatch-hooks")
        except MemoryError:  # nothing was begun
            turn.give_back()
            raise

    def forget_tier(self) -> None:
        """Nobody judges any more: what was put off while memory was short is not put off for ever."""
        self.untold = None
        if self.judgement.forget() and self.registry.subscribers:
            tier = self.judgement.tier
            run_beside(lambda: tell(self.registry, tier), "brimwatch-aside")  # no agent would try again later

    def tell_subscribers(self) -> None:
        """Begin to tell them of the last change; only the last one counts."""
        tier = self.untold
        if tier is not None and not self.aside.busy:
            if self.registry.subscribers:
                self.aside.start(lambda: tell(self.registry, tier))
            self.untold = None  # only now: where nothing could be begun, it is still to be told

    def ask_figures(self) -> None:
        """Begin to ask the program for its figures."""
        self.aside.start(lambda: self.figures.refresh(self.registry))


def tell(registry: Registry, tier: str) -> None:
    """Tell every subscriber, on this thread; one that raises is counted and keeps nobody from hearing."""
    for callback in registry.subscribers:
        if not _heard(callback, tier):  # which may count as well: not read before it
            registry.deaf += 1


def _heard(callback: Callable[[str], Any], tier: str) -> bool:
    try:
        callback(tier)
    except BaseException:  # noqa: BLE001 - a stranger's callback: SystemExit would end the round
        return False
    return True


def is_alive(pid: int) -> bool:
    """Whether there is a process of that PID, as far as we can see."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
