"""How large is what the hooks look after, and how well does it serve? Asked of the program, kept for who wants it.

The callables are a stranger's, and may hang: they are called on a lane, and the agent answers with what it has.
"""

from __future__ import annotations

import math
import time

from brimwatch.hooks.wire import MOST_BYTES, MOST_INFO, is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from brimwatch.hooks.registry import Registry

FRESH = 0.5  # seconds for which figures are not asked for again


class Figures:
    """The last figures of every hook that has some. A faulty one is counted, and absent."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {}
        self.at = -math.inf
        self.faults = 0

    def wanted(self, registry: Registry, now: float) -> bool:
        """Whether there is somebody to ask, and it is time to."""
        return now - self.at >= FRESH and any(
            hook.size or hook.hit_ratio or hook.info for hook in registry.hooks.values()
        )

    def refresh(self, registry: Registry) -> None:
        """Ask them all, on this thread."""
        values = {}
        for hook in list(registry.hooks.values()):
            found = {
                "footprint_bytes": self._ask(hook.size, _size),
                "hit_ratio": self._ask(hook.hit_ratio, _ratio),
                "info": self._ask(hook.info, _info),
            }
            values[hook.name] = {key: value for key, value in found.items() if value is not None}
        self.values, self.at = values, time.monotonic()

    def _ask(self, callable_: Callable[[], Any] | None, check: Callable[[Any], Any]) -> Any:
        if callable_ is None:
            return None
        try:
            return check(callable_())
        except BaseException:  # noqa: BLE001 - a stranger's callable: SystemExit would go through
            self.faults += 1
            return None


def _size(value: Any) -> int | None:
    return None if value is None else _within(int(value), MOST_BYTES)


def _ratio(value: Any) -> float | None:
    return None if value is None else _within(float(value), 1)


def _within(value: Any, most: int) -> Any:
    if not 0 <= value <= most:
        raise ValueError(value)
    return value


def _info(value: Any) -> dict[str, float]:
    """At most eight named numbers; what is none is left out."""
    found: dict[str, float] = {}
    for key, number in list(dict(value or {}).items())[:MOST_INFO]:
        if is_name(key) and not isinstance(number, bool) and math.isfinite(float(number)):
            found[key] = float(number)
    return found
