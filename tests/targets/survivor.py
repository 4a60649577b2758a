"""A program with hooks that works until its memory is gone: each request makes an answer of 1 MB and keeps it.

    python survivor.py LABEL KIND RATE SECONDS PROGRESS

LABEL is for whoever looks for the process. It prints `ready`, waits for a line, works for SECONDS at RATE MB/s, prints
`done`. What it has done stands in the file PROGRESS, four numbers of 64 bits, also when it was killed: requests that
came, that were answered, that were refused for want of memory, and how often its hook dropped the cache. A request that
waited for more than 100 ms is turned away: it came, and was not answered.

Kinds: `cache` keeps all answers where the hook drops them; `cache+N` the same beside N MB that nobody can drop; `keep`
keeps them where no hook reaches; `shared` does so in shared memory; `call`, `huge` and `forks` work a second with a
cache of 200 MB, then make 400 answers in one call of C code, or one answer of 300 MB, or fork without end.
"""

import itertools
import mmap
import os
import struct
import sys
import time
from collections.abc import Callable

from brimwatch import hooks

BLOCK = 1_000_000  # bytes of one answer
LATE = 0.1  # seconds after which a request is turned away
PAUSE = 0.002  # seconds between two looks for requests
CHILD = 8  # MB that each process of `forks` touches
MOST_CHILDREN = 100

cache: list[bytes] = []
kept: list[object] = []


def answer() -> bytes:
    """One megabyte, written to: every page of it is resident."""
    return b"x" * BLOCK


def share() -> mmap.mmap:
    """The same in memory that no RLIMIT_DATA counts."""
    pages = mmap.mmap(-1, BLOCK)
    pages[:] = b"x" * BLOCK
    return pages


@hooks.on("warning", name="answers")
def drop(_request: hooks.Request) -> int:
    """Give the whole cache back."""
    COUNTS.drops += 1
    freed = len(cache) * BLOCK
    cache.clear()
    return freed


class Counts:
    """What has been done so far, and a file that keeps it when we are killed."""

    def __init__(self, path: str) -> None:
        self.came = self.answered = self.refused = self.drops = 0
        with open(path, "r+b") as file:
            self._file = mmap.mmap(file.fileno(), 32)

    def write(self) -> None:
        struct.pack_into("4Q", self._file, 0, self.came, self.answered, self.refused, self.drops)


def serve(rate: float, seconds: float, work: Callable[[], None]) -> None:
    """Answer what comes at `rate` MB per second; what finds no memory is refused, and the next one is tried."""
    last = time.monotonic()
    end, owed = last + seconds, 0.0
    while last < end:
        try:
            now = time.monotonic()
            owed, last = owed + (now - last) * rate, now
            if owed > rate * LATE + 1:
                COUNTS.came += int(owed)
                owed %= 1
            while owed >= 1:
                owed -= 1
                COUNTS.came += 1
                work()
                COUNTS.answered += 1
            COUNTS.write()
        except MemoryError:
            COUNTS.refused += 1
        time.sleep(PAUSE)


def one_call() -> None:
    """All in C: no bytecode runs before the end, and the interpreter is not shared."""
    kept.extend(map(bytes, itertools.repeat(bytearray(answer()), 400)))


def one_answer() -> None:
    """More than is left, at once."""
    kept.append(b"x" * (300 * BLOCK))


def fork_on() -> None:
    """A child that lives as long as its parent, which alone can write to the pipe that it reads."""
    if len(kept) == MOST_CHILDREN:
        return
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(writing)
        for held in kept:
            os.close(held)  # type: ignore[arg-type]
        kept[:] = [b"x" * (CHILD * BLOCK)]
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    kept.append(writing)


ONCE = {"call": one_call, "huge": one_answer, "forks": fork_on}


def main() -> None:
    kind, rate, seconds = sys.argv[2:5]
    work = {"keep": lambda: kept.append(answer()), "shared": lambda: kept.append(share())}.get(
        kind, lambda: cache.append(answer())
    )
    kind, _, base = kind.partition("+")
    kept.extend(answer() for _ in range(int(base or 0)))
    if kind in ONCE:
        cache.extend(answer() for _ in range(200))
    if not hooks.install():
        sys.exit(str(hooks.status()["agent"]))
    print("ready", flush=True)
    sys.stdin.readline()
    if kind in ONCE:
        serve(10, 1.0, work)
        serve(float(rate), float(seconds) - 1.0, ONCE[kind])
    else:
        serve(float(rate), float(seconds), work)
    print("done", flush=True)


COUNTS = Counts(sys.argv[5])
main()
