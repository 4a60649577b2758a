"""May a rung that ends processes run once more? Counted by target name, so that a new PID resets nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        budget = action.at_most or (PER_TARGET if action.ends_process else None)
        if budget is not None and not _within(self.runs.get((target, action.name), ()), budget, now):
            return False
        return not action.ends_process or _within(self.runs.get(_HOST, ()), PER_HOST, now)

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

    def with_earlier(self, earlier: Spent) -> Spent:
        """The same with what an earlier run of the daemon counted, on the clock of this one."""
        keys = {**earlier.runs, **self.runs}
        return Spent({key: tuple(sorted((*earlier.runs.get(key, ()), *self.runs.get(key, ())))) for key in keys})


def _recent(times: tuple[float, ...], budget: Budget, now: float) -> tuple[float, ...]:
    return tuple(at for at in times if at > now - budget.window)


def _within(times: tuple[float, ...], budget: Budget, now: float) -> bool:
    return len(_recent(times, budget, now)) < budget.runs
