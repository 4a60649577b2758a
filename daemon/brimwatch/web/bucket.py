"""May one more request be answered now? A token bucket, as `rate_limit` of the web configuration asks for it."""

from __future__ import annotations

from brimwatch.units import Seconds


class Bucket:
    """Holds at most `burst` requests, and gains one every `interval` seconds."""

    def __init__(self, interval: Seconds, burst: int) -> None:
        self._interval = interval
        self._burst = burst
        self._left = float(burst)
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Use up one request at `now` (monotonic seconds); False where none is left."""
        if self._at is not None:
            self._left = min(float(self._burst), self._left + (now - self._at) / self._interval)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
