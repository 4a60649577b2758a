"""What makes an object a building block? A hook of its own name, the tier, and a lock that no fork leaves shut.

A block that the program forgets is gone: hooks (`registry`), the tier (`following`) and forks (`forking`) refer to it
weakly.
"""

from __future__ import annotations

from weakref import ref

from brimwatch.hooks.api import REGISTRY
from brimwatch.hooks.following import FOLLOWING
from brimwatch.hooks.forking import FORKING
from brimwatch.hooks.registry import Hook, check_name
from brimwatch.hooks.request import Skip
from brimwatch.hooks.wire import BUSY, NO_HANDLER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from brimwatch.hooks.request import Request

ORDER = 30  # before what the program registers itself: it can be computed again
_LONGEST_WAIT = 1.0  # seconds that a round of hooks waits for a block


def enrol(
    block: Any,
    name: str,
    tier: str = "warning",
    order: int = ORDER,
    group: str | None = None,
    run_on: Any = "agent",
) -> None:
    """Let a block be asked, told and forked; once it was, nothing happens.

    What it has of these is called, all but the last two for its hook: `shrink(request)`, which gives back by tier and
    `needed_bytes` and returns the bytes that went; `size_bytes()`, None where that cannot be known; `hit_ratio()`, None
    before the first look-up; `info()`, at most eight figures; `tier_changed(tier)`, see `following`; and
    `after_fork(intact)` with a `lock`, held for moments only and never while a function of the program runs, see
    `forking`.
    It becomes `block.name`, with `-2` and so on behind it where another hook has it. Where there is no room for one
    more hook, that is counted, and the block works without. Raises ValueError for a name, tier or group that cannot be.
    """
    check_name(name)
    if is_enrolled(block):
        return
    hook = Hook(
        name, tier, _asking(block, "shrink"), order, run_on, _asking(block, "size_bytes"), _asking(block, "hit_ratio"),
        _asking(block, "info"), group, ref(block),
    )  # fmt: skip
    REGISTRY.add(hook)
    block.name = hook.name
    if hasattr(block, "after_fork"):
        FORKING.mind(block)
    if hasattr(block, "tier_changed"):
        FOLLOWING.add(block)


def leave(block: Any) -> None:
    """The block is asked and told no more. What else has its name by now keeps it."""
    FOLLOWING.discard(block)
    if is_enrolled(block):
        REGISTRY.discard(block.name)


def is_enrolled(block: Any) -> bool:
    """Whether the hook of that name is the block's."""
    hook = REGISTRY.hooks.get(getattr(block, "name", ""))
    return hook is not None and hook.owner is not None and hook.owner() is block


def hold(block: Any, request: Request) -> Any:
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


def _asking(block: Any, method: str) -> Callable[..., Any] | None:
    """The method, without keeping the block; None where it has none."""
    if not hasattr(block, method):
        return None
    weak = ref(block)

    def ask(*arguments: Any) -> Any:
        found = weak()
        if found is not None:
            return getattr(found, method)(*arguments)
        if arguments:  # a request: it was dropped after the round had begun
            raise Skip(NO_HANDLER, "the program has dropped it")
        return None

    return ask
