"""Which descriptors tell that something happens in a cgroup, or on the machine, and why is one missing?

`psi`: tasks wait for memory. `memory_events`: a limit was hit or the kernel killed (v2), the cgroup ran out (v1).
Where neither can be had, looks and glances alone see what happens.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from brimwatch.procfs.cgroup_place import Directory, Place
from brimwatch.procfs.memory_files import PRESSURE
from brimwatch.procfs.trigger import open_oom_event, open_pressure_trigger
from brimwatch.sample.slow import failure_reason

PSI, EVENTS = "psi", "memory_events"
_FOREIGN = "not through a target's root: nothing is written there"


class Alarms:
    """Of one cgroup. `reasons`: by collector why it cannot wake us, an empty text where it can."""

    __slots__ = ("events", "place", "pressure", "reasons")

    def __init__(self) -> None:
        self.place: Place | None = None
        self.pressure = self.events = -1
        self.reasons: dict[str, str] = {}

    def arm(self, place: Place, unified: Place | None, held: int) -> None:
        """Open what there is. `unified` is where its pressure is, `held` the open events file of v2, else -1."""
        self.close()
        self.place = place
        if place.version == 2:
            self.reasons[EVENTS] = "" if held >= 0 else "no memory.events"
        elif place.through is None:
            self.events = self._open(EVENTS, lambda: open_oom_event(place))
        else:
            self.reasons[EVENTS] = _FOREIGN
        if unified is None:
            self.reasons[PSI] = "this kernel keeps no pressure of the cgroup"
        elif unified.through is None:
            self.pressure = self._open(PSI, lambda: _open_pressure(unified))
        else:
            self.reasons[PSI] = _FOREIGN

    def close(self) -> None:
        """Give the descriptors back."""
        for descriptor in (self.pressure, self.events):
            if descriptor >= 0:
                os.close(descriptor)
        self.pressure = self.events = -1
        self.place = None
        self.reasons = {}

    def _open(self, name: str, opener: Callable[[], int]) -> int:
        try:
            descriptor = opener()
        except OSError as error:
            self.reasons[name] = failure_reason(error) or str(error)
            return -1
        self.reasons[name] = ""
        return descriptor


def _open_pressure(place: Place) -> int:
    with Directory(place) as directory:
        return open_pressure_trigger(PRESSURE, directory.descriptor)
