"""How long ago was that, where the clock may have been set since, or the machine started anew?

A monotonic clock runs on through a restart of the daemon and knows no steps, but it means nothing after a reboot; the
boot ID tells the two apart. Source: clock_gettime(2), random(4) for /proc/sys/kernel/random/boot_id.
"""

from __future__ import annotations

from typing import NamedTuple

from brimwatch.units import Seconds


class Moment(NamedTuple):
    """One moment on both clocks: Unix seconds, monotonic seconds, and the boot that the latter count within."""

    wall: float
    mono: float
    boot: str


def elapsed(then: Moment, now: Moment) -> Seconds:
    """Seconds from `then` to `now`, never negative: what seems to lie in the future was just now.

    Within one boot a step of the wall clock changes nothing. After a reboot only the wall clock is left to ask.
    """
    if then.boot and then.boot == now.boot:
        return Seconds(max(0.0, now.mono - then.mono))
    return Seconds(max(0.0, now.wall - then.wall))


def translate(at: float, saved: Moment, now: Moment) -> float:
    """A monotonic time that was written down at `saved`, on the monotonic clock of `now`.

    Within one boot it is the same number. After a reboot it lies as long before or after `saved` as it did.
    """
    if saved.boot and saved.boot == now.boot:
        return at
    return now.mono - elapsed(saved, now) + (at - saved.mono)
