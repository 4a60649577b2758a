"""What does the service do besides answering? Small chores, each every few seconds, as the field reports list them."""

import time
from collections import Counter
from collections.abc import Callable, Sized

SEEN: Counter[str] = Counter()  # how often each chore was done

CRITICAL = ("sessions", "health")
NAMES = (*CRITICAL, "metrics", "monitor", "prefetch", "analytics", "audit", "backup", "feedback")
PERIOD = 2.0  # seconds


def chore(name: str, watched: dict[str, Sized]) -> Callable[[], None]:
    """One round of this service: it looks at what the program holds, and notes that it did."""

    def once() -> None:
        SEEN[name] += 1
        SEEN[f"{name}-entries"] = sum(map(len, list(watched.values())))

    return once


def forever(once: Callable[[], None]) -> None:
    """How the naive build runs one: a thread of its own, for ever."""
    while True:
        once()
        time.sleep(PERIOD)
