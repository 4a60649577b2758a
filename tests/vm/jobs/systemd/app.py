"""A service with a cache: grows as told (MB held from the start, MB/s, MB altogether), and gives it back when asked.

Asked by a hook (argument `agent`), or by SIGUSR1. Says on standard output when it has taken all that it was told to.
"""

import signal
import sys
import time

held: list[bytearray] = []


def give_back(*_: object) -> int:
    freed = sum(map(len, held))
    held.clear()
    return freed


def main() -> None:
    kind, first, rate, altogether = sys.argv[1], *map(int, sys.argv[2:])
    signal.signal(signal.SIGUSR1, give_back)
    if kind == "agent":
        from brimwatch import hooks

        hooks.on("warning", name="cache")(give_back)
        hooks.install()
    taken = 0
    while True:
        while taken < min(first, altogether):
            held.append(bytearray(b"x" * 1_000_000))
            taken += 1
        if taken >= altogether:
            print(f"took {taken} MB", flush=True)
            break
        first = taken + 1
        time.sleep(1 / rate)
    while True:
        time.sleep(60)


main()
