"""Who looks inside processes while the daemon goes on watching? A small program of its own, a line in, a line out.

A busy thread of the daemon would delay its loop by 5 ms; and a fault in here costs one answer. It ends when its input
does. Started as `python -m brimwatch.inspect.worker PROCFS`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time

from brimwatch.inspect import wire
from brimwatch.inspect.census import take_census
from brimwatch.inspect.found import Interpreter
from brimwatch.model import ProcessId
from brimwatch.units import Seconds

NICE = 10  # what is watched comes first
_REMEMBERED = 1024  # interpreters
_known: dict[ProcessId, Interpreter] = {}


def main(procfs: str = "/proc") -> None:
    """Answer each line of standard input with one on standard output."""
    with contextlib.suppress(OSError):  # a sandbox may forbid even this: systemd's @resources
        os.setpriority(os.PRIO_PROCESS, 0, NICE)  # whatever the daemon's own is
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    for line in iter(lambda: sys.stdin.buffer.readline(wire.LONGEST), b""):
        sys.stdout.buffer.write(_look(procfs, line))
        sys.stdout.buffer.flush()
        if trim is not None:
            trim(0)  # the pages that were read are garbage by now: 40 MB became 17 after a walk over 600,000 objects


def _look(procfs: str, line: bytes) -> bytes:
    process, wants, most = wire.parse_question(line)
    try:
        census = take_census(procfs, process, wants, most, known=_known.get(process))
        _remember(process, census.python)
        return wire.answer(census, _spent())
    except ProcessLookupError:
        return wire.gone(process, _spent())
    except Exception as error:  # noqa: BLE001 - whatever stands in a foreign memory, the next look is made
        return wire.failure(process, repr(error), _spent())


def _remember(process: ProcessId, found: Interpreter | None) -> None:
    """To look again where an interpreter was found takes a quarter of the time."""
    if found is not None:
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[process] = found


def _spent() -> Seconds:
    return Seconds(time.process_time())


if __name__ == "__main__":
    main(*sys.argv[1:2])
