"""What has the machine left? One reader that all samplers share."""

from __future__ import annotations

from brimwatch.errors import MalformedProcFile
from brimwatch.procfs.descriptor import HeldFile
from brimwatch.procfs.meminfo import Meminfo, parse_meminfo
from brimwatch.procfs.pressure import Pressure, parse_pressure
from brimwatch.sample.sources import PRESSURE

FRESH = 0.25  # seconds that members of the machine go by the same figures


class Machine:
    """/proc/meminfo and /proc/pressure/memory. Times are monotonic seconds; a failure leaves None and a reason."""

    __slots__ = ("_at", "_figures", "_meminfo", "_pressure", "_pressure_at", "_psi", "failures", "procfs")

    def __init__(self, procfs: str = "/proc") -> None:
        self.procfs = procfs
        self.failures: dict[str, str] = {}
        self._meminfo = HeldFile(f"{procfs}/meminfo", 16384)
        self._psi = HeldFile(f"{procfs}/pressure/memory")
        self._at = self._pressure_at = float("-inf")
        self._figures: Meminfo | None = None
        self._pressure: Pressure | None = None

    def figures(self, now: float, age: float = FRESH) -> Meminfo | None:
        """Totals in bytes, at most `age` seconds old; None where they cannot be read."""
        if now - self._at >= age:
            self._at = now
            try:
                self._figures = parse_meminfo(self._meminfo.read())
                self.failures.pop("meminfo", None)
            except (OSError, MalformedProcFile) as error:
                self._figures = None
                self.failures["meminfo"] = str(error)
        return self._figures

    def pressure(self, now: float) -> Pressure | None:
        """The machine's memory pressure, at most two seconds old; None where the kernel keeps no account."""
        if now - self._pressure_at >= PRESSURE.cadence:
            self._pressure_at = now
            try:
                self._pressure = parse_pressure(self._psi.read())
                self.failures.pop("pressure", None)
            except (OSError, MalformedProcFile) as error:
                self._pressure = None
                self.failures["pressure"] = str(error)
        return self._pressure

    @property
    def pressure_at(self) -> float:
        """When the pressure was last read."""
        return self._pressure_at

    def close(self) -> None:
        """Give the descriptors back."""
        self._meminfo.close()
        self._psi.close()
