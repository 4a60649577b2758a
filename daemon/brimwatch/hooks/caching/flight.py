"""Who computes a value that several threads want at once? The first; the others wait for it."""

from __future__ import annotations

import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Flight:
    """One computation under way. Made by the thread that computes; landed once, whatever became of it."""

    __slots__ = ("_landed", "owner", "value", "worked")

    def __init__(self) -> None:
        self.owner = _thread.get_ident()
        self.worked = False
        self.value: Any = None
        self._landed = _thread.allocate_lock()
        self._landed.acquire()

    @property
    def is_ours(self) -> bool:
        """Whether this very thread computes it: waiting for it would never end."""
        return self.owner == _thread.get_ident()

    def land(self, worked: bool, value: Any = None) -> None:
        """It is over; let the others go on."""
        self.worked, self.value = worked, value
        self._landed.release()

    def wait(self) -> None:
        """Until it is over."""
        with self._landed:
            pass
