"""Which other processes run the same program, and what do they hold together?"""

from __future__ import annotations

import os
import re

from brimwatch.inspect.report import Twins
from brimwatch.procfs.descriptor import read_file
from brimwatch.procfs.statm import parse_statm
from brimwatch.units import Bytes

MOST = 20_000  # processes that are looked at
_COMMAND_LINE = 16 * 1024  # bytes that are compared
_DIGITS = re.compile(rb"\d+")


def find_twins(procfs: str, pid: int) -> Twins:
    """Processes with the same program file and a command line that differs in digits alone.

    Where the file may not be read, the command line has to do. Raises ProcessLookupError, PermissionError.
    """
    shape, program = _shape(f"{procfs}/{pid}"), _program(f"{procfs}/{pid}")
    number = rss = 0
    if not shape:
        return Twins(0, Bytes(0))
    for name in [name for name in os.listdir(procfs) if name.isdecimal()][:MOST]:
        process = f"{procfs}/{name}"
        try:
            if int(name) == pid or _shape(process) != shape:
                continue
            if program is not None and _program(process) not in (program, None):
                continue
            rss += parse_statm(read_file(f"{process}/statm")).resident
            number += 1
        except (OSError, ValueError):
            continue  # it has ended meanwhile
    return Twins(number, Bytes(rss))


def _shape(process: str) -> bytes:
    descriptor = os.open(f"{process}/cmdline", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _DIGITS.sub(b"N", os.read(descriptor, _COMMAND_LINE))
    finally:
        os.close(descriptor)


def _program(process: str) -> str | None:
    try:
        return os.readlink(f"{process}/exe")
    except OSError:
        return None
