"""Can an argument of a building block be what was given? Raised where it was written, as ValueError."""

from __future__ import annotations

import math


def check_count(what: str, value: object, least: int = 0, most: int | None = None) -> int:
    """Raise ValueError unless it is a whole number (of bytes, entries, threads) from `least` to `most`."""
    too_many = most is not None and isinstance(value, int) and value > most
    if isinstance(value, bool) or not isinstance(value, int) or value < least or too_many:
        raise ValueError(
            f"{what}: found {value!r:.80}, wanted an int from {least} {'on' if most is None else f'to {most}'}"
        )
    return value


def check_seconds(what: str, value: object, zero: bool = False) -> float:
    """Raise ValueError unless it is a number of seconds above 0, or 0 with `zero`; infinity is one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (value > 0 or (zero and value == 0)):
        raise ValueError(f"{what}: found {value!r:.80}, wanted seconds {'from 0 on' if zero else 'above 0'}")
    return float(value)


def check_number(what: str, value: object, least: float, most: float = math.inf) -> float:
    """Raise ValueError unless it is a number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        wanted = f"from {least:g} on" if most == math.inf else f"from {least:g} to {most:g}"
        raise ValueError(f"{what}: found {value!r:.80}, wanted a number {wanted}")
    return value


def check_function(what: str, value: object) -> None:
    """Raise ValueError unless it can be called, or is None."""
    if value is not None and not callable(value):
        raise ValueError(f"{what}: found {value!r:.80}, wanted a function")
