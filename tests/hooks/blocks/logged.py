"""What do the tests of background services share? Services that write down what they do."""

import threading
from collections.abc import Callable
from typing import Any

from brimwatch import hooks


class Log:
    """What services did, in order, and how many of each name ran at once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()

    def service(self, name: str) -> Callable[[threading.Event], None]:
        def run(stop: threading.Event) -> None:
            with self._lock:
                self._running += 1
                self.most = max(self.most, self._running)
            self.lines.append(f"+{name}")
            stop.wait(30)
            with self._lock:
                self._running -= 1
            self.lines.append(f"-{name}")

        return run


def states(services: hooks.BackgroundServices) -> dict[str, str]:
    return {name: one["state"] for name, one in services.status().items()}


def relieve(tier: str, **options: Any) -> dict[str, Any]:
    (outcome,) = hooks.reclaim(tier, names=["services"], **options)["hooks"]
    return dict(outcome)
