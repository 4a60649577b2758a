"""Which limit does a file tell, where the cgroup that sets it is out of reach?

Such a file is what Kubernetes' downward API writes into a volume: `limits.memory` of a container, in bytes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from brimwatch.errors import MalformedProcFile
from brimwatch.model import Limit, Reading, Sample
from brimwatch.procfs.descriptor import read_file
from brimwatch.quantity import Quantity
from brimwatch.sample.slow import SlowRead
from brimwatch.units import Bytes

SOURCE = "limit_file"
CADENCE = 10.0  # seconds; the kubelet renews such a volume about once a minute
FORGOTTEN = 120.0  # seconds after which a read that nobody brought back counts as lost


def read_limit(path: str) -> Bytes:
    """Bytes, as one decimal number. Raises OSError as the kernel has it, MalformedProcFile."""
    text = read_file(path, 64).strip()
    if not text.isdigit() or int(text) == 0:
        raise MalformedProcFile(f"{path}: found {text[:20]!r}, wanted a number of bytes")
    return Bytes(int(text))


class _Known:
    __slots__ = ("able", "bytes", "due", "issued")

    def __init__(self) -> None:
        self.bytes: Bytes | None = None
        self.able: bool | None = None  # None before the first read is back
        self.due = 0.0
        self.issued: float | None = None


class LimitFiles:
    """What the files of all targets say. Read on a lane: one on a dead mount holds nobody up. Times are monotonic."""

    def __init__(self) -> None:
        self._files: dict[str, _Known] = {}

    def due(self, path: str, now: float) -> tuple[SlowRead, ...]:
        """The read of that file, where it is time for it."""
        known = self._files.setdefault(path, _Known())
        out = known.issued is not None and now - known.issued < FORGOTTEN
        if out or now < known.due:
            return ()
        known.issued = now
        return (SlowRead(None, path, partial(read_limit, path)),)

    def accept(self, read: SlowRead, result: object, now: float, _: float) -> None:
        """The bytes, or the exception; what is only late stays as it was."""
        known = self._files[read.source]
        known.issued, known.due = None, now + CADENCE
        known.able = isinstance(result, int)
        if isinstance(result, int):
            known.bytes = Bytes(result)
        elif not isinstance(result, TimeoutError):
            known.bytes = None

    def capable(self, path: str | None) -> dict[str, bool]:
        """By the collector's name whether the file tells a limit; empty without one, and before it was read."""
        known = None if path is None else self._files.get(path)
        return {} if known is None or known.able is None else {SOURCE: known.able}

    def applied(self, path: str, sample: Sample, grouped: bool) -> Sample:
        """The sample with the file's limit, where it has none, or only that of a larger machine.

        What is left of it is known of a group alone, whose members are the container: the limit less the sum of their
        resident sets, a lower bound. When it will be reached is not: a forecast against the machine's memory goes.
        """
        known = self._files.get(path)
        told = None if known is None else known.bytes
        bound = sample.limit
        if told is None or (bound is not None and (bound.source == "cgroup" or bound.bytes <= told)):
            return sample
        readings: dict[Quantity, Reading] = dict(sample.readings)
        readings.pop(Quantity.TIME_TO_LIMIT, None)
        readings.pop(Quantity.MEMORY_USED, None)
        room, resident = sample.headroom, sample.value(Quantity.RSS)
        if grouped and resident is not None:
            left = Bytes(max(0, told - int(resident)))
            room = left if room is None else min(room, left)
        else:
            room = None
        return replace(sample, readings=readings, limit=Limit(told, "file"), headroom=room)
