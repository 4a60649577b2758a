"""A Python program that handles a MemoryError: `hold MB`, `grow MB/s`, `stop`, `give`, `child`, `limit` on its input.

Its memory is private, as that of most programs is, so that RLIMIT_DATA counts it. At a MemoryError it says so, gives
everything back and lives on. `child` starts a process that inherits its limits, and says its PID; `limit` says its own.
"""

import os
import resource
import select
import sys
import time

BLOCK = 1_000_000
held: list[bytearray] = []
children: list[int] = []


def take(megabytes: float) -> bool:
    """Take memory; False where it was refused, and all of it was given back."""
    try:
        while len(held) < megabytes:
            held.append(bytearray(b"x") * BLOCK)
    except MemoryError:
        held.clear()
        print("MemoryError", flush=True)
        return False
    return True


def fork() -> int:
    """A child that lives as long as its parent, which alone can write to the pipe that it reads."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    return pid


def main() -> None:
    print("ready", flush=True)
    rate, last = 0.0, time.monotonic()
    while True:
        if select.select([0], [], [], 0.02)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            word, _, number = line.strip().partition(" ")
            if word == "hold":
                take(float(number))
            if word == "give":
                held.clear()
            rate = float(number) if word == "grow" else 0.0
            last = time.monotonic()
            if word == "child":
                children.append(fork())
                line = f"child {children[-1]}"
            if word == "limit":
                line = f"limit {resource.getrlimit(resource.RLIMIT_DATA)[0]}"
            print(f"did {line.strip()}", flush=True)
        if rate:
            now = time.monotonic()
            rate = rate if take(len(held) + rate * (now - last)) else 0.0
            last = now


main()
