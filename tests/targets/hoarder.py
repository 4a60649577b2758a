"""A Python program that handles a MemoryError: `hold MB`, `grow MB/s`, `stop`, `give` and more on its input.

Its memory is private, as that of most programs is, so that RLIMIT_DATA counts it. At a MemoryError it says so, gives
everything back and lives on. `reserve MB` takes addresses and no memory; `child` starts a process that inherits its
limits, and says its PID; `limit` says its own.
"""

import mmap
import os
import resource
import select
import sys
import time

BLOCK = 1_000_000
held: list[bytearray] = []
children: list[int] = []
reserved: list[mmap.mmap] = []
PRIVATE_NORESERVE = 0x02 | 0x4000  # Linux, x86-64 and arm64; before Python 3.13 mmap does not name the second


def say(text: str) -> None:
    """One whole line: a handler may speak in the middle of what it interrupts."""
    os.write(1, f"{text}\n".encode())


def take(megabytes: float) -> bool:
    """Take memory; False where it was refused, and all of it was given back."""
    try:
        while len(held) < megabytes:
            held.append(bytearray(b"x") * BLOCK)
    except MemoryError:
        held.clear()
        say("MemoryError")
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
    say("ready")
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
            if word == "reserve":
                reserved.append(mmap.mmap(-1, int(number) * BLOCK, flags=PRIVATE_NORESERVE, prot=mmap.PROT_READ))
            rate = float(number) if word == "grow" else 0.0
            last = time.monotonic()
            if word == "child":
                children.append(fork())
                line = f"child {children[-1]}"
            if word == "limit":
                line = f"limit {resource.getrlimit(resource.RLIMIT_DATA)[0]}"
            say(f"did {line.strip()}")
        if rate:
            now = time.monotonic()
            rate = rate if take(len(held) + rate * (now - last)) else 0.0
            last = now


main()
