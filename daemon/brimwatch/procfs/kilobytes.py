"""How are the kernel's lists of `Name:   123 kB` lines read?"""

from __future__ import annotations

from collections.abc import Mapping

from brimwatch.errors import MalformedProcFile
from brimwatch.units import Bytes

_DIGITS = 18  # more is no memory that there is


def parse_kilobytes(found: Mapping[bytes, bytes], name: bytes, file: str) -> Bytes | None:
    """The bytes of one line, None where the file has no such line.

    The kernel writes `kB` and means 1024 bytes. Raises MalformedProcFile.
    """
    text = found.get(name)
    if text is None:
        return None
    number, _, unit = text.strip().partition(b" ")
    if unit != b"kB" or not number.isdigit() or len(number) > _DIGITS:
        raise MalformedProcFile(f"{file}: {name.decode()}: found {text[:40]!r}, wanted a number and kB")
    return Bytes(int(number) * 1024)


def need_kilobytes(found: Mapping[bytes, bytes], name: bytes, file: str) -> Bytes:
    """The bytes of a line that must be there. Raises MalformedProcFile."""
    value = parse_kilobytes(found, name, file)
    if value is None:
        raise MalformedProcFile(f"{file}: found no line {name.decode()}")
    return value
