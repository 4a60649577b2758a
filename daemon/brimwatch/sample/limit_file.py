"""Which limit does a file tell, where the cgroup that sets it is out of reach?

Such a file is what Kubernetes' downward API writes into a volume: `limits.memory` of a container, in bytes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from brimwatch.errors import MalformedProcFile
from brimwatch.model import Limit, Sample
from brimwatch.procfs.descriptor import read_file
from brimwatch.quantity import Quantity
from brimwatch.sample.schedule import FORGOTTEN
from brimwatch.sample.slow import SlowRead
from brimwatch.units import Bytes

SOURCE = "limit_file"
CADENCE = 10.0  # seconds; the kubelet renews such a volume about once a minute


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
    """What the files of all targets say, each read on a lane as an owner of its own. Times are monotonic seconds."""

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

    def applied(self, path: str, sample: Sample) -> Sample:
        """The sample with the file's limit, where it has none, or only that of a larger machine.

        What is left of it is not known: files in memory and other processes of the container count too. So headroom,
        and what was reckoned against the machine's memory, are absent.
        """
        known = self._files.get(path)
        told = None if known is None else known.bytes
        bound = sample.limit
        if told is None or (bound is not None and (bound.source == "cgroup" or bound.bytes <= told)):
            return sample
        against_machine = (Quantity.TIME_TO_LIMIT, Quantity.MEMORY_USED)
        readings = {one: reading for one, reading in sample.readings.items() if one not in against_machine}
        return replace(sample, readings=readings, limit=Limit(told, "file"), headroom=None)
