"""In which tier is this process, and who says so? A daemon as long as it speaks, else its own resident set.

Pure: time and sizes are arguments, so that every rule is a test.
"""

from __future__ import annotations

from brimwatch.hooks.wire import BUSY, TIERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LEAVE_RATIO = 0.9  # a tier is left below 90 % of where it was entered
COOLDOWN = 60.0  # seconds before a tier that still holds is acted on again, where no daemon says when


class Lease:
    """Which daemon looks after this process. A second one is told `busy` until the first has been silent."""

    def __init__(self, alive: Callable[[int], bool]) -> None:
        self._alive = alive
        self.holder: tuple[int, str] | None = None
        self.until = 0.0

    def take(self, holder: tuple[int, str], seconds: float, now: float) -> str | None:
        """Hold it for that long from now, at least as long as it was held already; None, or `busy`."""
        fresh = self.is_fresh(now)
        if fresh and holder != self.holder:
            return BUSY
        self.until = max(self.until, now + seconds) if fresh else now + seconds
        self.holder = holder
        return None

    def is_fresh(self, now: float) -> bool:
        """Whether somebody holds it. One who is dead does not; PID 0 is one outside our PID namespace: who knows."""
        return self.holder is not None and now < self.until and (self.holder[0] == 0 or self._alive(self.holder[0]))


class Judgement:
    """The tier, and from where it is known: `daemon`, `own` or `nobody`."""

    def __init__(self) -> None:
        self.tier = TIERS[0]
        self.source = "nobody"
        self.thresholds: dict[str, int] = {}  # tier to resident bytes
        self.warnings = 0  # how often a higher tier was entered
        self._told_until: float | None = None
        self._acted: dict[str, float] = {}

    def tell(self, tier: str, until: float, thresholds: Mapping[str, int] | None) -> bool:
        """A daemon says so, and by which thresholds to judge once it is silent; True when the tier has changed."""
        if thresholds is not None:
            self.thresholds = dict(thresholds)
        self._told_until, self.source = until, "daemon"
        return self._enter(tier)

    def forget(self) -> bool:
        """Nobody says any more, and nobody looks; True when the tier has changed."""
        self._told_until, self.source = None, "nobody"
        return self._enter(TIERS[0])

    def told(self, now: float) -> bool:
        """Whether what a daemon said still holds."""
        return self._told_until is not None and now < self._told_until

    def judge(self, rss: int | None, now: float) -> bool:
        """Look for ourselves, once nobody tells us any more; True when the tier has changed."""
        if self.told(now):
            return False
        self._told_until = None
        if not self.thresholds:
            self.source = "nobody"
            return self._enter(TIERS[0])
        self.source = "own"
        return rss is not None and self._enter(self._by(rss))

    def due(self, now: float) -> bool:
        """Whether hooks should run for a tier that we judged ourselves; True once in each cooldown."""
        if self.source != "own" or self.tier == TIERS[0]:
            return False
        last = self._acted.get(self.tier)
        if last is not None and now - last < COOLDOWN:
            return False
        self._acted[self.tier] = now
        return True

    def needed(self, rss: int | None) -> int | None:
        """Bytes by which the resident set has to fall for the tier to be left."""
        enter = self.thresholds.get(self.tier)
        return None if enter is None or rss is None else max(0, rss - int(enter * LEAVE_RATIO) + 1)

    def severity(self, rss: int | None) -> float | None:
        """The resident set as a multiple of the tier's threshold."""
        enter = self.thresholds.get(self.tier)
        return None if not enter or rss is None else rss / enter

    def _by(self, rss: int) -> str:
        current = TIERS.index(self.tier)
        found = 0
        for rank, tier in enumerate(TIERS):
            enter = self.thresholds.get(tier)
            if enter is not None and rss >= (enter * LEAVE_RATIO if rank <= current else enter):
                found = rank
        return TIERS[found]

    def _enter(self, tier: str) -> bool:
        if tier == self.tier:
            return False
        if TIERS.index(tier) > TIERS.index(self.tier):
            self.warnings += 1
        else:
            # Left, and perhaps entered again: that is a new occasion.
            self._acted = {acted: at for acted, at in self._acted.items() if TIERS.index(acted) <= TIERS.index(tier)}
        self.tier = tier
        return True
