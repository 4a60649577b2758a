"""Which hooks are there, in which order, and what became of each?

Readers take no lock: a signal handler that runs hooks may have interrupted the very thread that adds one. Writers
replace the whole table.
"""

from __future__ import annotations

import _thread

from brimwatch.hooks.wire import LONGEST_NAME, MOST_HOOKS, MOST_SUBSCRIBERS, NAME_EXTRAS, NO_GROUPS, TIERS, is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
    from weakref import ref

BUILTIN = ("stdlib-caches", "modules", "gc", "trim")  # room is kept for them
CACHES, DEFAULT, MODULES, COLLECT, TRIM = 20, 50, 70, 90, 100  # orders: what costs least to lose goes first


class Hook:
    """A function that gives memory back, and what is told of it."""

    __slots__ = (
        "claimed_bytes", "failures", "function", "group", "hit_ratio", "info", "last", "name", "order", "owner",
        "run_on", "runs", "size", "suppressed", "tier",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        tier: str,
        function: Callable[[Any], Any] | None,
        order: int = DEFAULT,
        run_on: Any = None,
        size: Callable[[], Any] | None = None,
        hit_ratio: Callable[[], Any] | None = None,
        info: Callable[[], Any] | None = None,
        group: str | None = None,
        owner: ref[Any] | None = None,
    ) -> None:
        self.name, self.tier, self.function, self.order, self.run_on = name, tier, function, order, run_on
        self.owner = owner  # the block whose hook it is, without which it is nothing
        self.size, self.hit_ratio, self.info, self.group = size, hit_ratio, info, group
        self.runs = self.failures = self.suppressed = self.claimed_bytes = 0
        self.last: dict[str, Any] | None = None

    @property
    def gone(self) -> bool:
        """Whether the program has dropped what it belongs to."""
        return self.owner is not None and self.owner() is None

    def wanted_at(self, tier: str) -> bool:
        """Whether it runs when a round of that tier names no hooks."""
        return self.function is not None and TIERS.index(tier) >= TIERS.index(self.tier)


class Registry:
    """All hooks of this process, at most 64, and who is told of tiers: at most 64 as well."""

    def __init__(self) -> None:
        self.hooks: dict[str, Hook] = {}
        self.subscribers: tuple[Callable[[str], Any], ...] = ()
        self.refused = 0  # hooks for which there was no room
        self.subscribers_refused = 0  # the same
        self.deaf = 0  # how often a subscriber raised
        self.fork_faults = 0  # how often a block raised in a forked child
        self.lock = _thread.RLock()  # a signal handler, or what a collection ends, may call us again
        self.added: Callable[[Hook], None] | None = None  # told of each new hook
        self.listened: Callable[[Callable[[str], Any]], object] | None = None  # told of each new subscriber

    def add(self, hook: Hook) -> bool:
        """Add a hook, in the place of one of the same name; False (and counted) where there is no room.

        A block's hook takes nobody's place: its name gets a number where it is taken. Raises ValueError for a name,
        tier or group that cannot be.
        """
        check_name(hook.name)
        check_tier(hook.tier)
        check_group(hook.group)
        check_order(hook.order)
        with self.lock:
            hooks = {name: known for name, known in self.hooks.items() if not known.gone}
            if hook.owner is not None:
                hook.name = _free(hook.name, hooks)
            kept = [name for name in BUILTIN if name not in hooks and name != hook.name]
            if hook.name not in hooks and len(hooks) + len(kept) >= MOST_HOOKS:
                self.refused += 1
                return False
            self.hooks = {**hooks, hook.name: hook}
        if self.added is not None:
            self.added(hook)
        return True

    def discard(self, name: str) -> bool:
        """Forget a hook; False where there is none of that name."""
        with self.lock:
            found = name in self.hooks
            self.hooks = {key: hook for key, hook in self.hooks.items() if key != name}
        return found

    def subscribe(self, callback: Callable[[str], Any], ours: bool = False) -> bool:
        """Tell `callback` of each change of the tier, the same one once; False (and counted) where there is no room.

        `ours`: there is room in any case.
        """
        with self.lock:
            if callback not in self.subscribers:
                if len(self.subscribers) >= MOST_SUBSCRIBERS and not ours:
                    self.subscribers_refused += 1
                    return False
                self.subscribers = (*self.subscribers, callback)
        if self.listened is not None:
            self.listened(callback)
        return True

    def unsubscribe(self, callback: Callable[[str], Any]) -> None:
        """Tell it no more."""
        with self.lock:
            self.subscribers = tuple(one for one in self.subscribers if one != callback)

    def renew_lock(self) -> None:
        """In a forked child: whoever held it is not there."""
        self.lock = _thread.RLock()

    def chosen(self, tier: str, names: tuple[str, ...] | None, group: str | None = None) -> list[Hook]:
        """The hooks of a round in their order: those named, whatever their tier, else those of the tier and below.

        With `group` only hooks of that group.
        """
        hooks = [
            hook
            for hook in self.hooks.values()
            if (
                hook.wanted_at(tier) and not hook.gone
                if names is None
                else hook.name in names and hook.function is not None
            )
            and (group is None or hook.group == group)
        ]
        return sorted(hooks, key=lambda hook: (hook.order, hook.name))


def check_order(order: object) -> None:
    """Raise ValueError unless hooks can be sorted by it."""
    if isinstance(order, bool) or not isinstance(order, int):
        raise ValueError(f"hooks: found the order {order!r:.80}, wanted an int: lower ones run first")


def _free(wanted: str, hooks: dict[str, Hook]) -> str:
    """That name, or with a number behind it the first that nobody has."""
    name, number = wanted, 1
    while name in hooks:
        number += 1
        end = f"-{number}"
        name = wanted[: LONGEST_NAME - len(end)] + end
    return name


def check_name(name: object) -> None:
    """Raise ValueError unless it can be the name of a hook."""
    if not is_name(name):
        wanted = f"1 to {LONGEST_NAME} letters, digits and {NAME_EXTRAS} of ASCII"
        raise ValueError(f"hooks: found the name {name!r:.80}, wanted {wanted}: it becomes a metric's label")


def check_tier(tier: object) -> None:
    """Raise ValueError unless it is a tier at which hooks run."""
    if tier not in TIERS[1:]:
        raise ValueError(f"hooks: found the tier {tier!r:.80}, wanted one of {', '.join(TIERS[1:])}")


def check_group(group: object) -> None:
    """Raise ValueError unless it can be the name of a group of hooks; None is no group."""
    if group is not None and (not is_name(group) or group in NO_GROUPS):
        wanted = f"1 to {LONGEST_NAME} letters, digits and {NAME_EXTRAS} of ASCII, and none of {', '.join(NO_GROUPS)}"
        raise ValueError(f"hooks: found the group {group!r:.80}, wanted {wanted}: it becomes a part of a path")
