"""What does the demonstration watch? A real process that fills three caches and drops them when its hooks are asked.

The hook `reports` drops the report cache, `sessions` those of sessions and thumbnails. Memory is taken from the kernel
by mmap and written to, so that it is resident, and goes back at once when it is dropped.
"""

from __future__ import annotations

import argparse
import mmap
import resource
import sys
import time
from functools import partial

from brimwatch import hooks

BLOCK = 1 << 20  # bytes
STEPS = 20  # blocks are taken this many times a second
SHARES = ("thumbnails", "sessions", "reports", "sessions")  # which cache each next block goes into
GRACE = 200 << 20  # bytes above 1.5 times the limit, for the interpreter itself


class Caches:
    """Three piles of memory."""

    def __init__(self) -> None:
        self.piles: dict[str, list[mmap.mmap]] = {"thumbnails": [], "sessions": [], "reports": []}
        self.blocks = 0

    def grow(self) -> None:
        """Take one block more and write to each of its pages."""
        block = mmap.mmap(-1, BLOCK)
        for offset in range(0, BLOCK, mmap.PAGESIZE):
            block[offset] = 1
        self.piles[SHARES[self.blocks % len(SHARES)]].append(block)
        self.blocks += 1

    def drop(self, names: tuple[str, ...], _: object = None) -> int:
        """Give piles back to the kernel, while they may be growing; how many bytes."""
        dropped = 0
        for name in names:
            pile, self.piles[name] = self.piles[name], []
            dropped += len(pile) * BLOCK
        return dropped

    def size(self, names: tuple[str, ...]) -> int:
        """How many bytes piles hold."""
        return sum(len(self.piles[name]) for name in names) * BLOCK


def install_hooks(caches: Caches) -> None:
    """What a program does to be asked: it registers a function for what it can give back, and starts the agent."""
    hooks.register("reports", partial(caches.size, ("reports",)), function=partial(caches.drop, ("reports",)))
    rest = ("sessions", "thumbnails")
    hooks.register("sessions", partial(caches.size, rest), function=partial(caches.drop, rest), tier="emergency")
    if not hooks.install():
        sys.exit(f"the agent could not be started: {hooks.status()['agent']}")


def main() -> int:
    """Grow until told otherwise, or until the parent is gone (standard input closed)."""
    parser = argparse.ArgumentParser(description="The process that `brimwatch demo` watches.")
    parser.add_argument("--rate", type=int, required=True, help="bytes per second")
    parser.add_argument("--limit", type=int, required=True, help="bytes")
    parser.add_argument("--duration", type=float, required=True, help="seconds")
    options = parser.parse_args()
    ceiling = options.limit + options.limit // 2 + GRACE
    resource.setrlimit(resource.RLIMIT_DATA, (ceiling, ceiling))  # should all else fail, this ends us, not the machine
    caches = Caches()
    install_hooks(caches)
    print("ready", flush=True)
    end = time.monotonic() + options.duration
    owed = 0.0
    while time.monotonic() < end:
        owed += options.rate / STEPS / BLOCK
        while owed >= 1:
            caches.grow()
            owed -= 1
        time.sleep(1 / STEPS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
