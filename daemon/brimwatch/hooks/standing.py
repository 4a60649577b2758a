"""Where does a building block stand in its process? Its hook, the tier that it follows, and its locks after a fork.

Blocks are held weakly: one that the program has dropped leaves nothing but a name, which the next one clears away.
All of them together are one subscriber of `hooks.on_tier`.
"""

from __future__ import annotations

import _thread
import os
import time
from weakref import WeakMethod, WeakSet, ref

from brimwatch.hooks import api
from brimwatch.hooks.registry import DEFAULT, Hook, check_name
from brimwatch.hooks.request import Skip
from brimwatch.hooks.wire import LONGEST_NAME, NO_HANDLER, TIERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Blocks:
    """The living blocks of this process."""

    def __init__(self) -> None:
        self._owners: dict[str, ref[Any]] = {}  # name of a hook to its block
        self._forking: WeakSet[Any] = WeakSet()
        self._following: WeakSet[Any] = WeakSet()
        self._minds_forks = False
        self._heard: str | None = None
        self._lock = _thread.allocate_lock()

    def register(
        self,
        block: Any,
        name: str,
        size: Callable[[], Any] | None = None,
        info: Callable[[], Any] | None = None,
        function: Callable[[Any], Any] | None = None,
        tier: str = "warning",
        order: int = DEFAULT,
    ) -> str:
        """Register a hook out of methods of `block`, held weakly.

        Returns its name: with `-2` and so on behind it where another hook has it. Raises ValueError for a name or tier
        that cannot be.
        """
        check_name(name)
        self.mind_forks(self)
        with self._lock:
            self._clear_away()
            free, number = name, 1
            while free in self._owners or free in api.REGISTRY.hooks:
                number += 1
                free = f"{name[: LONGEST_NAME - 4]}-{number}"
            hook = Hook(free, tier, function and _hook(function), order, None, size and _figure(size))
            hook.info = info and _figure(info)
            if api.REGISTRY.add(hook):
                self._owners[free] = ref(block)
        return free

    def _clear_away(self) -> None:
        for name in [name for name, owner in self._owners.items() if owner() is None]:
            del self._owners[name]
            api.REGISTRY.discard(name)

    def mind_forks(self, block: Any) -> None:
        """Call `block.after_fork()` in every forked child: whoever held its lock is not there."""
        self._forking.add(block)
        if not self._minds_forks:
            self._minds_forks = True
            os.register_at_fork(after_in_child=self._in_child)

    def follow(self, block: Any) -> None:
        """Call `block.on_tier(tier)` at each change of the tier."""
        self._following.add(block)
        api.on_tier(self._tell)

    def tier(self) -> str | None:
        """The tier of this process as far as somebody judges it; None where nobody does."""
        found = api._made.get("installation")
        if found is None or found.standing["state"] == "deferred":
            return self._heard
        judged = found.state.judgement
        spoken = judged.source != "nobody" and (found.agent is not None or judged.told(time.monotonic()))
        return judged.tier if spoken else None

    def after_fork(self) -> None:
        """In the child."""
        self._lock = _thread.allocate_lock()

    def _tell(self, tier: str) -> None:
        self._heard = tier
        for block in list(self._following):
            block.on_tier(tier)

    def _in_child(self) -> None:
        for block in list(self._forking):
            block.after_fork()


BLOCKS = Blocks()


def rank(tier: str | None) -> int:
    """0 for calm or unknown, 3 for emergency."""
    return 0 if tier is None else TIERS.index(tier)


def _figure(method: Callable[[], Any]) -> Callable[[], Any]:
    weak = WeakMethod(method)

    def ask() -> Any:
        bound = weak()
        return None if bound is None else bound()

    return ask


def _hook(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    weak = WeakMethod(method)

    def run(request: Any) -> Any:
        bound = weak()
        if bound is None:
            raise Skip(NO_HANDLER, "the program has dropped it")
        return bound(request)

    return run
