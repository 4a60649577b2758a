"""For what share of the time did tasks wait for memory?"""

from __future__ import annotations

import re
from typing import NamedTuple

from brimwatch.errors import MalformedProcFile

_LINE = re.compile(rb"^(some|full) avg10=([0-9.]+) avg60=([0-9.]+) avg300=([0-9.]+) total=([0-9]+)$", re.M)


class Pressure(NamedTuple):
    """Ratios 0..1 over the last 10, 60 and 300 seconds, totals in microseconds.

    `some`: at least one task waited; `full`: all that were not idle did, None where the kernel has no such line.
    """

    some_avg10: float
    some_avg60: float
    some_avg300: float
    some_total_us: int
    full_avg10: float | None = None
    full_avg60: float | None = None
    full_avg300: float | None = None
    full_total_us: int | None = None

    def ratios(self) -> dict[str, float]:
        """The ten-second ratios by kind: `some`, and `full` where known."""
        known = {"some": self.some_avg10}
        if self.full_avg10 is not None:
            known["full"] = self.full_avg10
        return known


def parse_pressure(text: bytes) -> Pressure:
    """Read /proc/pressure/memory or a cgroup's memory.pressure.

    Source: Documentation/accounting/psi.rst. The averages are renewed every 2 seconds. Raises MalformedProcFile.
    """
    found = {line[0]: line[1:] for line in _LINE.findall(text)}
    try:
        some = _figures(found[b"some"])
        full = _figures(found[b"full"]) if b"full" in found else (None, None, None, None)
    except (KeyError, ValueError):
        raise MalformedProcFile(f"pressure: found {text[:80]!r}, wanted a line beginning with `some avg10=`") from None
    return Pressure(*some, *full)


def _figures(texts: tuple[bytes, ...]) -> tuple[float, float, float, int]:
    avg10, avg60, avg300, total = texts
    return float(avg10) / 100, float(avg60) / 100, float(avg300) / 100, int(total)
