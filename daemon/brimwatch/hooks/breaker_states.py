"""When does a circuit breaker open, try, and close again? A table: phase and event make the next phase.

Pure: time, pressure and chance are arguments, so that every rule is a test. Under pressure it opens for a while; then
it lets a few trials through, and closes when all of them went well. Each time that it opens anew before it had closed
the while doubles, up to a bound.
"""

from __future__ import annotations

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"


class Rules:
    """How long it stays open at first and at most (seconds), how many trials it takes, and the share of chance."""

    __slots__ = ("jitter", "longest", "trials", "wait")

    def __init__(self, wait: float, longest: float, trials: int, jitter: float) -> None:
        self.wait, self.longest, self.trials, self.jitter = wait, longest, trials, jitter

    def seconds(self, openings: int, chance: float) -> float:
        """How long the opening of that number lasts: doubled each time, less up to `jitter` of it (chance 0 to 1)."""
        doubled = self.wait * 2.0 ** min(openings - 1, 60)
        return float(min(doubled, self.longest) * (1.0 - self.jitter * chance))


class Phase:
    """What a breaker is: never changed, always replaced. `epoch` tells calls of now from those of before."""

    __slots__ = ("begun", "epoch", "name", "openings", "passed", "seconds", "since")

    def __init__(
        self,
        name: str = CLOSED,
        since: float = 0.0,
        seconds: float = 0.0,
        openings: int = 0,
        begun: int = 0,
        passed: int = 0,
        epoch: int = 0,
    ) -> None:
        self.name = name
        self.since, self.seconds = since, seconds  # open, or trying: from when, and for how long
        self.openings = openings  # in a row, without having closed
        self.begun, self.passed = begun, passed  # trials
        self.epoch = epoch

    def left(self, now: float) -> float:
        """Seconds until it moves on by itself. A clock that jumped back does not make it longer than it was."""
        return max(0.0, min(self.seconds, self.since + self.seconds - now))


def look(phase: Phase, rules: Rules, pressed: bool, now: float, chance: float = 0.0) -> Phase:
    """Time has passed: is there pressure?"""
    if phase.name == CLOSED:
        return _opened(phase, rules, now, chance) if pressed else phase
    if phase.name == HALF_OPEN and pressed:
        return _opened(phase, rules, now, chance)
    if phase.left(now) > 0:
        return _no_later(phase, now)
    if phase.name == OPEN and pressed:
        return _opened(phase, rules, now, chance)
    # Its time is over; or trials never came back, and others get their turn.
    return Phase(HALF_OPEN, now, rules.seconds(max(1, phase.openings), 0.0), phase.openings, epoch=phase.epoch + 1)


def admit(phase: Phase, rules: Rules) -> Phase | None:
    """A call wants to begin: the next phase, or None where it is refused."""
    if phase.name == CLOSED:
        return phase
    if phase.name == OPEN or phase.begun >= rules.trials:
        return None
    return Phase(HALF_OPEN, phase.since, phase.seconds, phase.openings, phase.begun + 1, phase.passed, phase.epoch)


def finish(phase: Phase, rules: Rules, epoch: int, well: bool, now: float, chance: float = 0.0) -> Phase:
    """A call that was admitted in `epoch` has ended; not `well` where memory ran out in it."""
    if not well:
        # One that began before it opened is the same trouble, and no new opening.
        return phase if phase.name == OPEN else _opened(phase, rules, now, chance)
    if phase.name != HALF_OPEN or epoch != phase.epoch:
        return phase
    passed = phase.passed + 1
    if passed >= rules.trials:
        return Phase(CLOSED, now, epoch=phase.epoch + 1)
    return Phase(HALF_OPEN, phase.since, phase.seconds, phase.openings, phase.begun, passed, phase.epoch)


def _opened(phase: Phase, rules: Rules, now: float, chance: float) -> Phase:
    openings = phase.openings + 1
    return Phase(OPEN, now, rules.seconds(openings, chance), openings, epoch=phase.epoch + 1)


def _no_later(phase: Phase, now: float) -> Phase:
    """As it is, unless the clock was put back: then it counts from now."""
    if now >= phase.since:
        return phase
    return Phase(phase.name, now, phase.seconds, phase.openings, phase.begun, phase.passed, phase.epoch)
