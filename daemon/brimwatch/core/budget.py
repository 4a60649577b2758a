"""May a rung that ends processes run once more? Counted by target name, so that a new PID resets nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from brimwatch.model import Action, Budget
from brimwatch.units import Seconds

PER_TARGET = Budget(1, Seconds(600.0))  # where the action says nothing
PER_HOST = Budget(3, Seconds(3600.0))  # for everything that ends a process, all targets together

_HOST = ("", "")


@dataclass(frozen=True, slots=True)
class Spent:
    """When rungs ran: monotonic seconds, by (target, action); all endings together under the host."""

    runs: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)

    def allows(self, target: str, action: Action, now: float) -> bool:
        """Would one more run stay within `at_most`, and, where it ends a process, within the host's budget?"""
        return self.until(target, action, now) is None

    def until(self, target: str, action: Action, now: float) -> float | None:
        """When both budgets allow one more run, in monotonic seconds (infinite: never); None where they do now."""
        budget = action.at_most or (PER_TARGET if action.ends_process else None)
        ends = [] if budget is None else [_until(self.runs.get((target, action.name), ()), budget, now)]
        if action.ends_process:
            ends.append(_until(self.runs.get(_HOST, ()), PER_HOST, now))
        return max((end for end in ends if end is not None), default=None)

    def spend(self, target: str, action: Action, now: float) -> Spent:
        """The same with this run counted, and runs that no budget can see any more dropped."""
        if action.at_most is None and not action.ends_process:
            return self
        runs = dict(self.runs)
        budget = action.at_most or PER_TARGET
        runs[(target, action.name)] = (*_recent(runs.get((target, action.name), ()), budget, now), now)
        if action.ends_process:
            runs[_HOST] = (*_recent(runs.get(_HOST, ()), PER_HOST, now), now)
        return Spent(runs)

    def refund(self, target: str, action: Action, at: float) -> Spent:
        """The same without the run counted at `at`: it was refused at the last look, nothing was sent."""
        keys = ((target, action.name), _HOST)
        return Spent({key: tuple(t for t in times if key not in keys or t != at) for key, times in self.runs.items()})

    def pruned(self, actions: Mapping[str, Action], now: float) -> Spent:
        """The same without runs that no budget can see any more; this very one where there are none.

        Targets come and go. A name that `actions` does not know may be back after the next reload, and is kept.
        """
        kept = {}
        for (target, name), times in self.runs.items():
            action, recent = actions.get(name), times
            if (target, name) == _HOST:
                recent = _recent(times, PER_HOST, now)
            elif action is not None:
                recent = _recent(times, action.at_most or PER_TARGET, now)
            if recent:
                kept[(target, name)] = recent
        return self if kept == self.runs else Spent(kept)

    def with_earlier(self, earlier: Spent) -> Spent:
        """The same with what an earlier run of the daemon counted, on the clock of this one."""
        keys = {**earlier.runs, **self.runs}
        return Spent({key: tuple(sorted((*earlier.runs.get(key, ()), *self.runs.get(key, ())))) for key in keys})


def _recent(times: tuple[float, ...], budget: Budget, now: float) -> tuple[float, ...]:
    return tuple(at for at in times if at > now - budget.window)


def _until(times: tuple[float, ...], budget: Budget, now: float) -> float | None:
    recent = sorted(_recent(times, budget, now))
    if budget.runs < 1:
        return inf
    return None if len(recent) < budget.runs else recent[-budget.runs] + budget.window
