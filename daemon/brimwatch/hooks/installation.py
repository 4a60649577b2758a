"""Is there an agent in this process, and if not, why? Install, uninstall, and what survives a fork."""

from __future__ import annotations

import atexit
import sys

from brimwatch.hooks.agent import CHILD_GRACE, Agent
from brimwatch.hooks.fork import Forks
from brimwatch.hooks.process import is_main_interpreter
from brimwatch.hooks.registry import BUILTIN, Hook, Registry
from brimwatch.hooks.state import State
from brimwatch.hooks.trim import LIBRARY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MARK = "_brimwatch_agent"  # in sys.modules: which copy of the package has the agent


class Installation:
    """The agent of this process, as this copy of the package sees it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.agent: Agent | None = None
        self.why = "not installed"  # why there is no agent
        self._forks = Forks(self._locks, self._in_child, self._at_exit)
        self._leader: Any = None  # the registry of another copy, which has the agent

    def install(self) -> bool:
        """Have an agent, if there is none; False where there can be none, and `why` says so."""
        if not is_main_interpreter():
            self.why = "a subinterpreter: install the hooks in the main interpreter"
            return False
        mark = sys.modules.get(MARK)
        if mark is not None and mark.__dict__["owner"] is not self.state:
            return self._defer(mark.__dict__["registry"])
        if self.agent is not None and not self.agent.stopping:
            self.agent.look_soon()
            return True
        if not self._begin(0.0):
            return False
        self._mark()
        self._forks.register()
        atexit.unregister(self._at_exit)
        atexit.register(self._at_exit)
        return True

    def mind_forks(self) -> None:
        """Without an agent as well: a worker that was forked with us in it is a process of its own."""
        if is_main_interpreter():
            self._forks.register()

    def uninstall(self) -> None:
        """Leave nothing behind; hooks stay registered, and run by hand."""
        self._leave()
        self.state.main.give_back()
        self.state.forget_tier()
        mark = sys.modules.get(MARK)
        if mark is not None and mark.__dict__["owner"] is self.state:
            del sys.modules[MARK]
        self.why = "not installed"

    @property
    def standing(self) -> dict[str, Any]:
        """What became of it: `listening` at an address, `starting`, or `absent` and why."""
        agent = self.agent
        if agent is None or agent.stopping:
            return {"state": "deferred" if self._leader is not None else "absent", "why": self.why}
        place = agent.place
        if place is None:
            return {"state": "starting", "why": "; ".join(agent.missing), "faults": agent.faults}
        return {"state": "listening", "address": place.name, "faults": agent.faults}

    def _begin(self, grace: float) -> bool:
        agent = Agent(self.state, grace)
        if not grace:
            agent.open()
        if not agent.start():
            agent.stop()
            agent.forget()
            self.why = "no thread could be started"
            return False
        self.agent = agent
        return True

    def _leave(self) -> None:
        if self.agent is not None:
            self.agent.stop()
            self.agent = None

    def _at_exit(self) -> None:
        self._leave()

    def _locks(self) -> list[Any]:
        return [LIBRARY.importing] if self.agent is None else [self.agent.lock, LIBRARY.importing]

    def _in_child(self) -> None:
        self.state.registry.renew_lock()
        self.state.after_fork()
        if self.agent is None:
            return
        self.agent.forget()
        self.agent = None
        self._begin(CHILD_GRACE)

    def _mark(self) -> None:
        mark = type(sys)(MARK, "Which copy of brimwatch.hooks has the agent of this process.")
        mark.__dict__.update(owner=self.state, registry=self.state.registry)
        sys.modules[MARK] = mark

    def _defer(self, leader: Registry) -> bool:
        """Another copy of the package has the agent: hand it our hooks, those of now and those to come."""
        self.why = "another copy of brimwatch.hooks has the agent of this process"
        self._leader = leader
        self.state.registry.added = hand_over = _handing(leader)
        self.state.registry.listened = leader.subscribe  # which may be of a version that returns nothing
        for hook in list(self.state.registry.hooks.values()):
            hand_over(hook)
        for callback in self.state.registry.subscribers:
            leader.subscribe(callback)
        return False


def _handing(leader: Any) -> Callable[[Hook], None]:
    """The other copy may be another version: it is given a hook of its own making, by what every version has."""
    kind = type(next(iter(leader.hooks.values())))

    def hand_over(hook: Hook) -> None:
        if hook.name not in BUILTIN and hook.name not in leader.hooks:
            handed = kind(
                hook.name, hook.tier, hook.function, hook.order, hook.run_on, hook.size, hook.hit_ratio, hook.info
            )
            for later in ("group", "owner"):
                if hasattr(handed, later):
                    setattr(handed, later, getattr(hook, later))
            leader.add(handed)

    return hand_over
