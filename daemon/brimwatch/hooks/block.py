"""What do building blocks share? A name of their own, a hook, the tier, and a lock that no fork leaves shut.

A block that the program forgets is forgotten here too: everything refers to it weakly.
"""

from __future__ import annotations

import os
import time
from weakref import ref

from brimwatch.hooks.api import REGISTRY, on_tier
from brimwatch.hooks.registry import Hook, check_name
from brimwatch.hooks.request import Request, Skip
from brimwatch.hooks.wire import BUSY, LONGEST_NAME, TIERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    class Block(Protocol):
        """What holds memory and can give it back."""

        name: str
        lock: Any  # a threading.RLock: held for moments only, and never while a function of the program runs

        def size_bytes(self) -> int | None:
            """Bytes held now."""

        def hit_ratio(self) -> float | None:
            """Share of look-ups that were served; None before the first, or where there are none."""

        def info(self) -> Mapping[str, float]:
            """At most eight figures to be shown."""

        def shrink(self, request: Request) -> int:
            """Give back by tier and `needed_bytes`; returns the bytes that went."""

        def tier_changed(self, tier: str) -> None:
            """Told on a thread of ours."""

        def after_fork(self, intact: bool) -> None:
            """In a forked child. Not `intact`: another thread was amid a change, and only it knew which."""


ORDER = 30  # before what the program registers itself: it can be computed again
_LONGEST_FORK_WAIT = 0.5  # seconds, for all blocks together
_LONGEST_WAIT = 1.0  # seconds that a round of hooks waits for a block


class Members:
    """The blocks of this process."""

    def __init__(self) -> None:
        self.refs: dict[str, ref[Block]] = {}
        self.tier = TIERS[0]
        self.faults = 0
        self._ready = False
        self._held: dict[int, list[Block]] = {}  # by thread: two may fork at the same time

    def add(self, block: Block, tier: str, group: str | None) -> None:
        """Register a block's hook under its name, or that name with a number where it is taken."""
        self._prepare()
        for name, found in list(self.refs.items()):
            if found() is None:
                self._drop(name)
        block.name = self._free_name(block.name)
        weak = ref(block)
        hook = Hook(
            block.name, tier, _calling(weak, "shrink"), ORDER, "agent", _calling(weak, "size_bytes"),
            _calling(weak, "hit_ratio"), _calling(weak, "info"), group,
        )  # fmt: skip
        REGISTRY.add(hook)
        self.refs = {**self.refs, block.name: weak}

    def discard(self, block: Block) -> None:
        """Forget a block and its hook; one that was forgotten before keeps what has its name now."""
        found = self.refs.get(block.name)
        if found is not None and found() is block:
            self._drop(block.name)

    def _drop(self, name: str) -> None:
        self.refs = {key: found for key, found in self.refs.items() if key != name}
        REGISTRY.discard(name)

    def living(self) -> list[Block]:
        """Those that the program still has."""
        return [block for block in (found() for found in self.refs.values()) if block is not None]

    def _free_name(self, wanted: str) -> str:
        check_name(wanted)
        name, number = wanted, 1
        while name in self.refs or name in REGISTRY.hooks:
            number += 1
            name = f"{wanted[: LONGEST_NAME - 5]}-{number}"
        return name

    def _prepare(self) -> None:
        on_tier(self._tell)  # once, however often
        if not self._ready:
            self._ready = True
            os.register_at_fork(before=self._before, after_in_parent=self._parent, after_in_child=self._child)

    def _tell(self, tier: str) -> None:
        self.tier = tier
        for block in self.living():
            try:
                block.tier_changed(tier)
            except Exception:  # noqa: BLE001 - one that fails keeps nobody from hearing
                self.faults += 1

    def _before(self) -> None:
        """Nobody may be amid a change while the memory is copied."""
        until = time.monotonic() + _LONGEST_FORK_WAIT
        self._held[_thread_id()] = [
            block for block in self.living() if block.lock.acquire(timeout=max(0.0, until - time.monotonic()))
        ]

    def _parent(self) -> None:
        for block in self._held.pop(_thread_id(), []):
            block.lock.release()

    def _child(self) -> None:
        held = self._held.get(_thread_id(), [])
        self._held = {}
        for block in self.living():
            intact = any(one is block for one in held)
            block.lock = _new_lock()
            try:
                block.after_fork(intact)
            except Exception:  # noqa: BLE001 - Python would print it
                self.faults += 1


MEMBERS = Members()


def enrol(block: Block, tier: str = "warning", group: str | None = None) -> None:
    """Let a block be asked. Raises ValueError for a name, tier or group that cannot be."""
    MEMBERS.add(block, tier, group)


def hold(block: Block, request: Request) -> Any:
    """The block's lock, taken for a round of hooks; to be released. Raises Skip where it cannot be had.

    A signal handler that runs hooks may have interrupted the very thread that is amid a change.
    """
    lock = block.lock
    if lock._is_owned() or not lock.acquire(timeout=min(_LONGEST_WAIT, request.seconds_left())):
        raise Skip(BUSY, "another thread is amid a change")
    return lock


def still_needed(request: Request) -> int | None:
    """Bytes by which the resident set has yet to fall; None where nobody said how far it should."""
    if request.needed_bytes is None:
        return None
    return max(0, request.needed_bytes - max(0, request.reclaimed_bytes() or 0))


def check_bytes(what: str, value: object, least: int = 0) -> int:
    """Raise ValueError unless it is a whole number of bytes (or entries), from `least` on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{what}: found {value!r:.80}, wanted an int from {least} on")
    return value


def check_seconds(what: str, value: object) -> float:
    """Raise ValueError unless it is a number of seconds above 0; infinity is one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ValueError(f"{what}: found {value!r:.80}, wanted seconds above 0")
    return float(value)


def _calling(weak: ref[Block], method: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        block = weak()
        return None if block is None else getattr(block, method)(*arguments)

    return call


def _new_lock() -> Any:
    import threading

    return threading.RLock()


def _thread_id() -> int:
    import _thread

    return _thread.get_ident()
