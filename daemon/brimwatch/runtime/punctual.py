"""Do looks come in time? A loop that is held up by something says so, since what it did not see it cannot tell."""

from __future__ import annotations

from brimwatch.record.catalogue import Name
from brimwatch.runtime.story import Story

LATE = 1.0  # seconds beside three intervals: less is what a busy machine does to anybody


class Punctual:
    """Compares when the loop ran with when it should have; `ticked` is called at each round."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._since: float | None = None  # when the round was due that came late, monotonic seconds

    def ticked(self, now: float, due: float, interval: float) -> None:
        """A round runs at `now` that was due at `due`; all in seconds."""
        late = now - due
        if late > LATE + 3 * interval:
            if self._since is None:
                self._story.tell(Name.WATCH_STALLED, late_seconds=round(late, 2))
                self._since = due
        elif self._since is not None:
            self._story.tell(Name.WATCH_RESUMED, stalled_seconds=round(now - self._since, 2))
            self._since = None
