"""How many objects does the real daemon hold? Runs `brimwatch` with the words given; a signal asks for the count.

    python probed.py FILE run --config.file ...

SIGRTMIN writes the number of GC-tracked objects to FILE. The daemon itself is not changed: the handler runs between two
bytecodes of its main thread.
"""

import gc
import signal
import sys

from brimwatch.cli.main import main


def answer(number: int, frame: object) -> None:
    with open(sys.argv[1], "w") as stream:
        stream.write(f"{len(gc.get_objects())}\n")


if __name__ == "__main__":
    signal.signal(signal.SIGRTMIN, answer)
    sys.exit(main(sys.argv[2:]))
