"""How many bytes does a program mean? A number of bytes, or a size with a unit such as `"200MB"`."""

from __future__ import annotations

from brimwatch.hooks.wire import MOST_BYTES

_UNITS = {
    "B": 1,
    "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
_LONGEST = 32


def amount(value: object, where: str, least: int = 0) -> int:
    """Bytes, as in the configuration: `kB MB GB TB` are powers of 1000, `KiB` or `Ki` and so on powers of 1024.

    `where` begins the message of the ValueError that is raised for anything else, and for less than `least`.
    """
    found = _read(value)
    if found is None or not least <= found <= MOST_BYTES:
        raise ValueError(f"{where}: found {value!r:.80}, wanted at least {least} bytes as an int or such as '200MB'")
    return found


def _read(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isascii():
        return None
    text = value.strip()
    number = text.rstrip("BGKMTik").rstrip()
    unit = text[len(number) :].strip()
    digits = number.replace(".", "", 1)
    if unit not in _UNITS or not digits.isdigit() or not number[0].isdigit() or not number[-1].isdigit():
        return None
    return round(float(number) * _UNITS[unit])
