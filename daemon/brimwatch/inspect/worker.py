"""Who looks inside processes while the daemon goes on watching? A small program of its own, a line in, a line out.

A busy thread of the daemon would delay its loop by 5 ms; and a fault in here costs one answer. It ends when its input
does. Started as `python -m brimwatch.inspect.worker PROCFS`.
"""

import os
import sys
import time

from brimwatch.inspect import wire
from brimwatch.inspect.census import take_census
from brimwatch.units import Seconds

NICE = 10  # what is watched comes first


def main() -> None:
    """Answer each line of standard input with one on standard output."""
    procfs = sys.argv[1] if len(sys.argv) > 1 else "/proc"
    os.nice(NICE)
    for line in iter(lambda: sys.stdin.buffer.readline(wire.LONGEST), b""):
        sys.stdout.buffer.write(_look(procfs, line))
        sys.stdout.buffer.flush()


def _look(procfs: str, line: bytes) -> bytes:
    started = time.process_time()
    process, wants, most = wire.parse_question(line)
    try:
        return wire.answer(take_census(procfs, process, wants, most))
    except ProcessLookupError as error:
        return wire.failure(process, f"gone: {error}", Seconds(time.process_time() - started))
    except Exception as error:  # noqa: BLE001 - whatever stands in a foreign memory, the next look is made
        return wire.failure(process, f"fault: {error!r}", Seconds(time.process_time() - started))


if __name__ == "__main__":
    main()
