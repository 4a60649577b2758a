"""How does a program stop taking work on while memory is short, and begin again by itself? `hooks.CircuitBreaker`.

Other breakers (pybreaker, circuitbreaker) count exceptions of what they guard; this one opens before there are any, on
the tier or the resident set. The rules are in `breaker_states`.
"""

from __future__ import annotations

import _thread
import math
import random
import sys
import time

from brimwatch.hooks.amounts import amount
from brimwatch.hooks.arguments import check_count, check_number
from brimwatch.hooks.block import enrol
from brimwatch.hooks.breaker_states import CLOSED, HALF_OPEN, OPEN, Phase, Rules, admit, finish, look
from brimwatch.hooks.following import rank
from brimwatch.hooks.following import tier as current_tier
from brimwatch.hooks.process import rss
from brimwatch.hooks.registry import check_tier
from brimwatch.hooks.tiers import LEAVE_RATIO
from brimwatch.hooks.wrapping import pop, push, wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Function = TypeVar("Function", bound=Callable[..., Any])

WARNING_BYTES, OPEN_BYTES = 1_000_000_000, 1_500_000_000
FRESH = 0.05  # seconds for which a look at the resident set is good
_STATES = {CLOSED: 0, HALF_OPEN: 1, OPEN: 2}


class CircuitOpen(Exception):  # noqa: N818 - a state, as in other breakers
    """Memory is short: not now. `retry_after` are seconds, `headers` what a 503 answer should carry."""

    def __init__(self, name: str, retry_after: float, why: str) -> None:
        super().__init__(f"{name} is open ({why}), try again in {retry_after:.1f} s")
        self.name, self.retry_after, self.why = name, retry_after, why
        self.headers = {"Retry-After": str(max(1, math.ceil(retry_after)))}


