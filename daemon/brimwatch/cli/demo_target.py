"""What does the demonstration watch? A real process that fills three caches and drops them when it is asked.

SIGUSR1 drops the report cache, SIGUSR2 the session and thumbnail caches as well. Memory is taken from the kernel by
mmap and written to, so that it is resident, and goes back at once when it is dropped.
"""

from __future__ import annotations

import argparse
import mmap
import resource
import signal
import sys
import time

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

    def drop(self, *names: str) -> None:
        """Give piles back to the kernel."""
        for name in names:
            for block in self.piles[name]:
                block.close()
            self.piles[name].clear()


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
    signal.signal(signal.SIGUSR1, lambda *_: caches.drop("reports"))
    signal.signal(signal.SIGUSR2, lambda *_: caches.drop("reports", "sessions", "thumbnails"))
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
