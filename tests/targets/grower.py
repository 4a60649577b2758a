"""A process that holds what it is told: `hold MB`, `grow MB/s`, `stop` on standard input; SIGUSR1 gives it all back.

Prints `ready` first, `caught SIGUSR1` for each signal, and lives until its standard input is closed. Arguments:
`--deaf` installs no handler, `--stubborn` ignores SIGTERM, `--keep N` keeps N MB when it gives back.
"""

import argparse
import mmap
import os
import select
import signal
import sys
import time

BLOCK = 1_000_000
held: list[mmap.mmap] = []


def say(text: str) -> None:
    """One whole line: a handler may speak in the middle of what it interrupts."""
    os.write(1, f"{text}\n".encode())


def take(megabytes: float) -> None:
    while len(held) < megabytes:
        block = mmap.mmap(-1, BLOCK)
        block[:] = b"x" * BLOCK
        held.append(block)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--stubborn", action="store_true")
    parser.add_argument("--keep", type=int, default=0)
    options = parser.parse_args()

    def give_back(*_: object) -> None:
        while len(held) > options.keep:
            held.pop().close()
        say("caught SIGUSR1")

    if not options.deaf:
        signal.signal(signal.SIGUSR1, give_back)
    if options.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say("ready")
    rate, last = 0.0, time.monotonic()
    while True:
        if select.select([sys.stdin], [], [], 0.02)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            word, _, number = line.strip().partition(" ")
            if word == "hold":
                take(float(number))
            rate = float(number) if word == "grow" else 0.0
            say(f"did {line.strip()}")
            last = time.monotonic()
        if rate:
            now = time.monotonic()
            take(len(held) + rate * (now - last))
            last = now


main()
