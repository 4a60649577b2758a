"""How does one round of hooks go? In order, measured in between, until enough has come back or the time is up."""

from __future__ import annotations

import _thread
import time

from brimwatch.hooks.attempt import Result, attempt, on_main_thread
from brimwatch.hooks.errand import Errand, MainThread, refused, send_to_loop
from brimwatch.hooks.process import often, rss
from brimwatch.hooks.registry import TRIM, Hook
from brimwatch.hooks.wire import BUSY, CURED, DEADLINE, ERROR, FAILED, NO_HANDLER, RAN, SUPPRESSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from brimwatch.hooks.request import Request


class Turn:
    """Whose turn it is: one round at a time in a process, whoever asks for it."""

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self.round: Round | None = None

    def take(self, wanted: Round) -> bool:
        """False while another round runs, or a hook of it that did not end in its time."""
        if not self._lock.acquire(False):
            return False
        self.round = wanted
        return True

    def give_back(self) -> None:
        """The round is over."""
        self.round = None
        self._lock.release()

    def holder(self) -> tuple[str, float] | None:
        """The hook that runs now and for how many seconds."""
        running = self.round
        current = None if running is None else running.current
        return None if current is None else (current[0].name, time.monotonic() - current[1])


class Round:
    """Some hooks, a request, and what became of each so far; `outcomes` may be read by another thread at any time."""

    def __init__(self, hooks: list[Hook], request: Request, run_on: Any, main: MainThread) -> None:
        self.request = request
        self.hooks = hooks
        self.outcomes: list[dict[str, Any]] = []
        self.current: tuple[Hook, float] | None = None
        self.done = False
        self._run_on, self._main = run_on, main
        self._straggler: Errand | None = None
        self._starved = dict.fromkeys([hook.name for hook in hooks], False)  # later there may be no memory for it
        self._interrupt: KeyboardInterrupt | None = None
        self._before = self._known = request._before
        self._after: int | None = None

    def run(self, turn: Turn) -> None:
        """Run the hooks on this thread; the turn, which was taken, is given back when the last of them has ended."""
        try:
            with often():
                self._run()
        finally:
            self.current = None if self._straggler is None else self.current
            try:
                self._after = rss()
            finally:  # without memory to read it as well
                self.done = True
                if self._straggler is None:
                    turn.give_back()
                else:
                    self._straggler.when_done(turn.give_back)
        if self._interrupt is not None:
            raise self._interrupt

    def _run(self) -> None:
        pending = list(self.hooks)
        while pending and self._straggler is None and self._interrupt is None:
            hook = pending.pop(0)
            if self.request.enough(self._known):
                self._note(hook, Result(SUPPRESSED, CURED, "enough had come back before its turn"))
            elif self.request.seconds_left() <= 0:
                self._note(hook, Result(FAILED, DEADLINE, "no time was left for it"))
            else:
                try:
                    self._one(hook, bool(pending))
                    pending = self._trim_next(pending)
                except MemoryError:  # in what we note of it: the next one may give some back
                    self._starved[hook.name] = True
                    self.current = None if self._straggler is None else self.current
        for hook in pending:
            self._note(hook, Result(FAILED, DEADLINE, "the hook before it did not end"))

    def _one(self, hook: Hook, more: bool) -> None:
        before, began = self._known, time.monotonic()
        self.current = (hook, began)
        result = self._call(hook, more)
        after = self._known = rss()
        measured = None if before is None or after is None else before - after
        self._interrupt = result.interrupt
        if self._straggler is None:
            self.current = None
        self._note(hook, result, measured, time.monotonic() - began)

    def _call(self, hook: Hook, more: bool) -> Result:
        function = hook.function
        if function is None:
            return Result(SUPPRESSED, NO_HANDLER, "it reports figures only")
        where = self._run_on if hook.run_on is None else hook.run_on
        if where == "agent" or (where == "main" and on_main_thread()):
            return attempt(function, self.request)
        errand = Errand(function, self.request)
        why = self._main.send(errand) if where == "main" else send_to_loop(where, errand)
        if why is not None:
            return refused(why)
        # Half of the time is left to the hooks that follow, should that thread be deep in something else.
        try:
            return errand.wait(self.request.seconds_left() / (2 if more else 1))
        finally:
            if errand.result is None and not errand.called_back:
                self._straggler = errand

    def _trim_next(self, pending: list[Hook]) -> list[Hook]:
        """What Python has freed the allocator may still hold: once the claims are enough, see before more is lost."""
        needed = self.request.needed_bytes
        claimed = sum(outcome["claimed_bytes"] or 0 for outcome in self.outcomes)
        if needed is None or claimed < needed or self.request.tier == "emergency":
            return pending
        return sorted(pending, key=lambda hook: hook.order != TRIM)

    def _note(self, hook: Hook, result: Result, measured: int | None = None, seconds: float = 0.0) -> None:
        outcome = {
            "name": hook.name,
            "outcome": result.outcome,
            "reason": result.reason,
            "claimed_bytes": result.claimed,
            "measured_bytes": measured,
            "seconds": round(seconds, 6),
            "detail": result.detail,
        }
        hook.runs += result.outcome == RAN
        hook.failures += result.outcome == FAILED
        hook.suppressed += result.outcome == SUPPRESSED
        hook.claimed_bytes += result.claimed or 0
        hook.last = outcome
        self.outcomes.append(outcome)

    def account(self) -> dict[str, Any]:
        """The round so far, as the answer to a reclaim: also when a hook still runs."""
        outcomes, current = list(self.outcomes), self.current
        named = {outcome["name"] for outcome in outcomes}
        if current is not None and current[0].name not in named:
            outcomes.append(_unfinished(current[0], DEADLINE, "it still runs", time.monotonic() - current[1]))
            named.add(current[0].name)
        for hook in self.hooks:
            if hook.name not in named:
                starved = self._starved[hook.name]
                why = (
                    (ERROR, "no memory was left to tell how it ended")
                    if starved
                    else (DEADLINE, "its turn did not come")
                )
                outcomes.append(_unfinished(hook, *why))
        after = self._after if self.done else rss()
        return {
            "tier": self.request.tier,
            "reason": self.request.reason,
            "rss_before_bytes": self._before,
            "rss_after_bytes": after,
            "reclaimed_bytes": None if after is None or self._before is None else self._before - after,
            "claimed_bytes": sum(outcome["claimed_bytes"] or 0 for outcome in outcomes),
            "complete": self.done and self._straggler is None,
            "hooks": outcomes,
        }


def _unfinished(hook: Hook, reason: str, detail: str, seconds: float = 0.0) -> dict[str, Any]:
    return {
        "name": hook.name,
        "outcome": FAILED,
        "reason": reason,
        "claimed_bytes": None,
        "measured_bytes": None,
        "seconds": round(seconds, 6),
        "detail": detail,
    }


def busy(holder: tuple[str, float] | None) -> dict[str, Any]:
    """The answer while another round runs."""
    what = "a round of hooks" if holder is None else f"the hook {holder[0]}, for {holder[1]:.1f} s now"
    return {"error": BUSY, "detail": f"running: {what}"}
