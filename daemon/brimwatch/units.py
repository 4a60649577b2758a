"""How do people write sizes, durations, ratios and rates, and how are they shown again?

Sizes: `kB MB GB TB` are powers of 1000; `KiB MiB GiB TiB` and Kubernetes' `Ki Mi Gi Ti` powers of 1024.
Durations: `ms s m h d`. A number without a unit is refused: 500 of what?
"""

from __future__ import annotations

import math
import re
from typing import NewType

Bytes = NewType("Bytes", int)
Seconds = NewType("Seconds", float)

_SIZES = {
    "B": 1,
    "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
_DURATIONS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z%/]*)", re.ASCII)
_LONGEST = 32

WANTED_SIZE = "a size with a unit, such as 500MB, 1.5GiB or 512Mi"
WANTED_DURATION = "a duration with a unit, such as 500ms, 30s, 5m, 2h or 7d"
WANTED_RATIO = "a percentage such as 85% or a ratio such as 0.85"
WANTED_RATE = "a size per time, such as 10MB/s or 1GiB/h"


def _split(text: str, wanted: str) -> tuple[float, str]:
    found = _NUMBER.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None:
        raise ValueError(wanted)
    return float(found[1]), found[2]


def parse_size(text: str) -> Bytes:
    """Read a size in bytes. Raises ValueError, whose message is what was wanted."""
    number, unit = _split(text, WANTED_SIZE)
    if unit not in _SIZES:
        raise ValueError(WANTED_SIZE)
    return Bytes(round(number * _SIZES[unit]))


def parse_duration(text: str) -> Seconds:
    """Read a duration in seconds. Raises ValueError, whose message is what was wanted."""
    number, unit = _split(text, WANTED_DURATION)
    if unit not in _DURATIONS:
        raise ValueError(WANTED_DURATION)
    return Seconds(number * _DURATIONS[unit])


def parse_ratio(text: str) -> float:
    """Read a ratio: `85%` and `0.85` are both 0.85. Raises ValueError, whose message is what was wanted."""
    number, unit = _split(text, WANTED_RATIO)
    if unit not in ("", "%") or (not unit and number > 1):
        raise ValueError(WANTED_RATIO)
    return number / 100 if unit else number


def parse_rate(text: str) -> float:
    """Read a rate in bytes per second. Raises ValueError, whose message is what was wanted."""
    size, slash, unit = text.strip().partition("/")
    if not slash or unit not in _DURATIONS:
        raise ValueError(WANTED_RATE)
    try:
        return parse_size(size) / _DURATIONS[unit]
    except ValueError:
        raise ValueError(WANTED_RATE) from None


def format_bytes(count: float) -> str:
    """Show bytes with three significant digits in powers of 1000: `693.7 MB` is what a person compares."""
    size = abs(count)
    sign = "-" if count < 0 else ""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{sign}{size / factor:.{1 if size < 1000 * factor else 0}f} {unit}"
    return f"{sign}{size:.0f} B"


def format_duration(seconds: float) -> str:
    """Show a duration in its two largest fitting units: `2h 5m`, `12.3s`, `350ms`; `never` for an infinite one."""
    if not math.isfinite(seconds):
        return "never"
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 60:
        return f"{seconds:.1f}s"
    if seconds < 3600:
        return f"{int(seconds // 60)}m {int(seconds % 60)}s"
    if seconds < 86400:
        return f"{int(seconds // 3600)}h {int(seconds % 3600 // 60)}m"
    return f"{int(seconds // 86400)}d {int(seconds % 86400 // 3600)}h"


def format_ratio(ratio: float) -> str:
    """Show a ratio as a percentage with one digit: `84.2 %`."""
    return f"{ratio * 100:.1f} %"
