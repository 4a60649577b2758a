"""What does a hook get to know? Which tier, how much is needed, until when, and why."""

from __future__ import annotations

import time

from brimwatch.hooks.process import rss
from brimwatch.hooks.wire import REASONS, SUPPRESSED, UNSUPPORTED


class Request:
    """One round of hooks.

    `tier`: `warning`, `critical` or `emergency`. `needed_bytes`: how far the resident set should fall, None where
    nobody said. `severity_ratio`: how far the tier's condition is exceeded (1.0: just reached), or None. `deadline`:
    until when, on `time.monotonic()`'s clock. `reason`: a short text, such as `no_daemon` or `by_hand`.
    """

    __slots__ = ("_before", "deadline", "named", "needed_bytes", "reason", "severity_ratio", "tier")

    def __init__(
        self,
        tier: str,
        seconds: float,
        needed_bytes: int | None = None,
        severity_ratio: float | None = None,
        reason: str = "",
        named: bool = False,
    ) -> None:
        self.tier = tier
        self.deadline = time.monotonic() + seconds
        self.needed_bytes = needed_bytes
        self.severity_ratio = severity_ratio
        self.reason = reason
        self.named = named  # whether the hooks were asked for by their names, and not by the tier alone
        self._before = rss()

    def seconds_left(self) -> float:
        """Seconds until the deadline, not below 0."""
        return max(0.0, self.deadline - time.monotonic())

    def reclaimed_bytes(self) -> int | None:
        """How far the resident set has fallen since the round began; negative where it has grown."""
        now = rss()
        return None if now is None or self._before is None else self._before - now

    def enough(self, now: int | None = None) -> bool:
        """Whether `needed_bytes` have come back, as measured: `now` is the resident set, where it is known already.

        Never true in an emergency: then everything goes.
        """
        if self.needed_bytes is None or self.tier == "emergency":
            return False
        if now is None or self._before is None:
            return (self.reclaimed_bytes() or 0) >= self.needed_bytes
        return self._before - now >= self.needed_bytes


class Skip(Exception):  # noqa: N818 - nothing is wrong: the hook has decided not to run
    """Raised by a hook that does nothing this time, with a reason of `wire.REASONS` and what is behind it.

    Another reason becomes `unsupported`, and stands before the detail.
    """

    def __init__(self, reason: str = UNSUPPORTED, detail: str = "") -> None:
        known = reason in REASONS
        super().__init__(detail if known else f"{reason!r:.60} {detail}")
        self.reason = reason if known else UNSUPPORTED
        self.outcome = SUPPRESSED
