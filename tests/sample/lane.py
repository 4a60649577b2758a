"""Slow reads made at once, as a lane would make them."""

from collections.abc import Callable, Iterable

from brimwatch.sample.slow import SlowRead


def make_all(
    reads: Iterable[SlowRead], accept: Callable[[SlowRead, object, float, float], object], now: float, cost: float
) -> list[str]:
    """Make each read, hand on what it found or why it failed; the sources that were read."""
    made = []
    for slow in reads:
        try:
            result: object = slow.read()
        except Exception as error:  # noqa: BLE001 - as the lanes do
            result = error
        accept(slow, result, now, cost)
        made.append(slow.source)
    return made
