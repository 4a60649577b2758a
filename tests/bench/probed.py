"""How many objects does the real daemon hold? Runs `brimwatch` with the words given; a signal asks for the count.

    python probed.py FILE run --config.file ...

SIGRTMIN writes two numbers to FILE: the objects that the collector watches, and those that `gc.freeze` took from its
sight, which are there all the same. The daemon itself is not changed: the handler runs between two
bytecodes of its main thread.
"""

import gc
import signal
import sys

from brimwatch.cli.main import main


def answer(number: int, frame: object) -> None:
    with open(sys.argv[1], "w") as stream:
        stream.write(f"{len(gc.get_objects())} {gc.get_freeze_count()}\n")


if __name__ == "__main__":
    signal.signal(signal.SIGRTMIN, answer)
    sys.exit(main(sys.argv[2:]))