class CircuitBreaker:
    """Lets calls through while memory lasts: as a decorator (of async functions too), by `with`, or by `allow()`.

    It opens when the tier reaches `tier`. `open_at`: it opens as well at that many resident bytes, until they are
    below 90 % of it; `warn_at`: from there `warned` is true. While nobody tells a tier, these are 1 GB and 1.5 GB if
    not said. A MemoryError in a guarded call opens it too. It stays open for `wait` seconds, doubled each time up to
    `longest_wait`, less up to a share `jitter` by chance; then `trials` calls may try, and it closes if they end well.
    `clock`: seconds that only grow. `size`: resident bytes or None. Raises ValueError for arguments that cannot be.
    """

    def __init__(
        self,
        name: str = "breaker",
        *,
        tier: str = "critical",
        warn_at: int | str | None = None,
        open_at: int | str | None = None,
        wait: float = 1.0,
        longest_wait: float = 60.0,
        trials: int = 1,
        jitter: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
        size: Callable[[], int | None] = rss,
    ) -> None:
        check_tier(tier)
        where = "hooks.CircuitBreaker"
        self._warn_at = None if warn_at is None else amount(warn_at, where)
        self._open_at = None if open_at is None else amount(open_at, where)
        check_number(f"{where}: wait", wait, 0)
        check_number(f"{where}: longest_wait", longest_wait, 0)
        if not 0 < wait <= longest_wait < math.inf:
            raise ValueError(
                f"{where}: found wait={wait!r:.40}, longest_wait={longest_wait!r:.40}, wanted 0 < wait <= it"
            )
        check_count(f"{where}: trials", trials, 1)
        check_number(f"{where}: jitter", jitter, 0, 1)
        self._tier, self._clock, self._size = tier, clock, size
        self._rules = Rules(float(wait), float(longest_wait), trials, float(jitter))
        self._phase = Phase()
        self._seen: tuple[float, int | None] | None = None
        self._over = False  # at or above `open_at`, and not yet below 90 % of it
        self.lock = _thread.RLock()  # a signal's handler may ask while its thread asks
        self._why = ""
        self.refused = self.opened = 0
        self.name = name
        enrol(self, name)

    @property
    def state(self) -> str:
        """`closed`, `open` or `half_open`, now."""
        with self.lock:
            return self._look().name

    @property
    def warned(self) -> bool:
        """Whether it is time to be sparing: the tier is above calm, or the resident set at or above `warn_at`."""
        size, level = self._resident(self._clock()), self._levels()[0]
        return rank(current_tier()) > 0 or (level is not None and size is not None and size >= level)

    def allow(self) -> bool:
        """Whether a call may begin now. A trial counts as gone well: use `with` where it may fail."""
        try:
            self._end(self._begin(), True)
        except CircuitOpen:
            return False
        return True

    def __call__(self, function: Function) -> Function:
        """Decorator. Raises ValueError for a generator function, which does its work after it has returned."""
        return wrapped(function, lambda: self, "hooks.CircuitBreaker")

    def __enter__(self) -> CircuitBreaker:
        push(self, self._begin())
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._end(pop(self), kind is None or not issubclass(kind, MemoryError))

    def tier_changed(self, _tier: str) -> None:
        """The tier has changed."""
        with self.lock:
            self._look()

    def size_bytes(self) -> int:
        """Bytes of the breaker itself; it holds nothing else."""
        return sum(map(sys.getsizeof, (self, self.__dict__, self._phase)))

    def info(self) -> dict[str, float]:
        """Figures for metrics; `state` is 0 closed, 1 half open, 2 open."""
        with self.lock:
            phase = self._look()
            left = phase.left(self._clock()) if phase.name == OPEN else 0.0
        return {
            "state": _STATES[phase.name],
            "opened": self.opened,
            "refused": self.refused,
            "warned": int(self.warned),
            "retry_after_seconds": left,
        }

    def after_fork(self, _intact: bool) -> None:
        """In a forked child: a phase is replaced as a whole, and good."""

    def _begin(self) -> int:
        """Admit a call, or raise CircuitOpen; returns the epoch in which it began."""
        with self.lock:
            before = self._look()
            after = admit(before, self._rules)
            if after is not None:
                self._phase = after
                return after.epoch
            self.refused += 1
            left = before.left(self._clock())
        raise CircuitOpen(self.name, left, self._why if before.name == OPEN else "others are trying")

    def _end(self, epoch: int | None, well: bool) -> None:
        with self.lock:
            if not well:
                self._why = "memory ran out"
            now, chance = self._clock(), random.random()  # noqa: S311 - for spreading, not for secrets
            self._become(finish(self._phase, self._rules, -1 if epoch is None else epoch, well, now, chance))

    def _look(self) -> Phase:
        now = self._clock()
        why = self._pressure(now)
        if why is not None:
            self._why = why
        self._become(look(self._phase, self._rules, why is not None, now, random.random()))  # noqa: S311 - as above
        return self._phase

    def _become(self, phase: Phase) -> None:
        self.opened += phase.name == OPEN and phase.openings > self._phase.openings
        self._phase = phase

    def _pressure(self, now: float) -> str | None:
        """Why it should be open; None where there is no pressure."""
        tier = current_tier()
        if tier is not None and rank(tier) >= rank(self._tier):
            return f"the tier is {tier}"
        level, size = self._levels()[1], self._resident(now)
        if level is None:
            self._over = False
        elif size is not None:
            self._over = size >= (level * LEAVE_RATIO if self._over else level)
        return f"{size} bytes are resident, {level} at most" if self._over else None

    def _levels(self) -> tuple[int | None, int | None]:
        if self._warn_at is None and self._open_at is None and current_tier() is None:
            return WARNING_BYTES, OPEN_BYTES
        return self._warn_at, self._open_at

    def _resident(self, now: float) -> int | None:
        seen = self._seen
        if seen is None or not 0 <= now - seen[0] < FRESH:
            self._seen = seen = (now, self._size())
        return seen[1]
