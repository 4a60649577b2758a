"""How many sessions does a program keep, and which go first? `hooks.SessionPool`: at most so many, none idle for long.

See docs/blocks/session-pool.md.
"""

from __future__ import annotations

import _thread
import time
from collections import OrderedDict

from brimwatch.hooks.arguments import check_count, check_function, check_seconds
from brimwatch.hooks.block import enrol, hold, leave, still_needed
from brimwatch.hooks.sizes import estimate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

    from brimwatch.hooks.request import Request

# What stays, as a share of `max_sessions`: sessions are people's work, and go later than caches.
_KEPT = {"warning": 1.0, "critical": 0.5, "emergency": 0.1}
_PLACE_BYTES = 250  # of an entry beside session and key, as in caching/shelf.py


class SessionPool:
    """Sessions by key; the one used least recently goes when there are more than `max_sessions` (0 keeps none).

    `idle_seconds`: how long one is kept that nobody asks for. `on_close(key, session)` is called once for each that
    leaves, on the thread that made it leave, without a lock; what it raises is counted. `sizeof(session)`: bytes.
    `inherit`: whether a forked child keeps copies of its parent's sessions; without it only where there is no
    `on_close`, since what has to be closed belongs to the parent. Raises ValueError for what cannot be.
    """

    def __init__(
        self,
        max_sessions: int = 500,
        idle_seconds: float = 1800.0,
        *,
        on_close: Callable[[Hashable, Any], object] | None = None,
        sizeof: Callable[[Any], int] | None = None,
        inherit: bool | None = None,
        name: str = "sessions",
        group: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = check_count("SessionPool: max_sessions", max_sessions)
        self._idle = check_seconds("SessionPool: idle_seconds", idle_seconds)
        check_function("SessionPool: on_close", on_close)
        check_function("SessionPool: sizeof", sizeof)
        self._on_close, self._sizeof, self._clock = on_close, sizeof, clock
        self._inherit = on_close is None if inherit is None else inherit
        self._sessions: OrderedDict[Hashable, tuple[Any, float]] = OrderedDict()  # by last use, with its time
        self._hits = self._misses = self._evicted = self._expired = self._faults = 0
        self.lock = _thread.RLock()
        self.name = name
        enrol(self, name, group=group)

    def get(self, key: Hashable, make: Callable[[], Any] | None = None) -> Any:
        """The session, used now; else what `make()` returns, which is put; else None.

        Of two threads that make one at the same time the first is kept; the other one is closed and nobody gets it.
        """
        with self.lock:
            leaving = self._take_idle()
            found = self._sessions.get(key)
            if found is not None:
                self._use(key, found[0])
            self._hits += found is not None
            self._misses += found is None
        self._close(leaving)
        if found is not None or make is None:
            return None if found is None else found[0]
        return self._put(key, make(), replace=False)

    def put(self, key: Hashable, session: Any) -> None:
        """Keep it, used now, in the place of one of the same key, which is closed."""
        self._put(key, session, replace=True)

    def pop(self, key: Hashable) -> Any:
        """Take it out without closing it; None where there is none."""
        with self.lock:
            leaving = self._take_idle()
            found = self._sessions.pop(key, None)
        self._close(leaving)
        return None if found is None else found[0]

    def close_one(self, key: Hashable) -> bool:
        """Take it out and close it; False where there is none."""
        with self.lock:
            found = self._sessions.pop(key, None)
        if found is not None:
            self._close([(key, found[0])])
        return found is not None

    def sweep(self) -> int:
        """Close what has been idle for too long; returns how many. Every use of the pool does so too."""
        with self.lock:
            leaving = self._take_idle()
        self._close(leaving)
        return len(leaving)

    def close(self) -> None:
        """Close all of them, and be asked no more."""
        leave(self)
        with self.lock:
            leaving = [(key, session) for key, (session, _) in self._sessions.items()]
            self._sessions.clear()
        self._close(leaving)

    def keys(self) -> list[Hashable]:
        """The keys of now, the one used least recently first."""
        with self.lock:
            return list(self._sessions)

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, key: Hashable) -> bool:
        with self.lock:
            found = self._sessions.get(key)
            return found is not None and self._clock() - found[1] < self._idle

    # What every block has, see block.py.

    def size_bytes(self) -> int | None:
        """Bytes of all sessions; None where that of one cannot be known."""
        with self.lock:
            held = [(key, session) for key, (session, _) in self._sessions.items()]
        sizes = [self._measure(key, session) for key, session in held]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    def hit_ratio(self) -> float | None:
        """Share of look-ups that found a session; None before the first."""
        calls = self._hits + self._misses
        return self._hits / calls if calls else None

    def info(self) -> dict[str, float]:
        """Sessions, how many there may be, how many left for room or idleness, and how often closing failed."""
        return {
            "entries": len(self._sessions),
            "max_entries": self._most,
            "evicted": self._evicted,
            "expired": self._expired,
            "close_faults": self._faults,
        }

    def shrink(self, request: Request) -> int:
        """Close those idle for too long; at critical half of the places are emptied, in an emergency nine tenths.

        With `needed_bytes` it stops when that much has gone, but not in an emergency.
        """
        needed = None if request.tier == "emergency" else still_needed(request)
        _, freed = self._let_go(request, self._take_idle)
        more = True
        while more and request.seconds_left() > 0 and (needed is None or freed < needed):
            more, gone = self._let_go(request, lambda: self._take_oldest(request.tier))
            freed += gone
        return freed

    def after_fork(self, intact: bool) -> None:
        """Copies are kept where nothing has to be closed; what would be is the parent's, and only forgotten."""
        if not (intact and self._inherit):
            self._sessions = OrderedDict()

    def _put(self, key: Hashable, session: Any, replace: bool) -> Any:
        with self.lock:
            leaving = self._take_idle()
            found = self._sessions.get(key)
            kept = session if found is None or replace else found[0]
            if found is not None and found[0] is not session:
                leaving.append((key, found[0] if replace else session))
            if self._most:
                self._use(key, kept)
            elif replace:
                leaving.append((key, session))
            while len(self._sessions) > self._most:
                leaving.append(self._oldest())
                self._evicted += 1
        self._close(leaving)
        return kept

    def _use(self, key: Hashable, session: Any) -> None:
        self._sessions[key] = (session, self._clock())
        self._sessions.move_to_end(key)

    def _oldest(self) -> tuple[Hashable, Any]:
        key, (session, _) = self._sessions.popitem(last=False)
        return key, session

    def _take_idle(self) -> list[tuple[Hashable, Any]]:
        """With the lock. A session used in the future was used before the clock jumped back: it is used now."""
        now, leaving = self._clock(), []
        while self._sessions:
            key, (session, used) = next(iter(self._sessions.items()))
            if used > now:
                for other, (held, _) in list(self._sessions.items()):
                    self._sessions[other] = (held, now)
                break
            if now - used < self._idle:
                break
            leaving.append((key, session))
            del self._sessions[key]
            self._expired += 1
        return leaving

    def _take_oldest(self, tier: str) -> list[tuple[Hashable, Any]]:
        """With the lock: a sixteenth of those that may go, the least recently used first."""
        spare = len(self._sessions) - int(self._most * _KEPT.get(tier, 1.0))
        leaving = [self._oldest() for _ in range(min(spare, max(1, self._most // 16)))] if spare > 0 else []
        self._evicted += len(leaving)
        return leaving

    def _let_go(self, request: Request, take: Callable[[], list[tuple[Hashable, Any]]]) -> tuple[bool, int]:
        """Whether any went, and the bytes of those whose size is known."""
        lock = hold(self, request)
        try:
            leaving = take()
        finally:
            lock.release()
        freed = sum(self._measure(key, session) or 0 for key, session in leaving)
        self._close(leaving)
        return bool(leaving), freed

    def _close(self, leaving: list[tuple[Hashable, Any]]) -> None:
        """Without the lock: `on_close` is the program's. A Ctrl-C goes on once all are closed."""
        if self._on_close is None:
            return
        interrupt: BaseException | None = None
        for key, session in leaving:
            try:
                self._on_close(key, session)
            except Exception:  # noqa: BLE001 - nobody here could do anything about it
                self._faults += 1
            except BaseException as fault:  # noqa: BLE001 - raised below
                interrupt = fault
        if interrupt is not None:
            raise interrupt

    def _measure(self, key: Hashable, session: Any) -> int | None:
        try:
            size = estimate(session) if self._sizeof is None else int(self._sizeof(session))
        except Exception:  # noqa: BLE001 - a stranger's function
            return None
        return None if size is None else size + (estimate(key) or 0) + _PLACE_BYTES
